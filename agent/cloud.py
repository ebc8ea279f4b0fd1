"""Azure as one device sees it: which way of enrolling its options ask for, which credential is in use."""

from collections.abc import Callable
from datetime import datetime

from agent.assignment import Assignment, FixedAssignment
from agent.azure import AzureHub, AzureProvisioning
from agent.credentials import Credential
from agent.errors import RefusedError
from agent.gateway.gateway import Gateway
from agent.https import Way
from agent.hub_renewal import HubRenewal
from agent.identities import Identities
from agent.issuance import CertificateProvisioning
from agent.log import JsonLog
from agent.options import Options
from agent.ports import Provisioning


class AzureCloud:
    """Makes enrolments and connections for one device. `now` is its wall clock. Making it raises OptionError
    when a gateway's address is taken.
    """

    def __init__(self, options: Options, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._identities: Identities | None = None
        if options.issuance is not None:
            self._identities = Identities(options.issuance.folder, options.registration_id, now)
        self._gateway: Gateway | None = None
        if options.gateway is not None:
            way = Way(options.proxy, options.trust_pem)
            self._gateway = Gateway(options.gateway, way, self._credential, now)

    def known(self) -> Assignment | None:
        """The assignment of an earlier run, when its certificate still holds."""
        return None if self._identities is None else self._identities.known()

    def provisioning(self) -> Provisioning:
        """A new enrolment."""
        options = self._options
        if options.hub:
            return FixedAssignment(options.hub, options.registration_id)
        if self._identities is not None:
            return CertificateProvisioning(options, self._identities, self._now)
        return AzureProvisioning(options)

    def renewal(self) -> Provisioning:
        """Of the hub, by the certificate in use; by a new enrolment when that is over, and for a gateway's
        child: the gateway connects it with a token, so the hub does not see its certificate.
        """
        identities = self._identities
        held, shown = (identities.known(), identities.in_use()) if identities else (None, None)
        if identities is None or held is None or shown is None or self._options.parent is not None:
            return self.provisioning()
        return HubRenewal(self._options, identities, self._now, held, shown)

    def hub(self, host: str, device_id: str) -> AzureHub:
        """A new connection, not yet connected."""
        return AzureHub(self._options, self._credential(), host, device_id)

    def retire(self) -> None:
        """Remove all certificates from DPS, and their keys, but the newest."""
        if self._identities is not None:
            self._identities.retire()

    def open_gateway(self, host: str, device_id: str, log: JsonLog) -> None:
        """Let children in, in this device's name."""
        if self._gateway is not None:
            self._gateway.serve(host, device_id, log)

    def _credential(self) -> Credential:
        """What hubs are shown: never the onboarding credential when DPS issues certificates."""
        if self._identities is None:
            return self._options.credential
        found = self._identities.in_use()
        if found is None:
            raise RefusedError("the device has no certificate from DPS that still holds")
        return found
