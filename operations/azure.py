"""The cloud of the operations on Azure: the data planes of DPS and IoT Hub.

Calls that provider.clients has not, and where they are published (Azure/azure-rest-api-specs):

- `GET /registrations/{id}`, `POST /registrations/{group}/query` (no body): DeviceRegistrationState_Get,
  DeviceRegistrationState_Query,
  specification/deviceprovisioningservices/data-plane/DeviceProvisioningServices/stable/2021-10-01/service.json
- `DELETE /enrollments/{id}` with If-Match: IndividualEnrollment_Delete, the same file
- `POST /devices/query` in pages: Query_GetTwins, specification/iothub/data-plane/Microsoft.Devices/stable/
  2021-04-12/iothub.json; with no projection its rows are twins, which carry `x509Thumbprint`

An enrollment is made by a bulk operation of one with mode `create`: a PUT without If-Match would replace one
that somebody else made a moment before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final
from urllib.parse import quote

from operations.cloud import Document
from provider.clients import Azure
from provider.clients.credentials import Entra
from provider.clients.dps_bulk import DpsBulk
from provider.clients.dps_service import DpsService
from provider.clients.errors import NotFoundError
from provider.clients.hub_service import API_VERSION as HUB_API_VERSION
from provider.clients.hub_service import HUB_SCOPE, device_path
from provider.clients.rest import Rest, document
from provider.clients.retry import Clock, pause
from provider.clients.transport import http_client

PAGE_ROWS: Final = 100
"""As many twins as one page of a query has at most ("IoT Hub query language")."""

_TWINS = {"query": "SELECT * FROM devices"}


class AzureCloud:
    """One provisioning service and its hubs, over HTTPS; `azure_cloud` opens one. A `Cloud`.

    `hub_rest(host)` gives the calls of a hub's service API.
    """

    def __init__(
        self,
        azure: Azure,
        hub_rest: Callable[[str], Rest],
        service_host: str,
        api_version: str,
        hubs: tuple[str, ...] = (),
    ) -> None:
        self._azure = azure
        self._hub_rest = hub_rest
        self._host = service_host
        self._version = api_version
        self._hubs = hubs
        self._dps = azure.dps(service_host)

    @property
    def service_host(self) -> str:
        """The provisioning service."""
        return self._host

    @property
    def hubs(self) -> tuple[str, ...]:
        """The hubs that were named."""
        return self._hubs

    def enrollment(self, registration_id: str) -> Document | None:
        """The individual enrollment, symmetric keys included."""
        return self._with_keys(self._azure.individuals(self._host), registration_id)

    def add_enrollment(self, document: Document) -> str | None:
        """Make one; the service's reason when it will not."""
        errors = DpsBulk(self._dps, self._version).run("create", [document])
        return errors[0].text if errors else None

    def put_enrollment(self, registration_id: str, document: Document, etag: str) -> Document:
        """Change one."""
        return self._azure.individuals(self._host).put(registration_id, document, etag, self._version)

    def remove_enrollment(self, registration_id: str, etag: str) -> None:
        """Delete one."""
        path = f"/enrollments/{quote(registration_id, safe='')}"
        try:
            self._dps.call("DELETE", path, params=self._params, if_match=etag)
        except NotFoundError:
            return

    def group(self, group_id: str) -> Document | None:
        """The group, symmetric keys included."""
        return self._with_keys(self._azure.groups(self._host), group_id)

    def registration(self, registration_id: str) -> Document | None:
        """The registration's state."""
        path = f"/registrations/{quote(registration_id, safe='')}"
        try:
            return document(self._dps.call("GET", path, params=self._params))
        except NotFoundError:
            return None

    def registrations(self, group_id: str) -> Iterator[Document]:
        """The states of all registrations of a group."""
        path = f"/registrations/{quote(group_id, safe='')}/query"
        return _pages(self._dps, path, self._params, None)

    def identity(self, hub: str, device_id: str) -> Document | None:
        """The identity, keys included."""
        return self._azure.hub(hub).get(device_path(device_id))

    def put_identity(self, hub: str, device_id: str, document: Document, etag: str) -> Document:
        """Change the identity."""
        return self._azure.hub(hub).put(device_path(device_id), document, etag)

    def twins(self, hub: str) -> Iterator[Document]:
        """The twins of all devices."""
        params = {"api-version": HUB_API_VERSION}
        return _pages(self._hub_rest(hub), "/devices/query", params, _TWINS)

    def count(self, hub: str) -> int:
        """How many devices there are."""
        return self._azure.hub(hub).count("devices", "")

    def wait(self, seconds: float, waiting_for: str) -> None:
        """Wait, within the deadline of provider.clients.retry."""
        pause(seconds, self._azure.clock, waiting_for)

    @property
    def _params(self) -> dict[str, str]:
        return {"api-version": self._version}

    def _with_keys(self, enrollments: DpsService, name: str) -> Document | None:
        """What `get` gives, and what must be sent back for keys to stay as they are."""
        found = enrollments.get(name, self._version)
        if found is None or (found.get("attestation") or {}).get("type") != "symmetricKey":
            return found
        return {**found, "attestation": enrollments.attestation(name, self._version)}


@contextmanager
def azure_cloud(
    environment: Mapping[str, str], service_host: str, api_version: str, hubs: tuple[str, ...] = ()
) -> Iterator[AzureCloud]:
    """A cloud while the block runs: connections, tokens and retries are shared (provider.clients).

    `environment` holds what provider.clients reads: MUSTER_PROXY, MUSTER_CA_FILE, MUSTER_OFFLINE ….
    Raises ConfigurationError, OfflineError.
    """
    clock, entra = Clock(), Entra(environment)
    with (
        http_client(environment) as http,
        closing(Azure(environment, clock, http=http, entra=entra)) as azure,
    ):

        def hub_rest(host: str) -> Rest:
            return Rest(http, f"https://{host}", entra.authentication(HUB_SCOPE), clock)

        yield AzureCloud(azure, hub_rest, service_host, api_version, hubs)


def _pages(rest: Rest, path: str, params: Mapping[str, str], body: Document | None) -> Iterator[Document]:
    """All rows of a query, asked for page by page."""
    headers = {"x-ms-max-item-count": str(PAGE_ROWS)}
    while True:
        answer = rest.call("POST", path, params=params, body=body, headers=headers, repeatable=True)
        yield from (row for row in answer.json() if isinstance(row, dict))
        continuation = answer.headers.get("x-ms-continuation")
        if not continuation:
            return
        headers["x-ms-continuation"] = continuation
