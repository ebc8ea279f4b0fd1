"""Plain REST clients of Azure services. No pulumi.

`Azure` is the front door: `azure.groups(host)`, `azure.individuals(host)`, `azure.certificates(
service id)`, `azure.links(service id)` …. Each is made when it is first asked for, so that check, diff and
schema need neither credentials nor a network."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import httpx

from provider.clients.arm import Arm
from provider.clients.arm_certificates import HUB_API_VERSION, SERVICE_API_VERSION, Certificates
from provider.clients.credentials import Entra, dps_authentication
from provider.clients.dps_links import DpsLinks
from provider.clients.dps_service import GROUPS, INDIVIDUALS, DpsService
from provider.clients.errors import OfflineError
from provider.clients.hub_service import HUB_SCOPE, HubService
from provider.clients.registry_links import RegistryLinks
from provider.clients.rest import Rest
from provider.clients.retry import Clock
from provider.clients.transport import http_client

ARM_HOST = "management.azure.com"
ARM_SCOPE = "https://management.azure.com/.default"

__all__ = ["ARM_HOST", "ARM_SCOPE", "Azure"]


class Azure:
    """The clients of one session, sharing connections, tokens and retries.

    `environment` holds what transport.py and credentials.py read, and MUSTER_OFFLINE: with it every call
    raises OfflineError at once, which a preview takes as a reason. `http` and `entra` are for tests.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: Clock | None = None,
        *,
        http: httpx.Client | None = None,
        entra: Entra | None = None,
    ) -> None:
        self._environment = environment
        self._clock = clock or Clock()
        self._http = http
        self._entra = entra or Entra(environment)
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    @property
    def clock(self) -> Clock:
        """The clock that all calls wait by, cancelled with them: for who paces many calls."""
        return self._clock

    def cancel(self) -> None:
        """Let every call that waits give up at once."""
        self._clock.cancel()

    def close(self) -> None:
        """Give back the connections."""
        if self._http is not None:
            self._http.close()
        self._entra.close()

    def groups(self, host: str) -> DpsService:
        """The enrollment groups of the provisioning service at a host such as
        `contoso.azure-devices-provisioning.net`.
        """
        return DpsService(self.dps(host), GROUPS)

    def individuals(self, host: str) -> DpsService:
        """The individual enrollments of the provisioning service at a host."""
        return DpsService(self.dps(host), INDIVIDUALS)

    def dps(self, host: str) -> Rest:
        """Calls of the provisioning service's data plane, authenticated."""
        return self._rest(host, dps_authentication(host, self._environment, self._entra))

    def hub(self, host: str) -> HubService:
        """The service API of the hub at a host such as `contoso.azure-devices.net`."""
        return HubService(self._rest(host, self._entra.authentication(HUB_SCOPE)))

    def certificates(self, service_id: str) -> Certificates:
        """The certificates of the provisioning service with this ARM id."""
        return Certificates(self._arm(), service_id, SERVICE_API_VERSION)

    def hub_certificates(self, hub_id: str) -> Certificates:
        """The certificates of the hub with this ARM id."""
        return Certificates(self._arm(), hub_id, HUB_API_VERSION)

    def registry_links(self, namespace_id: str) -> RegistryLinks:
        """The services and hubs linked to the Device Registry namespace with this ARM id."""
        return RegistryLinks(self._arm(), namespace_id)

    def links(self, service_id: str) -> DpsLinks:
        """The linked hubs of the provisioning service with this ARM id. One writer at a time in this
        process.
        """
        with self._guard:
            lock = self._locks.setdefault(service_id.lower(), threading.Lock())
        return DpsLinks(self._arm(), service_id, lock)

    def _rest(self, host: str, authentication: httpx.Auth) -> Rest:
        if self._environment.get("MUSTER_OFFLINE"):
            raise OfflineError(f"MUSTER_OFFLINE is set, so {host} is not asked")
        with self._guard:
            if self._http is None:
                self._http = http_client(self._environment)
        return Rest(self._http, f"https://{host}", authentication, self._clock)

    def _arm(self) -> Arm:
        return Arm(self._rest(ARM_HOST, self._entra.authentication(ARM_SCOPE)), self._clock)
