"""Thing groups: static ones, and dynamic ones, which a query fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws_native.table.audit import TAGS
from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused
from localcloud.providers.shapes import Scalar

_EMPTY = {"thingGroupDescription": "", "attributePayload": {"attributes": {}}}


@dataclass(frozen=True)
class Groups(Base):
    """A group with a query is dynamic, and has calls of its own."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        kind = "dynamic_thing_group" if wish.get("queryString") else "thing_group"
        to.do(f"create_{kind}", **wish)
        return str(wish["thingGroupName"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["thingGroupName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call."""
        return missing_is_none(to, "describe_thing_group", thingGroupName=identity)

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """All of its properties; what is not declared is emptied."""
        whole = {**_EMPTY, **(wish.get("thingGroupProperties") or {})}
        kind = "dynamic_thing_group" if live.get("queryString") else "thing_group"
        to.do(f"update_{kind}", **{**wish, "thingGroupName": identity, "thingGroupProperties": whole})

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """One call."""
        found = self.read(to, identity, state)
        kind = "dynamic_thing_group" if found and found.get("queryString") else "thing_group"
        to.ask(f"delete_{kind}", thingGroupName=identity)


KINDS = (
    Kind(
        "aws-native:iot:ThingGroup",
        "iot",
        "create_thing_group",
        {
            "thingGroupName": own("thingGroupName"),
            "parentGroupName": Property(
                "parentGroupName", seen="thingGroupMetadata.parentGroupName", fixed=True
            ),
            # Whether a group is dynamic is decided once: the API has no call between the two.
            "queryString": Property("queryString", shape=Scalar("string", pattern=".", rule="a query")),
            "tags": TAGS,
            "thingGroupProperties": Property("thingGroupProperties", computed=True),
        },
        {"arn": "thingGroupArn", "awsId": "thingGroupId"},
        Groups(),
        name="thingGroupName",
        tagging=Tagging("thingGroupArn"),
        absent=frozenset({"thingGroupProperties.attributePayload.merge"}),
        usual={"thingGroupProperties": {"thingGroupDescription": "", "attributePayload": None}},
        is_regional=False,
    ),
)
