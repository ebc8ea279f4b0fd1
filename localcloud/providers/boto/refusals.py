"""What a service of AWS and the way to it can answer, in words for the person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
)
from botocore.exceptions import (
    ConnectionError as NoConnectionError,
)

from localcloud.providers.boto.codes import Refusal
from localcloud.providers.errors import CloudUnreachable, ProviderError

_HINTS = {
    "UnrecognizedClientException": "is the environment that of the running local cloud?",
    "InvalidClientTokenId": "is the environment that of the running local cloud?",
    "ExpiredTokenException": "the credentials have expired; get new ones",
    "ExpiredToken": "the credentials have expired; get new ones",
    "AccessDeniedException": "the signed-in identity may not do this",
    "AccessDenied": "the signed-in identity may not do this",
    "ThrottlingException": "too many requests; wait and run again",
    "VersionConflictException": "it was changed since it was read; run pulumi refresh and look",
}


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise `CloudRefused`, `CloudUnreachable`, `ProviderError` for all that botocore raises."""
    try:
        yield
    except ClientError as error:
        raise _refused(what, error) from None
    except ParamValidationError as error:
        raise ProviderError(f"{what}: {error.kwargs.get('report', error)}") from None
    except NoCredentialsError:
        raise CloudUnreachable(
            f"{what}: there are no AWS credentials; on the local stack: source .tools/env"
        ) from None
    except (HTTPClientError, NoConnectionError) as error:
        raise CloudUnreachable(
            f"{what}: no answer from AWS: {_first_line(error)}; is the local cloud running?"
        ) from None
    except BotoCoreError as error:
        raise CloudUnreachable(f"{what}: {_first_line(error)}") from None


def _refused(what: str, error: ClientError) -> Refusal:
    told = error.response.get("Error", {})
    code = str(told.get("Code") or "failed")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    hint = f"\n  ({_HINTS[code]})" if code in _HINTS else ""
    members = {name: it for name, it in error.response.items() if name not in ("Error", "ResponseMetadata")}
    return Refusal(f"{what}: {code}: {told.get('Message', '')}{hint}", code, status, members)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
