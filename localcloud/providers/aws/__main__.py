"""`python -m localcloud.providers.aws [ENGINE]`: what `pulumi-resource-aws` runs."""

import logging
import os

from localcloud.providers.light_protocol import prefer_bare_messages

parent = os.getppid()
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
prefer_bare_messages()

from localcloud.providers.aws.plugin import made  # noqa: E402 - after the light protocol
from localcloud.providers.server import serve  # noqa: E402

for library in ("botocore", "urllib3"):  # their warnings come again as errors, with our words
    logging.getLogger(library).setLevel(logging.CRITICAL)
serve(made(), parent)
