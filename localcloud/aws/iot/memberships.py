"""Things into groups and out of them."""

from typing import Any

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.things import Things

Document = dict[str, Any]


class Memberships:
    """The control plane's operations on members."""

    def __init__(self, things: Things, groups: ThingGroups) -> None:
        self._things = things
        self._groups = groups

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "AddThingToThingGroup": self._add,
                "RemoveThingFromThingGroup": self._remove,
                "UpdateThingGroupsForThing": self._update,
                "ListThingGroupsForThing": self._list_groups,
                "ListThingsInThingGroup": self._list_things,
            }
        )

    def _add(self, params: Document) -> Document:
        group = self._groups.named(params, "thingGroup")
        self._groups.add(group, self._groups.named(params, "thing"))
        return {}

    def _remove(self, params: Document) -> Document:
        group, thing = self._groups.named(params, "thingGroup"), self._groups.named(params, "thing")
        self._things.require(thing)
        self._groups.remove(group, thing)
        return {}

    def _update(self, params: Document) -> Document:
        thing = self._groups.named(params, "thing")
        self._things.require(thing)
        for group in params.get("thingGroupsToRemove") or []:
            self._groups.remove(group, thing)
        for group in params.get("thingGroupsToAdd") or []:
            self._groups.add(group, thing)
        return {}

    def _list_groups(self, params: Document) -> Document:
        name = self._things.require(params["thingName"])["name"]
        found = [self._groups.require(it) for it in sorted(self._groups.of_thing(name))]
        shown = [{"groupName": it["name"], "groupArn": it["arn"]} for it in found]
        return page("thingGroups", shown, lambda it: str(it["groupName"]), params)

    def _list_things(self, params: Document) -> Document:
        recursive = bool(params.get("recursive"))
        found = self._groups.members(params["thingGroupName"], recursive=recursive)
        return page("things", found, str, params)
