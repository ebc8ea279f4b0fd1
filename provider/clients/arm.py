"""Azure Resource Manager: documents by id, and long-running operations waited for.

Follows the ARM asynchronous operation contract (Azure-AsyncOperation, Location, provisioningState;
Microsoft's resource-manager-api-contract "Async operations" page)."""

from __future__ import annotations

import httpx

from provider.clients.errors import NotFoundError, OperationFailedError
from provider.clients.rest import Document, Rest, document
from provider.clients.retry import Clock, pause, retry_after_seconds

POLL_SECONDS = 2.0
_FAILED = frozenset({"failed", "canceled", "cancelled"})


class Arm:
    """ARM documents. Ids are those of ARM (`/subscriptions/…`); etags go into If-Match as they came."""

    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest = rest
        self._clock = clock

    def get(self, resource_id: str, api_version: str) -> Document | None:
        """The document, or None when there is none."""
        try:
            return document(self._rest.call("GET", resource_id, params={"api-version": api_version}))
        except NotFoundError:
            return None

    def put(
        self, resource_id: str, api_version: str, body: Document, if_match: str | None = None
    ) -> Document:
        """Create or change it and wait until that is done; the finished document."""
        params = {"api-version": api_version}
        response = self._rest.call("PUT", resource_id, params=params, body=body, if_match=if_match)
        if not self._waited(response):
            return document(response)
        return self.get(resource_id, api_version) or document(response)

    def patch(self, resource_id: str, api_version: str, body: Document) -> None:
        """Merge into it (RFC 7396: null takes a member away), and wait. Sent twice it does no harm."""
        params = {"api-version": api_version}
        self._waited(self._rest.call("PATCH", resource_id, params=params, body=body, repeatable=True))

    def delete(self, resource_id: str, api_version: str, if_match: str | None = None) -> None:
        """Delete it and wait. One that is gone already is no error."""
        try:
            response = self._rest.call(
                "DELETE", resource_id, params={"api-version": api_version}, if_match=if_match
            )
        except NotFoundError:
            return
        self._waited(response)

    def post(
        self,
        action: str,
        api_version: str,
        body: Document | None = None,
        *,
        if_match: str | None = None,
        repeatable: bool = False,
    ) -> Document:
        """Run an action, such as `{resource id}/verify`. Say `repeatable` only if running it twice does no
        harm.
        """
        params = {"api-version": api_version}
        response = self._rest.call(
            "POST", action, params=params, body=body, if_match=if_match, repeatable=repeatable
        )
        return document(response)

    def wait(self, seconds: float, waiting_for: str) -> None:
        """Wait before another try, within the deadline."""
        pause(seconds, self._clock, f"waiting to change {waiting_for} again")

    def _waited(self, response: httpx.Response) -> bool:
        # Whether there was an operation to wait for; the order of the three signs is ARM's.
        if (monitor := response.headers.get("azure-asyncoperation")) is not None:
            self._wait_status(monitor, response)
            return True
        if response.status_code == httpx.codes.ACCEPTED and (location := response.headers.get("location")):
            self._wait_location(location, response)
            return True
        if _state(document(response)) not in {"", "succeeded"}:
            self._wait_resource(response)
            return True
        return False

    def _wait_status(self, monitor: str, response: httpx.Response) -> None:
        status = ""
        while status != "succeeded":
            self._pause(response)
            response = self._rest.call("GET", monitor)
            body = document(response)
            status = str(body.get("status", "")).lower()
            _refuse_failure(status, body, response)

    def _wait_location(self, location: str, response: httpx.Response) -> None:
        while response.status_code == httpx.codes.ACCEPTED:
            self._pause(response)
            response = self._rest.call("GET", location)
            location = response.headers.get("location", location)

    def _wait_resource(self, response: httpx.Response) -> None:
        url = str(response.request.url)
        state = _state(document(response))
        while state not in {"", "succeeded"}:
            _refuse_failure(state, document(response), response)
            self._pause(response)
            response = self._rest.call("GET", url)
            state = _state(document(response))

    def _pause(self, response: httpx.Response) -> None:
        asked = retry_after_seconds(response, self._clock)
        seconds = POLL_SECONDS if asked is None else asked
        pause(seconds, self._clock, f"waiting for Azure to finish {response.request.url.path}")


def _state(body: Document) -> str:
    properties = body.get("properties")
    return str(properties.get("provisioningState") or "").lower() if isinstance(properties, dict) else ""


def _refuse_failure(status: str, body: Document, response: httpx.Response) -> None:
    if status not in _FAILED:
        return
    error = body.get("error")
    said = f": {error.get('code')}: {error.get('message')}" if isinstance(error, dict) else ""
    raise OperationFailedError(f"Azure gave up {response.request.url.path} ({status}){said}")
