"""What can go wrong between us and a service.

    ClientError
    ├── ConfigurationError       the environment asks for something impossible (a CA file that is not there)
    ├── AuthenticationError      no token could be had, or the credentials are not accepted
    ├── WrongAccountError        the credentials are those of another account than the description's
    ├── OfflineError             MUSTER_OFFLINE is set: no service is asked
    ├── UnreachableError         no answer: refused, timed out, TLS not verified
    ├── ForeignHostError         a service points to another host, which must not get our token
    ├── CancelledError           the engine asked us to stop
    ├── DeadlineError            the service took longer than we may wait
    ├── OperationFailedError     a long-running operation ended badly
    └── ServiceError             the service answered with an error
        ├── NotFoundError        404
        ├── ConflictingError     409: it is in the middle of another change
        ├── StaleError           412: our ETag is not the newest
        └── ForbiddenError       401, 403

Texts name the method, host and path, never a query string, a header or a body that we sent.
"""

from __future__ import annotations

import json
from typing import Any

import httpx


class ClientError(Exception):
    """Root of the tree. `str(error)` is for the person and holds no secret."""


class ConfigurationError(ClientError):
    """A setting in the environment cannot be used."""


class AuthenticationError(ClientError):
    """No credential gave a token."""


class WrongAccountError(ClientError):
    """The credentials are good, and belong to another account."""


class OfflineError(ClientError):
    """The person asked for no calls at all."""


class UnreachableError(ClientError):
    """The service did not answer at all."""


class ForeignHostError(ClientError):
    """A service told us to go on at another host."""


class CancelledError(ClientError):
    """The operation was given up because the engine cancelled it."""


class DeadlineError(ClientError):
    """The time for the operation is over."""


class OperationFailedError(ClientError):
    """The service accepted a long-running operation and then failed it."""


class ServiceError(ClientError):
    """An error answer: its status, the service's own code, and the tracking id to give to support.

    `retry_after_seconds` is how long the service asks to wait before the next call, where it does."""

    def __init__(
        self, text: str, status: int, code: str, tracking_id: str, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds
        self.status = status
        self.code = code
        self.tracking_id = tracking_id


class NotFoundError(ServiceError):
    """There is no such thing (404)."""


class ConflictingError(ServiceError):
    """The service is busy with another change of the same thing (409)."""


class StaleError(ServiceError):
    """The thing was changed since we read it: the ETag does not match (412)."""


class ForbiddenError(ServiceError):
    """The identity may not do this (401 or 403)."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictingError,
    412: StaleError,
}
_ADVICE = {
    401: "; the token was not accepted: are the AZURE_* variables those of this tenant?",
    403: "; the identity lacks a role: see docs/provider.md for the ones Muster needs",
}
_TRACKING_HEADERS = ("x-ms-correlation-request-id", "x-ms-request-id")


def service_error(response: httpx.Response) -> ServiceError:
    """The error for an answer with a status of 400 or more.

    Understands ARM's `{"error": {"code", "message"}}`, DPS' `{"errorCode", "trackingId", "message"}` and
    the hub's `{"Message"}`."""
    body = _body(response)
    code = str(body.get("code") or body.get("errorCode") or response.headers.get("x-ms-error-code", ""))
    message = str(body.get("message") or body.get("Message") or response.reason_phrase)
    headers = (response.headers.get(name) for name in _TRACKING_HEADERS)
    tracking_id = str(body.get("trackingId") or next((each for each in headers if each), ""))
    named = f" {code}" if code else ""
    tracked = f" (tracking id {tracking_id})" if tracking_id else ""
    text = (
        f"{where(response.request)} answered {response.status_code}{named}: {message}{tracked}"
        f"{_ADVICE.get(response.status_code, '')}"
    )
    kind = _BY_STATUS.get(response.status_code, ServiceError)
    return kind(text, response.status_code, code, tracking_id, _retry_after_seconds(response))


def where(request: httpx.Request) -> str:
    """The request as a message may name it: no query string, no headers."""
    return f"{request.method} {request.url.host}{request.url.path}"


def _retry_after_seconds(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "").strip()
    return float(text) if text.isdecimal() and text.isascii() else None


def _body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return inner if isinstance(inner, dict) else body
