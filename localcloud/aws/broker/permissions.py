"""What the policies of a certificate let its client do, as they are at the moment of asking.

AWS says that a change of a policy may take minutes to be in force; here it is at once. Thing variables have
values when the client id is the name of a thing that the certificate is attached to ("Thing policy
variables"; the page has a second way, exclusive attachment with any client id, which is not served).
"""

from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from localcloud.aws import policy
from localcloud.aws.broker import variables
from localcloud.aws.iot.certificates import Certificate
from localcloud.aws.place import Place
from localcloud.aws.policy import Request
from localcloud.aws.world import World

SOURCE_ADDRESS = "127.0.0.1"  # all that the local cloud ever sees


@dataclass(frozen=True)
class Principal:
    """A certificate that was let in, and what policies can say about it."""

    certificate: Certificate
    values: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, certificate: Certificate, leaf: x509.Certificate) -> "Principal":
        """With the variables of what the client presented."""
        return cls(certificate, variables.of_certificate(leaf))


class Permissions:
    """Evaluates IoT policies for connections, and for requests over HTTPS (client id None)."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def place(self) -> Place:
        """Account and region."""
        return self._world.place

    def thing_of(self, principal: Principal, client_id: str) -> dict[str, Any] | None:
        """The thing that is connected: named as the client, and the certificate attached to it."""
        if client_id not in self._world.things.of_principal(principal.certificate.id):
            return None
        return self._world.things.get(client_id)

    def allow(self, principal: Principal, client_id: str | None, action: str, resource: str) -> bool:
        """Whether `action` ("iot:Publish") on `resource` ("topic/a/b") is allowed."""
        now = self.place.clock.now()
        context = {
            **principal.values,
            "aws:SourceIp": SOURCE_ADDRESS,
            "aws:SecureTransport": "true",
            "aws:CurrentTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "aws:EpochTime": str(int(now.timestamp())),
        }
        if client_id is not None:
            context["iot:ClientId"] = client_id
            context |= variables.of_thing(self.thing_of(principal, client_id))
        asked = Request(action, self.place.arn(resource), context)
        return policy.allows(self._documents(principal.certificate), asked)

    def _documents(self, certificate: Certificate) -> list[dict[str, Any]]:
        """A claim has the one policy that its template gives it; when its time is over, none."""
        if self._world.claims.template_of(certificate.id) is None:
            return self._world.policies.documents_of(certificate.arn)
        claimed = self._world.claims.policy_of(certificate.id)
        return [] if claimed is None else [claimed]
