"""Fleet indexing: things and groups as documents, and queries over them.

Source: "Managing fleet indexing" (AWS IoT developer guide). The index is the registry itself, so it is never
behind, as AWS' may be by seconds. Aggregations: cardinality and statistics. Violations are not indexed.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.aws.api import ApiError, Operation, for_anyone
from localcloud.aws.iot import query
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.indexing import IndexingConfiguration
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.query import Value
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.iot.things import Things

Json = dict[str, Any]
THINGS, GROUPS = "AWS_Things", "AWS_ThingGroups"
VERSION = "2017-09-30"
_SCHEMAS = {
    "REGISTRY": "REGISTRY",
    "REGISTRY_AND_SHADOW": "REGISTRY_AND_SHADOW",
}


class Search:
    """Queries. Others set `shadow_of` (a shadow's document by thing and name) and `connectivity_of`."""

    def __init__(self, things: Things, groups: ThingGroups, indexing: IndexingConfiguration) -> None:
        self._things = things
        self._groups = groups
        self._indexing = indexing
        self.shadow_of: Callable[[str, str | None], Json | None] = lambda _thing, _name: None
        self.connectivity_of: Callable[[str], Json | None] = lambda _thing: None

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "SearchIndex": self._search,
                "DescribeIndex": self._describe,
                "ListIndices": lambda it: page("indexNames", self._indices(), str, it),
                "GetStatistics": self._statistics,
                "GetCardinality": self._cardinality,
            }
        )

    # for others

    def things(self, test: query.Test) -> list[str]:
        """Names of the things that a query finds."""
        return [it["name"] for it in self._things.all() if test(flat(self._thing(it, dynamic=False)))]

    def finds(self, test: query.Test, thing: str) -> bool:
        """Whether it finds this one."""
        known = self._things.get(thing)
        return known is not None and test(flat(self._thing(known, dynamic=False)))

    def check_index(self, name: str | None, version: str | None) -> None:
        """An index that is there. Raises ApiError."""
        if version not in (None, VERSION):
            raise invalid(f"Query version {version} is not known; {VERSION} is.")
        if (name or THINGS) not in self._indices():
            raise not_found("Index", f"{name or THINGS} (see UpdateIndexingConfiguration)")

    # the control plane

    def _search(self, params: Json) -> Json:
        self.check_index(params.get("indexName"), params.get("queryVersion"))
        test = read(params["queryString"])
        if params.get("indexName") == GROUPS:
            found = [_shown_group(it, self._groups) for it in self._groups.all()]
            matching = [it for it in found if test(flat(it))]
            return page("thingGroups", matching, lambda it: str(it["thingGroupName"]), params)
        documents = [self._thing(it) for it in self._things.all()]
        shown = [_shown_thing(it) for it in documents if test(flat(it))]
        return page("things", shown, lambda it: str(it["thingName"]), params)

    def _describe(self, params: Json) -> Json:
        name = params["indexName"]
        self.check_index(name, None)
        if name == GROUPS:
            return {"indexName": name, "indexStatus": "ACTIVE", "schema": "THING_GROUPS"}
        held = self._indexing.get()["thingIndexingConfiguration"]
        schema = _SCHEMAS[held["thingIndexingMode"]]
        if held.get("thingConnectivityIndexingMode") == "STATUS":
            schema += "_AND_CONNECTIVITY_STATUS"
        return {"indexName": name, "indexStatus": "ACTIVE", "schema": schema}

    def _statistics(self, params: Json) -> Json:
        values = self._values(params)
        numbers = [float(it) for it in values if isinstance(it, int | float) and not isinstance(it, bool)]
        if not numbers:
            return {"statistics": {"count": len(values)}}
        mean = math.fsum(numbers) / len(numbers)
        variance = math.fsum((it - mean) ** 2 for it in numbers) / len(numbers)
        told = {
            "count": len(numbers),
            "average": mean,
            "sum": math.fsum(numbers),
            "minimum": min(numbers),
            "maximum": max(numbers),
            "sumOfSquares": math.fsum(it * it for it in numbers),
            "variance": variance,
            "stdDeviation": math.sqrt(variance),
        }
        return {"statistics": told}

    def _cardinality(self, params: Json) -> Json:
        return {"cardinality": len(set(map(str, self._values(params))))}

    def _values(self, params: Json) -> list[Value]:
        """What the things that a query finds have in the aggregation field."""
        if params.get("indexName") == GROUPS:
            raise invalid("Aggregations are over AWS_Things.")
        self.check_index(params.get("indexName"), params.get("queryVersion"))
        test, field = read(params["queryString"]), params.get("aggregationField") or "thingName"
        documents = [flat(self._thing(it)) for it in self._things.all()]
        return [value for it in documents if test(it) for value in it.get(field, ())]

    def _indices(self) -> list[str]:
        found = [THINGS] if self._indexing.indexes_things else []
        return sorted([*found, GROUPS] if self._indexing.indexes_groups else found)

    def _thing(self, known: Json, *, dynamic: bool = True) -> Json:
        """A thing as the index has it."""
        name, held = known["name"], self._indexing.get()["thingIndexingConfiguration"]
        names = self._groups.of_thing(name) if dynamic else self._groups.static_of_thing(name)
        found: Json = {
            "thingName": name,
            "thingId": known["id"],
            "thingTypeName": known["type"],
            "thingGroupNames": sorted(names),
            "attributes": known["attributes"],
        }
        if held["thingIndexingMode"] == "REGISTRY_AND_SHADOW":
            found["shadow"] = self._shadows(name, held)
        if held.get("thingConnectivityIndexingMode") == "STATUS":
            found["connectivity"] = self.connectivity_of(name) or {"connected": False}
        return found

    def _shadows(self, thing: str, held: Json) -> Json:
        """The classic shadow, and under `name` those that the configuration's filter names."""
        found = _shadow(self.shadow_of(thing, None))
        named = held.get("filter", {}).get("namedShadowNames", [])
        others = {it: _shadow(document) for it in named if (document := self.shadow_of(thing, it))}
        return {**found, "name": others} if others else found


def read(text: str) -> query.Test:
    """A query's test. Raises ApiError InvalidQueryException."""
    try:
        return query.read(text)
    except query.InvalidQuery as error:
        raise ApiError("InvalidQueryException", f"The query is invalid: {error}.") from error


def flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, list[Value]]:
    """Leaves by their path."""
    found: dict[str, list[Value]] = {}
    for path, value in _leaves(document, prefix):
        found.setdefault(path, []).append(value)
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Value]]:  # noqa: ANN401 - JSON
    if isinstance(value, Mapping):
        for name, it in value.items():
            yield from _leaves(it, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for it in value:
            yield from _leaves(it, path)
    elif value is not None:
        yield path, value


def _shadow(document: Json | None) -> Json:
    if document is None:
        return {}
    state = document.get("state", {})
    found = {name: state[name] for name in ("desired", "reported", "delta") if name in state}
    metadata, version = document.get("metadata", {}), document.get("version")
    return {**found, "metadata": metadata, "hasDelta": "delta" in state, "version": version}


def _shown_thing(document: Json) -> Json:
    shadow = document.get("shadow")
    return {**document, "shadow": json.dumps(shadow) if shadow else None}


def _shown_group(group: Json, groups: ThingGroups) -> Json:
    return {
        "thingGroupName": group["name"],
        "thingGroupId": group["id"],
        "thingGroupDescription": group["properties"]["description"],
        "attributes": group["properties"]["attributes"],
        "parentGroupNames": groups.ancestors(group["name"]),
    }
