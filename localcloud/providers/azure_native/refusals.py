"""What ARM, its sign-in and the way to them can answer, in words for the person."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.sax.saxutils import unescape

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ODataV4Format,
    ServiceRequestError,
    ServiceResponseError,
)

from localcloud.providers.errors import CloudRefused, CloudUnreachable

_HINTS = {
    401: "the token was not accepted; is the environment that of the running local cloud?",
    403: "the signed-in identity may not do this",
    409: "the name is taken, or another change to it is under way",
    412: "it was changed since it was read; run pulumi refresh and look at the difference",
    429: "too many requests; they were repeated as the service asked; wait and run again",
}


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Raise `CloudRefused`, `CloudUnreachable` for all that azure-core raises; `what` begins the message."""
    try:
        yield
    except HttpResponseError as error:
        raise _refused(what, error) from None
    except (ServiceRequestError, ServiceResponseError) as error:
        raise CloudUnreachable(
            f"{what}: no answer from Azure: {_first_line(error)}; is the local cloud running?"
        ) from None
    except AzureError as error:
        raise CloudUnreachable(f"{what}: {_first_line(error)}") from None


def _refused(what: str, error: HttpResponseError) -> CloudRefused:
    status = error.status_code or 0
    if isinstance(error, ClientAuthenticationError) and error.error is None:
        return CloudUnreachable(f"{what}: sign-in failed: {_first_line(error)}", "", status)
    code = getattr(error.error, "code", None) or _header(error, "x-ms-error-code")
    code = code or (f"HTTP {status}" if status else "failed")
    lines = [f"{what}: {code}: {_message(error)}", *_details(error.error)]
    if status in _HINTS:
        lines.append(f"  ({_HINTS[status]}{_delay(error)})")
    return CloudRefused("\n".join(lines), code, status)


def _message(error: HttpResponseError) -> str:
    message = getattr(error.error, "message", None)
    if message:
        return str(message)
    written = re.search("<Message>(.*?)</Message>", _text(error), re.DOTALL)  # storage answers in XML
    return unescape(written[1]) if written else _first_line(error)


def _text(error: HttpResponseError) -> str:
    response = error.response
    return response.text() if response is not None and hasattr(response, "text") else ""


def _header(error: HttpResponseError, name: str) -> str:
    headers = getattr(error.response, "headers", {})
    return str(headers.get(name, ""))


def _details(error: ODataV4Format | None) -> list[str]:
    """The property paths that ARM names, unless its message says them already."""
    if error is None:
        return []
    said = str(error.message)
    return [
        f"  {detail.target}: {detail.message}"
        for detail in error.details
        if detail.target and str(detail.message) not in said
    ]


def _delay(error: HttpResponseError) -> str:
    seconds = _header(error, "Retry-After")
    return f" after {seconds} s" if seconds else ""


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
