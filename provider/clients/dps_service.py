"""The data plane of the Device Provisioning Service: enrollment groups and individual enrollments.

REST API 2021-10-01 and 2026-11-01 (Azure/azure-rest-api-specs, specification/deviceprovisioningservices/
data-plane/DeviceProvisioningServices/stable/{2021-10-01,2026-11-01}/service.json). If-Match goes unquoted, as
the published clients send it."""

from __future__ import annotations

from urllib.parse import quote

from provider.clients.errors import NotFoundError
from provider.clients.rest import Document, Rest, document

API_VERSION = "2021-10-01"
REGISTRY_API_VERSION = "2026-11-01"
"""The first with certificates from Azure Device Registry (namespaceName, certificateAuthorityName …)."""
API_VERSIONS = (API_VERSION, REGISTRY_API_VERSION)

GROUPS = "enrollmentGroups"
INDIVIDUALS = "enrollments"


class DpsService:
    """Enrollments of one provisioning service, in one of its collections (GROUPS, INDIVIDUALS)."""

    def __init__(self, rest: Rest, collection: str) -> None:
        self._rest = rest
        self._collection = collection

    def get(self, name: str, api_version: str = API_VERSION) -> Document | None:
        """The enrollment's document, or None when there is none."""
        try:
            return document(self._rest.call("GET", self._path(name), params={"api-version": api_version}))
        except NotFoundError:
            return None

    def put(
        self, name: str, body: Document, if_match: str | None = None, api_version: str = API_VERSION
    ) -> Document:
        """Create the enrollment, or change the one with this ETag. Raises StaleError when it has another by
        now.
        """
        params = {"api-version": api_version}
        return document(self._rest.call("PUT", self._path(name), params=params, body=body, if_match=if_match))

    def attestation(self, name: str, api_version: str = API_VERSION) -> Document:
        """How its devices attest, with the symmetric keys that `get` leaves out, to be sent back."""
        path = f"{self._path(name)}/attestationmechanism"
        params = {"api-version": api_version}
        return document(self._rest.call("POST", path, params=params, repeatable=True))

    def delete(self, name: str) -> None:
        """Delete the enrollment. One that is gone already is no error."""
        try:
            self._rest.call("DELETE", self._path(name), params={"api-version": API_VERSION})
        except NotFoundError:
            return

    def _path(self, name: str) -> str:
        return f"/{self._collection}/{quote(name, safe='')}"
