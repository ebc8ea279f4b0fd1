"""Objects in S3, which the emulator keeps: read, written, and linked to for who has no credentials."""

import re
from urllib.parse import unquote, urlsplit

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials

from localcloud.aws.calls import Calls
from localcloud.aws.iot.refusals import invalid

_PATH_STYLE = re.compile(r"s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")
_HOST_STYLE = re.compile(r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")


def place_of(url: str) -> tuple[str, str]:
    """Bucket and key of an S3 address. Raises ApiError."""
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    hosted = _HOST_STYLE.fullmatch(parts.hostname or "")
    bucket, key = "", ""
    if parts.scheme == "https" and hosted:
        bucket, key = hosted[1], path
    elif parts.scheme == "https" and _PATH_STYLE.fullmatch(parts.hostname or ""):
        bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise invalid(f"{url[:200]} is no https address of an object in S3.")
    return bucket, key


async def read(calls: Calls, bucket: str, key: str) -> bytes:
    """An object's bytes. Raises ApiError with S3's code."""
    found = await calls.call("s3", "get_object", Bucket=bucket, Key=key)
    body = found["Body"]
    data: bytes = body if isinstance(body, bytes) else body.read()
    return data


async def write(calls: Calls, bucket: str, key: str, data: bytes) -> None:
    """Put an object. Raises ApiError with S3's code."""
    await calls.call("s3", "put_object", Bucket=bucket, Key=key, Body=data)


def link(bucket: str, key: str, credentials: Credentials, region: str, seconds: int) -> str:
    """An address that is good for so long without credentials; signed in this process, nothing is asked."""
    config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    client = botocore.session.get_session().create_client(
        "s3",
        region_name=region,
        config=config,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
    )
    params = {"Bucket": bucket, "Key": key}
    return str(client.generate_presigned_url("get_object", Params=params, ExpiresIn=seconds))
