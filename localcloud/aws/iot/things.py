"""Things: what the registry knows of a device, and which principals are attached to it."""

import uuid
from collections.abc import Callable
from typing import Any

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot import attributes
from localcloud.aws.iot.billing_groups import BillingGroups
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.principals import Principals
from localcloud.aws.iot.refusals import check_version, exists_already, invalid, not_found
from localcloud.aws.iot.thing_types import ThingTypes
from localcloud.aws.place import Place

_THINGS = "aws-thing"
_NOT_FOUND = "Thing"


class Things:
    """Things by name. A document: name, id, type, attributes, billing, version, created."""

    def __init__(
        self,
        place: Place,
        types: ThingTypes,
        groups: ThingGroups,
        billing: BillingGroups,
        certificates: Certificates,
    ) -> None:
        self._place = place
        self._types = types
        self._groups = groups
        self._billing = billing
        self._principals = Principals(place, certificates, self.require)
        self._watchers: list[Callable[[str, dict[str, Any]], None]] = []
        groups.has_thing = lambda name: self.get(name) is not None

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return self._principals.operations() | for_anyone(
            {
                "CreateThing": self._create,
                "DescribeThing": self._describe,
                "UpdateThing": self._update,
                "DeleteThing": self._delete,
                "ListThings": self._list,
                "AddThingToBillingGroup": self._join_billing,
                "RemoveThingFromBillingGroup": self._leave_billing,
            }
        )

    # for others

    def on_change(self, watcher: Callable[[str, dict[str, Any]], None]) -> None:
        """Call `watcher` with CREATED, UPDATED or DELETED, and the thing's document."""
        self._watchers.append(watcher)

    def get(self, name: str) -> dict[str, Any] | None:
        """The thing's document, or None."""
        return self._place.store.get(_THINGS, name)

    def require(self, name: str) -> dict[str, Any]:
        """A thing that is there. Raises ApiError."""
        found = self.get(name)
        if found is None:
            raise not_found(_NOT_FOUND, name)
        return found

    def all(self) -> list[dict[str, Any]]:
        """Every thing, sorted by name."""
        return [it for _, it in self._place.store.list(_THINGS)]

    def arn(self, name: str) -> str:
        """A thing's ARN."""
        return self._place.arn(f"thing/{name}")

    def create(
        self,
        name: str,
        type_name: str | None = None,
        given: dict[str, str] | None = None,
        billing_group: str | None = None,
    ) -> dict[str, Any]:
        """A new thing, or the one there is when it is the same (API_CreateThing). Raises ApiError."""
        held = attributes.within(dict(given or {}), _most(type_name))
        known = self.get(name)
        wanted = {"type": type_name, "attributes": held, "billing": billing_group}
        if known is not None:
            if {key: known[key] for key in wanted} != wanted:
                raise exists_already(_NOT_FOUND, name, self.arn(name), known["id"])
            return known
        if type_name:
            self._types.check_usable(type_name)
        if billing_group:
            self._billing.join(billing_group, name)
        fresh = {"name": name, "id": str(uuid.uuid4()), "version": 1, "created": self._place.now(), **wanted}
        self._save(fresh)
        self._types.use(type_name, name)
        self._tell("CREATED", fresh)
        return fresh

    def update(
        self,
        name: str,
        payload: dict[str, Any] | None,
        type_name: str | None = None,
        *,
        no_type: bool = False,
    ) -> dict[str, Any]:
        """Other attributes (`payload` is AttributePayload), another type or none. Raises ApiError."""
        known = self.require(name)
        before = known["type"]
        after = None if no_type else type_name or before
        if type_name and type_name != before:
            self._types.check_usable(type_name)
        known["attributes"] = attributes.changed(known["attributes"], payload, _most(after))
        known["type"] = after
        known["version"] += 1
        self._types.leave(before, name)
        self._types.use(after, name)
        self._save(known)
        self._tell("UPDATED", known)
        return known

    def principals(self, name: str) -> list[str]:
        """ARNs of what is attached to a thing."""
        return self._principals.of_thing(name)

    def of_principal(self, certificate_id: str) -> list[str]:
        """The things that a certificate is attached to."""
        return self._principals.things_of(certificate_id)

    def attach(self, name: str, certificate_arn: str, *, exclusive: bool = False) -> None:
        """Attach a certificate. Raises ApiError."""
        self._principals.attach(name, certificate_arn, exclusive=exclusive)

    def detach(self, name: str, certificate_arn: str) -> None:
        """Detach it. Raises ApiError."""
        self._principals.detach(name, certificate_arn)

    def set_billing_group(self, name: str, group: str | None) -> None:
        """In this billing group, and no other. Raises ApiError."""
        known = self.require(name)
        if group:
            self._billing.join(group, name)
        if known["billing"] != group:
            self._billing.leave(known["billing"], name)
        known["billing"] = group
        self._save(known)

    def delete(self, name: str) -> None:
        """Forget a thing. Raises ApiError while a principal is attached."""
        known = self.get(name)
        if known is None:
            return
        if self.principals(name):
            raise invalid(f"Cannot delete. Thing {name} is still attached to one or more principals")
        with self._place.store.transaction():
            self._types.leave(known["type"], name)
            self._billing.leave(known["billing"], name)
            self._groups.forget_thing(name)
            self._place.store.delete(_THINGS, name)
        self._tell("DELETED", known)

    # the control plane

    def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        payload = params.get("attributePayload") or {}
        given = {key: it for key, it in payload.get("attributes", {}).items() if it != ""}
        with self._place.store.transaction():
            made = self.create(
                params["thingName"], params.get("thingTypeName"), given, params.get("billingGroupName")
            )
        return {"thingName": made["name"], "thingArn": self.arn(made["name"]), "thingId": made["id"]}

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["thingName"])
        return {
            **self._shown(known),
            "defaultClientId": known["name"],
            "thingId": known["id"],
            "billingGroupName": known["billing"],
        }

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        name, type_name = params["thingName"], params.get("thingTypeName")
        no_type = bool(params.get("removeThingType"))
        if type_name and no_type:
            raise invalid("thingTypeName and removeThingType exclude each other.")
        check_version("thing", name, params.get("expectedVersion"), self.require(name)["version"])
        with self._place.store.transaction():
            self.update(name, params.get("attributePayload"), type_name, no_type=no_type)
        return {}

    def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        """No fault when there is none (API_DeleteThing)."""
        known = self.get(params["thingName"])
        if known is not None:
            check_version("thing", known["name"], params.get("expectedVersion"), known["version"])
            self.delete(known["name"])
        return {}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        found = [self._shown(it) for it in self.all() if _fits(it, params)]
        return page("things", found, lambda it: str(it["thingName"]), params)

    def _join_billing(self, params: dict[str, Any]) -> dict[str, Any]:
        group = self._named(params, "billingGroup")
        self.set_billing_group(self._named(params, "thing"), group)
        return {}

    def _leave_billing(self, params: dict[str, Any]) -> dict[str, Any]:
        name, group = self._named(params, "thing"), self._named(params, "billingGroup")
        if self.require(name)["billing"] == group:
            self.set_billing_group(name, None)
        return {}

    def _named(self, params: dict[str, Any], what: str) -> str:
        return self._groups.named(params, what)

    def _shown(self, known: dict[str, Any]) -> dict[str, Any]:
        return {
            "thingName": known["name"],
            "thingTypeName": known["type"],
            "thingArn": self.arn(known["name"]),
            "attributes": known["attributes"],
            "version": known["version"],
        }

    def _tell(self, operation: str, known: dict[str, Any]) -> None:
        for watcher in self._watchers:
            watcher(operation, known)

    def _save(self, known: dict[str, Any]) -> None:
        self._place.store.put(_THINGS, known["name"], known)


def _most(type_name: str | None) -> int:
    return attributes.MOST if type_name else attributes.WITHOUT_TYPE


def _fits(known: dict[str, Any], params: dict[str, Any]) -> bool:
    """A name without a value matches nothing on AWS either: both are given, or neither."""
    type_name, name = params.get("thingTypeName"), params.get("attributeName")
    if type_name is not None and known["type"] != type_name:
        return False
    if name is None:
        return True
    value, wanted = known["attributes"].get(name), params.get("attributeValue")
    if value is None or wanted is None:
        return False
    return str(value).startswith(wanted) if params.get("usePrefixAttributeValue") else value == wanted
