"""Configurations: made, read, changed, removed, tried, and applied once."""

from typing import Any

from localcloud.azure.hub.api.bodies import TEST_QUERIES
from localcloud.azure.hub.api.entry import Entry, checked, whole_number, with_etag
from localcloud.azure.hub.configurations import CONTENT, query_faults
from localcloud.azure.hub.registry import HubRegistry
from localcloud.calls import Answer, Call, route

MOST_CONFIGURATIONS = 100


class ConfigurationRoutes:
    """The operations on configurations."""

    def __init__(self, hubs: HubRegistry) -> None:
        self._hubs = hubs
        self._configurations = hubs.configurations

    def entries(self) -> list[Entry]:
        """The operations."""
        one = "/configurations/{name}"
        apply = "/devices/{device}/applyConfigurationContent"
        return [
            Entry(route("POST", "/configurations/testQueries", self._test), "RegistryRead"),
            Entry(route("GET", "/configurations", self._list), "RegistryRead"),
            Entry(route("GET", one, self._get), "RegistryRead"),
            Entry(route("PUT", one, self._put), "RegistryWrite"),
            Entry(route("DELETE", one, self._delete), "RegistryWrite"),
            Entry(route("POST", apply, self._apply), "RegistryWrite"),
        ]

    def _list(self, call: Call) -> Answer:
        top = whole_number(call, "top", MOST_CONFIGURATIONS)
        return Answer(body=self._configurations.all(call.host, top))

    def _get(self, call: Call, name: str) -> Answer:
        return with_etag(self._configurations.get(call.host, name))

    def _put(self, call: Call, name: str) -> Answer:
        """The service takes If-Match quoted; unquoted, as azure-iot-hub 2.7.0 sends it, it is as if
        absent.
        """
        if_match = (call.header("if-match") or "").strip()
        known = if_match if if_match == "*" or if_match.removeprefix("W/").startswith('"') else None
        return with_etag(self._configurations.put(call.host, name, call.document(), known))

    def _delete(self, call: Call, name: str) -> Answer:
        self._configurations.delete(call.host, name, call.header("if-match"))
        return Answer(204)

    def _apply(self, call: Call, device: str) -> Answer:
        self._configurations.apply_once(call.host, device, checked(CONTENT, call.document()))
        return Answer(204)

    def _test(self, call: Call) -> Answer:
        body = checked(TEST_QUERIES, call.document())
        condition, queries = body.get("targetCondition", ""), body.get("customMetricQueries", {})
        fault, wrong = query_faults(condition, queries)
        answer: dict[str, Any] = {"targetConditionError": fault, "customMetricQueryErrors": wrong}
        return Answer(body=answer)
