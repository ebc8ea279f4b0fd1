"""`python -m localcloud.providers.azure_native [ENGINE]`: what `pulumi-resource-azure-native` runs."""

import logging
import os

from localcloud.providers.light_protocol import prefer_bare_messages

parent = os.getppid()
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
prefer_bare_messages()

from localcloud.providers.azure_native.plugin import AzureNative  # noqa: E402 - after the light protocol
from localcloud.providers.server import serve  # noqa: E402

for library in ("azure", "msal", "urllib3"):  # their warnings come again as errors, with our words
    logging.getLogger(library).setLevel(logging.CRITICAL)
serve(AzureNative(), parent)
