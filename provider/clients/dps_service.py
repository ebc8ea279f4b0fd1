"""The data plane of the Device Provisioning Service: enrollment groups.

REST API 2021-10-01 (Azure/azure-rest-api-specs, specification/deviceprovisioningservices/data-plane/
DeviceProvisioningServices/stable/2021-10-01/service.json). If-Match goes unquoted, as the published clients
send it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from provider.clients.errors import NotFoundError
from provider.clients.rest import Rest, document

API_VERSION = "2021-10-01"


class DpsService:
    """Enrollment groups of one provisioning service."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def get_group(self, group_id: str) -> dict[str, Any] | None:
        """The group's document, or None when there is none."""
        try:
            return document(self._rest.call("GET", _path(group_id), params=_PARAMS))
        except NotFoundError:
            return None

    def put_group(self, group_id: str, body: dict[str, Any], if_match: str | None = None) -> dict[str, Any]:
        """Create the group, or change the one with this ETag. Raises StaleError when it has another by
        now.
        """
        return document(self._rest.call("PUT", _path(group_id), params=_PARAMS, body=body, if_match=if_match))

    def delete_group(self, group_id: str) -> None:
        """Delete the group. One that is gone already is no error."""
        try:
            self._rest.call("DELETE", _path(group_id), params=_PARAMS)
        except NotFoundError:
            return


_PARAMS = {"api-version": API_VERSION}


def _path(group_id: str) -> str:
    return f"/enrollmentGroups/{quote(group_id, safe='')}"
