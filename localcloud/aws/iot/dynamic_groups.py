"""Dynamic thing groups: a query over AWS_Things says what is in them.

Source: "Dynamic thing groups" (AWS IoT developer guide): indexing must be on, at most 100 such groups, no
hierarchy. Whether policies may be attached to one is not known here: they may not.
"""

from typing import Any

from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.iot.groups import KIND, ThingGroups
from localcloud.aws.iot.refusals import check_version, invalid, limited
from localcloud.aws.iot.search import THINGS, VERSION, Search, read

MOST = 100
Document = dict[str, Any]


class DynamicGroups:
    """The control plane's part; what is in them is asked for by `groups`."""

    def __init__(self, groups: ThingGroups, search: Search) -> None:
        self._groups = groups
        self._search = search
        groups.dynamic = self

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "CreateDynamicThingGroup": self._create,
                "UpdateDynamicThingGroup": self._update,
                "DeleteDynamicThingGroup": self._delete,
            }
        )

    def things(self, group: Document) -> list[str]:
        """What is in a group."""
        return self._search.things(read(group["query"]["queryString"]))

    def has(self, group: Document, thing: str) -> bool:
        """Whether a thing is in it."""
        return self._search.finds(read(group["query"]["queryString"]), thing)

    def _create(self, params: Document) -> Document:
        name = params["thingGroupName"]
        held = self._query({}, params)
        others = [it for it in self._groups.all() if it.get("query") and it["name"] != name]
        if len(others) >= MOST:
            raise limited(f"An account has at most {MOST} dynamic thing groups.")
        made = self._groups.new(name, params, parent=None, query=held)
        return {
            "thingGroupName": name,
            "thingGroupArn": made["arn"],
            "thingGroupId": made["id"],
            **held,
        }

    def _update(self, params: Document) -> Document:
        known = self._groups.require(params["thingGroupName"])
        if not known.get("query"):
            raise invalid(f"{known['name']} is no dynamic thing group: use UpdateThingGroup.")
        check_version(KIND, known["name"], params.get("expectedVersion"), known["version"])
        known["query"] = self._query(known["query"], params)
        known["properties"] = self._groups.properties(known["properties"], params["thingGroupProperties"])
        known["version"] += 1
        self._groups.save(known)
        return {"version": known["version"]}

    def _delete(self, params: Document) -> Document:
        known = self._groups.get(params["thingGroupName"])
        if known and not known.get("query"):
            raise invalid(f"{known['name']} is no dynamic thing group: use DeleteThingGroup.")
        self._groups.delete(params["thingGroupName"], params.get("expectedVersion"))
        return {}

    def _query(self, before: Document, params: Document) -> Document:
        """Index, query and version. Raises ApiError."""
        index = params.get("indexName") or before.get("indexName") or THINGS
        if index != THINGS:
            raise invalid(f"Dynamic thing groups are over {THINGS}, not {index}.")
        self._search.check_index(index, params.get("queryVersion"))
        text = params.get("queryString") or before["queryString"]
        read(text)
        return {
            "indexName": index,
            "queryString": text,
            "queryVersion": params.get("queryVersion") or VERSION,
        }
