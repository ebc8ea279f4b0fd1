"""Which client certificates are let in, and what happens to one that is seen for the first time.

Source: "X.509 client certificates", "Just-in-time registration" and "Just-in-time provisioning" (AWS IoT
developer guide). A leaf signed by a registered, active CA that has automatic registration on is registered
as PENDING_ACTIVATION, told at `$aws/events/certificates/registered/{CA id}`, and turned away; the CA's
template, if it has one, is applied meanwhile, so that a later attempt succeeds. Not documented: whether a
certificate outside its validity is let in; here it is not.
"""

import logging
from collections.abc import Callable
from typing import Any

from cryptography import x509 as pyca

from localcloud.aws.api import ApiError
from localcloud.aws.background import Background
from localcloud.aws.broker.exchange import Exchange
from localcloud.aws.broker.permissions import Principal
from localcloud.aws.iot import x509
from localcloud.aws.iot.authorities import Authority
from localcloud.aws.iot.certificates import SNI_ONLY, Certificate
from localcloud.aws.roles import RoleRefused, Roles
from localcloud.aws.world import World
from localcloud.mqtt.payloads import write_object
from localcloud.mqtt.session import Peer

LOG = logging.getLogger("localcloud.aws.broker")
PENDING = "PENDING_ACTIVATION"


class NotAdmitted(Exception):  # noqa: N818 - a decision, not a fault
    """The certificate is not let in; `reason` is for log and counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Admission:
    """Decides on certificates. `count` is told every reason."""

    def __init__(self, world: World, exchange: Exchange, roles: Roles, background: Background) -> None:
        self._world = world
        self._exchange = exchange
        self._roles = roles
        self._background = background
        self.count: Callable[[str], None] = lambda _reason: None

    def admit(self, peer: Peer) -> Principal:
        """Who the client is. Raises NotAdmitted."""
        try:
            leaf = peer.leaf()
        except ValueError as error:
            raise NotAdmitted("certificate-malformed") from error
        principal = self.admit_leaf(leaf)
        name = peer.server_name()
        if name and name not in self._world.domains.hosts():
            raise NotAdmitted("server-name-unknown")
        if not name and principal.certificate.mode == SNI_ONLY:
            raise NotAdmitted("server-name-missing")
        return principal

    def admit_leaf(self, leaf: pyca.Certificate | None) -> Principal:
        """The same, for a certificate that its holder has proved. Raises NotAdmitted."""
        if leaf is None:
            raise NotAdmitted("certificate-missing")
        known = self._world.certificates.by_fingerprint(x509.identity(leaf))
        if not x509.lasts(leaf, self._world.place.clock.now()):
            raise NotAdmitted("certificate-not-valid-now")
        if known is None:
            raise NotAdmitted(self._first_seen(leaf))
        if not known.is_active:
            raise NotAdmitted(f"certificate-{known.status.lower().replace('_', '-')}")
        if self._world.claims.is_over(known.id):
            raise NotAdmitted("claim-over")
        return Principal.of(known, leaf)

    def _first_seen(self, leaf: pyca.Certificate) -> str:
        """Register it where its CA wants that; gives the reason to turn it away in any case."""
        authority = self._world.authorities.issuer_of(leaf)
        if authority is None or not authority.auto_registration:
            return "certificate-unknown"
        try:
            made = self._world.certificates.register(x509.pem(leaf), PENDING, authority.id, authority.mode)
        except ApiError as error:
            LOG.warning("not registered", extra={"fields": {"reason": error.message}})
            return "certificate-not-registrable"
        self._tell(made, authority)
        if authority.template or authority.template_body:
            self._background.start(self._provision(made, authority))
        return "certificate-registered-now"

    def _tell(self, made: Certificate, authority: Authority) -> None:
        now = int(self._world.place.now() * 1000)
        told = {
            "certificateId": made.id,
            "caCertificateId": authority.id,
            "timestamp": now,
            "certificateStatus": made.status,
            "awsAccountId": self._world.place.account,
            "certificateRegistrationTimestamp": str(now),
        }
        self._exchange.tell(f"$aws/events/certificates/registered/{authority.id}", write_object(told))

    async def _provision(self, made: Certificate, authority: Authority) -> None:
        """Apply the CA's template. What fails leaves the certificate pending, and a line in the log."""
        try:
            body, role = self._template(authority)
            await self._roles.require_trust(role, source_arn=authority.arn)
            done = self._world.registration.register(body, {}, made)
        except (ApiError, RoleRefused) as error:
            self.count("just-in-time-provisioning-failed")
            fields = {"certificate": made.id, "authority": authority.id, "reason": str(error)}
            LOG.warning("just-in-time provisioning failed", extra={"fields": fields})
            return
        LOG.info("provisioned just in time", extra={"fields": {"thing": done.thing_name}})

    def _template(self, authority: Authority) -> tuple[str, str]:
        """Body and role: the CA's own, or those of the template that it names. Raises ApiError."""
        if authority.template_body:
            return authority.template_body, str(authority.role_arn)
        template: dict[str, Any] = self._world.templates.require(str(authority.template))
        if not template["enabled"]:
            raise ApiError("InvalidRequestException", f"The template {authority.template} is not enabled.")
        return template["templateBody"], template["provisioningRoleArn"]
