"""Thing groups: hierarchies of static groups, what is in them, and where dynamic ones are told apart.

Quotas (docs.aws.amazon.com/general/latest/gr/iot-core.html): a hierarchy of 7 levels, 100 direct children, a
thing in 10 groups; and in one group of a hierarchy only (developer guide, "Static thing groups").
"""

import uuid
from collections.abc import Callable
from typing import Any, Protocol

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot import attributes
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import check_version, exists_already, invalid, not_found
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place

_GROUPS = "aws-group"
_MEMBERS = "aws-group-member"
_OF_THING = "aws-thing-group"
KIND = "Thing group"
DEEPEST = 7
MOST_CHILDREN = 100
MOST_GROUPS = 10
Document = dict[str, Any]


class Dynamic(Protocol):
    """Who knows what is in dynamic groups."""

    def things(self, group: Document) -> list[str]:
        """What is in a group."""

    def has(self, group: Document, thing: str) -> bool:
        """Whether a thing is in it."""


class _Nothing:
    def things(self, _group: Document) -> list[str]:
        return []

    def has(self, _group: Document, _thing: str) -> bool:
        return False


class ThingGroups:
    """Groups by name. A document: name, id, arn, parent, properties, version, created, query (if dynamic).

    Others set `has_thing`, and `dynamic`, which knows what a dynamic group's query finds.
    """

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._tags = tags
        self.has_thing: Callable[[str], bool] = lambda _name: False
        self.dynamic: Dynamic = _Nothing()

    def operations(self) -> dict[str, Operation]:
        """The control plane's part; members' is `memberships`'."""
        return for_anyone(
            {
                "CreateThingGroup": self._create,
                "DescribeThingGroup": self._describe,
                "UpdateThingGroup": self._update,
                "DeleteThingGroup": self._delete,
                "ListThingGroups": self._list,
            }
        )

    # for others

    def get(self, name: str) -> Document | None:
        """The group's document, or None."""
        return self._place.store.get(_GROUPS, name)

    def require(self, name: str) -> Document:
        """A group that is there. Raises ApiError."""
        found = self.get(name)
        if found is None:
            raise not_found(KIND, name)
        return found

    def all(self) -> list[Document]:
        """Every group, sorted by name."""
        return [it for _, it in self._place.store.list(_GROUPS)]

    def save(self, group: Document) -> None:
        """Keep a changed group."""
        self._place.store.put(_GROUPS, group["name"], group)

    def ancestors(self, name: str) -> list[str]:
        """Parent, its parent and so on, up to the root."""
        found: list[str] = []
        known = self.get(name)
        while known is not None and known.get("parent"):
            found.append(known["parent"])
            known = self.get(known["parent"])
        return found

    def children(self, name: str) -> list[str]:
        """Direct children."""
        return [it["name"] for it in self.all() if it.get("parent") == name]

    def of_thing(self, thing: str) -> list[str]:
        """The static groups that a thing is in, and the dynamic ones whose query finds it."""
        static = self.static_of_thing(thing)
        return static + [it["name"] for it in self.all() if it.get("query") and self.dynamic.has(it, thing)]

    def static_of_thing(self, thing: str) -> list[str]:
        """The static groups that a thing is in."""
        return [key.partition("/")[2] for key, _ in self._place.store.list(_OF_THING, f"{thing}/")]

    def members(self, name: str, *, recursive: bool = False) -> list[str]:
        """Names of the things in a group, sorted; with those in its descendants."""
        group = self.require(name)
        if group.get("query"):
            return self.dynamic.things(group)
        found = {key.partition("/")[2] for key, _ in self._place.store.list(_MEMBERS, f"{name}/")}
        if recursive:
            found.update(*(self.members(it, recursive=True) for it in self.children(name)))
        return sorted(found)

    def add(self, name: str, thing: str) -> None:
        """Put a thing into a static group. Raises ApiError."""
        self._check_may_join(name, thing)
        with self._place.store.transaction():
            self._place.store.put(_MEMBERS, f"{name}/{thing}", {})
            self._place.store.put(_OF_THING, f"{thing}/{name}", {})

    def remove(self, name: str, thing: str) -> None:
        """Take it out. Raises ApiError for a dynamic group."""
        if self.require(name).get("query"):
            raise invalid(f"Things cannot be removed from dynamic thing group {name}.")
        with self._place.store.transaction():
            self._place.store.delete(_MEMBERS, f"{name}/{thing}")
            self._place.store.delete(_OF_THING, f"{thing}/{name}")

    def forget_thing(self, thing: str) -> None:
        """A thing is gone."""
        for name in self.static_of_thing(thing):
            self.remove(name, thing)

    def named(self, params: Document, what: str) -> str:
        """The name in `{what}Name` or in `{what}Arn`, which must agree. Raises ApiError."""
        name, arn = params.get(f"{what}Name"), params.get(f"{what}Arn")
        if arn is not None:
            resource = self._place.resource(arn) or ""
            prefix, _, of_arn = resource.partition("/")
            if prefix != what.lower() or not of_arn:
                raise invalid(f"{arn} is no ARN of a {what} in this account.")
            if name not in (None, of_arn):
                raise invalid(f"{what}Name and {what}Arn do not name the same.")
            name = of_arn
        if not name:
            raise invalid(f"{what}Name or {what}Arn is required.")
        return str(name)

    def new(self, name: str, params: Document, **more: Any) -> Document:  # noqa: ANN401 - JSON
        """Make a group of any kind; the same again is no fault. Raises ApiError."""
        given = params.get("thingGroupProperties") or {}
        properties = self.properties({}, given)
        wanted = {"properties": properties, **more}
        known = self.get(name)
        if known is not None:
            if {key: known.get(key) for key in wanted} != wanted:
                raise exists_already(KIND, name, known["arn"], known["id"])
            return known
        fresh: Document = {
            "name": name,
            "id": str(uuid.uuid4()),
            "arn": self._place.arn(f"thinggroup/{name}"),
            "version": 1,
            "created": self._place.now(),
            **wanted,
        }
        self._tags.put(fresh["arn"], params.get("tags") or [])
        self.save(fresh)
        return fresh

    def properties(self, before: Document, given: Document) -> Document:
        """A group's properties after a change: description and attributes. Raises ApiError."""
        held = attributes.changed(
            before.get("attributes") or {}, given.get("attributePayload"), attributes.MOST
        )
        description = given.get("thingGroupDescription", before.get("description"))
        return {"description": description, "attributes": held}

    def delete(self, name: str, expected: int | None) -> None:
        """Forget a group; no fault when there is none (API_DeleteThingGroup). Raises ApiError."""
        known = self.get(name)
        if known is None:
            return
        check_version(KIND, name, expected, known["version"])
        if self.children(name):
            raise invalid(f"Cannot delete thing group {name}: it has child groups.")
        with self._place.store.transaction():
            if not known.get("query"):
                for thing in self.members(name):
                    self.remove(name, thing)
            self._place.store.delete(_GROUPS, name)
            self._tags.forget(known["arn"])

    # the control plane

    def _create(self, params: Document) -> Document:
        parent = params.get("parentGroupName")
        if parent:
            self._check_parent(parent, params["thingGroupName"])
        made = self.new(params["thingGroupName"], params, parent=parent, query=None)
        return {"thingGroupName": made["name"], "thingGroupArn": made["arn"], "thingGroupId": made["id"]}

    def _describe(self, params: Document) -> Document:
        known = self.require(params["thingGroupName"])
        lineage = [
            {"groupName": it, "groupArn": self._place.arn(f"thinggroup/{it}")}
            for it in reversed(self.ancestors(known["name"]))
        ]
        about = {"parentGroupName": known.get("parent"), "creationDate": known["created"]}
        if not known.get("query"):
            about["rootToParentThingGroups"] = lineage
        return {
            "thingGroupName": known["name"],
            "thingGroupId": known["id"],
            "thingGroupArn": known["arn"],
            "version": known["version"],
            "thingGroupProperties": _shown(known["properties"]),
            "thingGroupMetadata": about,
            **(known.get("query") or {}),
            "status": "ACTIVE" if known.get("query") else None,
        }

    def _update(self, params: Document) -> Document:
        known = self.require(params["thingGroupName"])
        if known.get("query"):
            raise invalid(f"{known['name']} is a dynamic thing group: use UpdateDynamicThingGroup.")
        check_version(KIND, known["name"], params.get("expectedVersion"), known["version"])
        known["properties"] = self.properties(known["properties"], params["thingGroupProperties"])
        known["version"] += 1
        self.save(known)
        return {"version": known["version"]}

    def _delete(self, params: Document) -> Document:
        known = self.get(params["thingGroupName"])
        if known and known.get("query"):
            raise invalid(f"{known['name']} is a dynamic thing group: use DeleteDynamicThingGroup.")
        self.delete(params["thingGroupName"], params.get("expectedVersion"))
        return {}

    def _list(self, params: Document) -> Document:
        parent, recursive = params.get("parentGroup"), params.get("recursive", True)
        if parent:
            self.require(parent)
        found = [
            {"groupName": it["name"], "groupArn": it["arn"]}
            for it in self.all()
            if it["name"].startswith(params.get("namePrefixFilter") or "")
            and self._is_below(it, parent, recursive=recursive)
        ]
        return page("thingGroups", found, lambda it: str(it["groupName"]), params)

    def _is_below(self, group: Document, parent: str | None, *, recursive: bool) -> bool:
        if recursive:
            return parent is None or parent in self.ancestors(group["name"])
        return group.get("parent") == parent

    def _check_parent(self, parent: str, name: str) -> None:
        if self.require(parent).get("query"):
            raise invalid(f"{parent} is a dynamic thing group and cannot have child groups.")
        if len(self.ancestors(parent)) + 2 > DEEPEST:
            raise invalid(f"A hierarchy of thing groups has at most {DEEPEST} levels.")
        children = [it for it in self.children(parent) if it != name]
        if len(children) >= MOST_CHILDREN:
            raise invalid(f"A thing group has at most {MOST_CHILDREN} direct child groups.")

    def _check_may_join(self, name: str, thing: str) -> None:
        if self.require(name).get("query"):
            raise invalid(f"Things cannot be added to dynamic thing group {name}.")
        if not self.has_thing(thing):
            raise not_found("Thing", thing)
        held = [it for it in self.static_of_thing(thing) if it != name]
        if len(held) >= MOST_GROUPS:
            raise invalid(f"A thing is in at most {MOST_GROUPS} thing groups.")
        root = self._root(name)
        clash = next((it for it in held if self._root(it) == root), None)
        if clash:
            raise invalid(
                f"Thing {thing} is in {clash} already: a thing is in one group of a hierarchy only."
            )

    def _root(self, name: str) -> str:
        return (self.ancestors(name) or [name])[-1]


def _shown(properties: Document) -> Document:
    payload = {"attributes": properties["attributes"]} if properties["attributes"] else None
    return {"thingGroupDescription": properties["description"], "attributePayload": payload}
