"""The service API of an IoT hub: identities, twins, configurations, queries.

REST API 2021-04-12 (Azure/azure-rest-api-specs, specification/iothub/data-plane/Microsoft.Devices/stable/
2021-04-12/iothub.json; the model of azure-iot-hub 2.7.0). If-Match goes quoted: the hub answers a bare one
with 409, which is why `update_configuration` of azure-iot-hub always fails."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from provider.clients.errors import NotFoundError
from provider.clients.rest import Document, Rest, document

API_VERSION = "2021-04-12"
HUB_SCOPE = "https://iothubs.azure.net/.default"
MOST_CONFIGURATIONS = 100
"""As many as a hub may have ("IoT Hub quotas and throttling": automatic device configurations)."""

_PARAMS = {"api-version": API_VERSION}


class HubService:
    """Documents of one hub, by path (see device_path and the like)."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def get(self, path: str) -> Document | None:
        """The document, or None when there is none."""
        try:
            return document(self._rest.call("GET", path, params=_PARAMS))
        except NotFoundError:
            return None

    def put(self, path: str, body: Document, etag: str | None = None) -> Document:
        """Create it, or change the one with this ETag. Raises StaleError when it has another by now, and
        ConflictingError when one to create is there.
        """
        response = self._rest.call("PUT", path, params=_PARAMS, body=body, if_match=_quoted(etag))
        return document(response)

    def patch(self, path: str, body: Document) -> Document:
        """Merge into a twin: a null takes a key away, what is not named stays. Twice does no harm."""
        return document(self._rest.call("PATCH", path, params=_PARAMS, body=body, repeatable=True))

    def delete(self, path: str) -> None:
        """Delete it, whatever its version. One that is gone already is no error."""
        try:
            self._rest.call("DELETE", path, params=_PARAMS, if_match="*")
        except NotFoundError:
            return

    def configurations(self) -> list[Document]:
        """All configurations of the hub (the API has no further pages)."""
        params = {**_PARAMS, "top": str(MOST_CONFIGURATIONS)}
        return _list(self._rest.call("GET", "/configurations", params=params).json())

    def test_queries(self, target_condition: str, metrics: dict[str, str]) -> dict[str, str]:
        """What is wrong with a target condition (under the key "") and with queries (under their names)."""
        body = {"targetCondition": target_condition, "customMetricQueries": metrics}
        answer = document(
            self._rest.call("POST", "/configurations/testQueries", params=_PARAMS, body=body, repeatable=True)
        )
        found = {"": answer.get("targetConditionError"), **(answer.get("customMetricQueryErrors") or {})}
        return {name: str(error) for name, error in found.items() if error}

    def count(self, collection: str, condition: str) -> int:
        """How many twins of a collection (devices, devices.modules) meet a condition; "" for all."""
        where = f" WHERE {condition}" if condition else ""
        query = f"SELECT COUNT() AS total FROM {collection}{where}"  # noqa: S608 - the hub's own language, read-only
        body = {"query": query}
        response = self._rest.call("POST", "/devices/query", params=_PARAMS, body=body, repeatable=True)
        rows = _list(response.json())
        return int(rows[0].get("total") or 0) if rows else 0


def device_path(device_id: str) -> str:
    """A device identity."""
    return f"/devices/{quote(device_id, safe='')}"


def module_path(device_id: str, module_id: str) -> str:
    """A module identity."""
    return f"{device_path(device_id)}/modules/{quote(module_id, safe='')}"


def twin_path(device_id: str, module_id: str | None = None) -> str:
    """The twin of a device, or of one of its modules."""
    of_device = f"/twins/{quote(device_id, safe='')}"
    return of_device if module_id is None else f"{of_device}/modules/{quote(module_id, safe='')}"


def configuration_path(configuration_id: str) -> str:
    """A configuration."""
    return f"/configurations/{quote(configuration_id, safe='')}"


def _quoted(etag: str | None) -> str | None:
    return None if etag is None else '"' + etag.strip('"') + '"'


def _list(body: Any) -> list[Document]:  # noqa: ANN401 - whatever the service sent
    return [each for each in body if isinstance(each, dict)] if isinstance(body, list) else []
