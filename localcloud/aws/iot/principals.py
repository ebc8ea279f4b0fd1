"""Which certificates are attached to which things, in both directions."""

from collections.abc import Callable
from typing import Any

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.place import Place

_OF_THING = "aws-thing-principal"
_OF_PRINCIPAL = "aws-principal-thing"
EXCLUSIVE, SHARED = "EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"


class Principals:
    """Attachments. `require_thing` raises ApiError for a thing that is not there."""

    def __init__(
        self, place: Place, certificates: Certificates, require_thing: Callable[[str], dict[str, Any]]
    ) -> None:
        self._place = place
        self._certificates = certificates
        self._require_thing = require_thing
        certificates.things_of = self.things_of

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "AttachThingPrincipal": self._attach,
                "DetachThingPrincipal": self._detach,
                "ListThingPrincipals": self._list_of_thing,
                "ListThingPrincipalsV2": self._list_of_thing_2,
                "ListPrincipalThings": self._list_of_principal,
                "ListPrincipalThingsV2": self._list_of_principal_2,
            }
        )

    def of_thing(self, name: str) -> list[str]:
        """ARNs of what is attached to a thing."""
        return [str(it["arn"]) for _, it in self._place.store.list(_OF_THING, f"{name}/")]

    def things_of(self, certificate_id: str) -> list[str]:
        """Names of the things that a certificate is attached to."""
        found = self._place.store.list(_OF_PRINCIPAL, f"{certificate_id}/")
        return [key.partition("/")[2] for key, _ in found]

    def attach(self, name: str, certificate_arn: str, *, exclusive: bool = False) -> None:
        """Attach a certificate to a thing; an exclusive one to no other. Raises ApiError."""
        self._require_thing(name)
        identity = self._certificates.require_arn(certificate_arn)
        others = [
            it
            for it in self._place.store.list(_OF_PRINCIPAL, f"{identity}/")
            if it[0] != f"{identity}/{name}"
        ]
        if others and (exclusive or any(it["type"] == EXCLUSIVE for _, it in others)):
            raise invalid(f"{certificate_arn} is attached to another thing: it cannot be exclusive to one.")
        kind = EXCLUSIVE if exclusive else SHARED
        with self._place.store.transaction():
            self._place.store.put(_OF_THING, f"{name}/{identity}", {"arn": certificate_arn, "type": kind})
            self._place.store.put(_OF_PRINCIPAL, f"{identity}/{name}", {"type": kind})

    def detach(self, name: str, certificate_arn: str) -> None:
        """Detach it. Raises ApiError when there is no such thing; no fault when it was not attached."""
        self._require_thing(name)
        identity = self._certificates.require_arn(certificate_arn)
        with self._place.store.transaction():
            self._place.store.delete(_OF_THING, f"{name}/{identity}")
            self._place.store.delete(_OF_PRINCIPAL, f"{identity}/{name}")

    def _attach(self, params: dict[str, Any]) -> dict[str, Any]:
        exclusive = params.get("thingPrincipalType") == EXCLUSIVE
        self.attach(params["thingName"], params["principal"], exclusive=exclusive)
        return {}

    def _detach(self, params: dict[str, Any]) -> dict[str, Any]:
        self.detach(params["thingName"], params["principal"])
        return {}

    def _list_of_thing(self, params: dict[str, Any]) -> dict[str, Any]:
        self._require_thing(params["thingName"])
        return page("principals", sorted(self.of_thing(params["thingName"])), str, params)

    def _list_of_thing_2(self, params: dict[str, Any]) -> dict[str, Any]:
        name, wanted = params["thingName"], params.get("thingPrincipalType")
        self._require_thing(name)
        found = [
            {"principal": it["arn"], "thingPrincipalType": it["type"]}
            for _, it in self._place.store.list(_OF_THING, f"{name}/")
            if wanted in (None, it["type"])
        ]
        return page("thingPrincipalObjects", found, lambda it: str(it["principal"]), params)

    def _list_of_principal(self, params: dict[str, Any]) -> dict[str, Any]:
        return page("things", self.things_of(self._known(params["principal"])), str, params)

    def _list_of_principal_2(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("thingPrincipalType")
        found = [
            {"thingName": key.partition("/")[2], "thingPrincipalType": it["type"]}
            for key, it in self._place.store.list(_OF_PRINCIPAL, f"{self._known(params['principal'])}/")
            if wanted in (None, it["type"])
        ]
        return page("principalThingObjects", found, lambda it: str(it["thingName"]), params)

    def _known(self, arn: str) -> str:
        identity = self._certificates.identity(arn)
        if identity is None:
            raise not_found("Principal", arn)
        return identity
