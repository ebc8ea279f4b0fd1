"""Documents of jobs: given, or read from S3; and links to S3 that a device can follow without credentials.

docs.aws.amazon.com/iot/latest/developerguide/create-manage-jobs.html: `${aws:iot:s3-presigned-url:URL}`
becomes a link that is signed for the seconds of presignedUrlConfig, each time that a device asks.
"""

import json
import re

from botocore.credentials import Credentials

from localcloud.aws.api import ApiError
from localcloud.aws.emulator import Emulator
from localcloud.aws.iot import objects
from localcloud.aws.iot.refusals import invalid

LONGEST = 32768
DEFAULT_SECONDS = 3600
_PLACEHOLDER = re.compile(r"\$\{aws:iot:s3-presigned-url(?:-v2)?:([^}]+)\}")


def checked(text: str) -> str:
    """A document, which must be JSON. Raises ApiError."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise invalid(f"The job document is not valid JSON: {fault}.") from fault
    for url in _PLACEHOLDER.findall(text):
        objects.place_of(url)
    return text


def has_links(text: str) -> bool:
    """Whether a presignedUrlConfig is needed."""
    return _PLACEHOLDER.search(text) is not None


async def fetched(emulator: Emulator, url: str) -> str:
    """The document that lies there. Raises ApiError."""
    bucket, key = objects.place_of(url)
    try:
        data = await objects.read(emulator, bucket, key)
    except ApiError as refused:
        raise invalid(f"The job document {url[:200]} cannot be read: {refused.message}") from refused
    if len(data) > LONGEST:
        raise invalid(f"The job document has {len(data)} bytes; {LONGEST} is the maximum.")
    try:
        return checked(data.decode())
    except UnicodeDecodeError as fault:
        raise invalid("The job document is no UTF-8.") from fault


def linked(text: str, credentials: Credentials, region: str, seconds: int) -> str:
    """The document with its placeholders replaced by links that are good for so long."""

    def replaced(match: re.Match[str]) -> str:
        bucket, key = objects.place_of(match[1])
        return objects.link(bucket, key, credentials, region, seconds)

    return _PLACEHOLDER.sub(replaced, text)
