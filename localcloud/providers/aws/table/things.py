"""Things, their types, groups and billing groups, and what hangs on them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.boto.calls import Attachment, Plain, Wish
from localcloud.providers.boto.codecs import FLAG, pairs
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused

TAGS = Property("tags", how=pairs())
_DEPRECATION_SECONDS = 6 * 60  # a type can be deleted five minutes after it was deprecated (DeleteThingType)
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Types(Plain):
    """Thing types: deprecated before they can be deleted, and five minutes pass between."""

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """One that is declared deprecated is made so."""
        if wish.get("deprecated"):
            to.ask("deprecate_thing_type", thingTypeName=identity)

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Nothing else of it can change."""
        if bool(wish.get("deprecated")) != bool(live["thingTypeMetadata"].get("deprecated")):
            to.ask("deprecate_thing_type", thingTypeName=identity, undoDeprecate=not wish.get("deprecated"))

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002 - the id says all
        """Deprecate it and wait, as the published provider does."""
        to.ask("deprecate_thing_type", thingTypeName=identity)
        deadline = time.monotonic() + _DEPRECATION_SECONDS
        while not self._deleted(to, identity, is_last=time.monotonic() > deadline):
            time.sleep(_PAUSE_SECONDS)

    def _deleted(self, to: Context, identity: str, *, is_last: bool) -> bool:
        try:
            to.ask("delete_thing_type", thingTypeName=identity)
        except CloudRefused as refused:
            if is_last or "5 minutes after deprecation" not in str(refused):
                raise
            return False
        return True


@dataclass(frozen=True)
class Groups(Plain):
    """Groups whose properties are replaced as a whole: what is not declared is emptied.

    Attributes:
        place: the parameter that holds the properties.
        empty: the properties of a group that has none.
    """

    place: str = ""
    empty: tuple[tuple[str, Any], ...] = ()

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """With its metadata as pulumi-aws shows it: a list of one."""
        found = super().read(to, identity, inputs)
        if found is None:
            return None
        told = found.get(self.place.replace("Properties", "Metadata"), {})
        above = [
            {"groupArn": it.get("groupArn"), "groupName": it.get("groupName")}
            for it in told.get("rootToParentThingGroups", ())
        ]
        shown = {"creationDate": told.get("creationDate")}
        if self.place == "thingGroupProperties":
            shown |= {"parentGroupName": told.get("parentGroupName", ""), "rootToParentGroups": above}
        return {**found, "metadatas": [shown]}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """All of its properties."""
        whole = {**dict(self.empty), **(wish.get(self.place) or {})}
        super().update(to, identity, {**wish, self.place: whole}, live)


KINDS = (
    Kind(
        "aws:iot/thing:Thing",
        "iot",
        "create_thing",
        {
            "name": own("thingName"),
            "thingTypeName": Property("thingTypeName", cleared={"removeThingType": True}),
            "attributes": Property(
                "attributePayload.attributes",
                seen="attributes",
                cleared={"attributePayload": {"attributes": {}, "merge": False}},
            ),
        },
        {"arn": "thingArn", "defaultClientId": "defaultClientId", "version": "version"},
        Plain("thingName", "create_thing", "describe_thing", "update_thing", "delete_thing"),
    ),
    Kind(
        "aws:iot/thingType:ThingType",
        "iot",
        "create_thing_type",
        {
            "name": own("thingTypeName"),
            "properties": Property("thingTypeProperties", computed=True),
            "deprecated": Property(
                "deprecated", seen="thingTypeMetadata.deprecated", shape=FLAG, default=False
            ),
            "tags": TAGS,
        },
        {"arn": "thingTypeArn"},
        Types("thingTypeName", "create_thing_type", "describe_thing_type"),
        tagging=Tagging("thingTypeArn"),
        late=frozenset({"deprecated"}),
        renamed={"properties.thingTypeDescription": "description"},
        absent=frozenset({"properties.mqtt5Configuration"}),
        sets=frozenset({"properties.searchableAttributes"}),
        fixed=frozenset({"properties.description", "properties.searchableAttributes"}),
    ),
    Kind(
        "aws:iot/thingGroup:ThingGroup",
        "iot",
        "create_thing_group",
        {
            "name": own("thingGroupName"),
            "parentGroupName": Property(
                "parentGroupName", seen="thingGroupMetadata.parentGroupName", fixed=True
            ),
            "properties": Property("thingGroupProperties", computed=True),
            "tags": TAGS,
        },
        {"arn": "thingGroupArn", "version": "version", "metadatas": "metadatas"},
        Groups(
            "thingGroupName",
            "create_thing_group",
            "describe_thing_group",
            "update_thing_group",
            "delete_thing_group",
            place="thingGroupProperties",
            empty=(("thingGroupDescription", ""), ("attributePayload", {"attributes": {}})),
        ),
        tagging=Tagging("thingGroupArn"),
        renamed={"properties.thingGroupDescription": "description"},
        absent=frozenset({"properties.attributePayload.merge"}),
        usual={"properties": {"description": "", "attributePayload": None}},
    ),
    Kind(
        "aws:iot/billingGroup:BillingGroup",
        "iot",
        "create_billing_group",
        {
            "name": own("billingGroupName"),
            "properties": Property("billingGroupProperties", computed=True),
            "tags": TAGS,
        },
        {"arn": "billingGroupArn", "version": "version", "metadatas": "metadatas"},
        Groups(
            "billingGroupName",
            "create_billing_group",
            "describe_billing_group",
            "update_billing_group",
            "delete_billing_group",
            place="billingGroupProperties",
            empty=(("billingGroupDescription", ""),),
        ),
        tagging=Tagging("billingGroupArn"),
        renamed={"properties.billingGroupDescription": "description"},
        usual={"properties": {"description": ""}},
    ),
    Kind(
        "aws:iot/thingGroupMembership:ThingGroupMembership",
        "iot",
        "add_thing_to_thing_group",
        {
            "thingGroupName": Property("thingGroupName", fixed=True, required=True),
            "thingName": Property("thingName", fixed=True, required=True),
            "overrideDynamicGroup": Property("overrideDynamicGroups", seen="-", fixed=True),
        },
        {},
        Attachment(
            "thingGroupName",
            "thingName",
            "add_thing_to_thing_group",
            "remove_thing_from_thing_group",
            ("list_thing_groups_for_thing", "thingName"),
            "thingGroups",
            "groupName",
            "/",
        ),
        name="",
    ),
    Kind(
        "aws:iot/thingPrincipalAttachment:ThingPrincipalAttachment",
        "iot",
        "attach_thing_principal",
        {
            "thing": Property("thingName", fixed=True, required=True),
            "principal": Property("principal", fixed=True, required=True),
            "thingPrincipalType": Property("thingPrincipalType", fixed=True, computed=True),
        },
        {},
        Attachment(
            "thingName",
            "principal",
            "attach_thing_principal",
            "detach_thing_principal",
            ("list_thing_principals_v2", "thingName"),
            "thingPrincipalObjects",
            "principal",
        ),
        name="",
    ),
)
