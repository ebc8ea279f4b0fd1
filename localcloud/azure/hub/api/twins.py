"""Twins of devices and modules, queries over them, direct methods."""

import json
from typing import Any

from localcloud.azure.hub.api.bodies import METHOD, QUERY
from localcloud.azure.hub.api.entry import Entry, checked, with_etag
from localcloud.azure.hub.api.paging import query_page
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.methods import LARGEST_PAYLOAD_BYTES, RESPONSE_SECONDS, Invocation
from localcloud.azure.hub.query import QueryError, read_query
from localcloud.azure.hub.registry import HubRegistry
from localcloud.calls import Answer, Call, route


class Twins:
    """The operations on twins."""

    def __init__(self, hubs: HubRegistry) -> None:
        self._hubs = hubs

    def entries(self) -> list[Entry]:
        """The operations."""
        found = [Entry(route("POST", "/devices/query", self._query), "RegistryRead")]
        for twin in ("/twins/{device}", "/twins/{device}/modules/{module}"):
            found += [
                Entry(route("GET", twin, self._get), "ServiceConnect"),
                Entry(route("PATCH", twin, self._patch), "ServiceConnect"),
                Entry(route("PUT", twin, self._replace), "ServiceConnect"),
                Entry(route("POST", f"{twin}/methods", self._invoke), "ServiceConnect"),
            ]
        return found

    def _get(self, call: Call, device: str, module: str = "") -> Answer:
        return with_etag(self._hubs.get_twin(call.host, _subject(device, module)))

    def _patch(self, call: Call, device: str, module: str = "") -> Answer:
        subject, if_match = _subject(device, module), call.header("if-match")
        return with_etag(self._hubs.patch_twin(call.host, subject, call.document(), if_match))

    def _replace(self, call: Call, device: str, module: str = "") -> Answer:
        subject, if_match = _subject(device, module), call.header("if-match")
        return with_etag(self._hubs.replace_twin(call.host, subject, call.document(), if_match))

    def _query(self, call: Call) -> Answer:
        text = checked(QUERY, call.document()).get("query") or ""
        try:
            query = read_query(text)
        except QueryError as error:
            raise HubError(400, "ArgumentInvalid", f"The query cannot be read: {error}.") from error
        return query_page(call, query, self._hubs.all_twins(call.host, query.condition.collection))

    async def _invoke(self, call: Call, device: str, module: str = "") -> Answer:
        """What is wrong with the request is told at once; the rest waits for the device."""
        subject = _subject(device, module)
        self._hubs.get_twin(call.host, subject)
        wanted = _invocation(call.document())
        key = f"{call.host}/{subject}"
        return Answer(body=await self._hubs.methods.invoke(key, wanted))


def _invocation(document: dict[str, Any]) -> Invocation:
    """A null payload is sent as JSON null, none as an empty body."""
    body = checked(METHOD, document)
    payload = json.dumps(document["payload"]).encode() if "payload" in document else b""
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        text = f"payload: {len(payload)} bytes; at most {LARGEST_PAYLOAD_BYTES} are allowed"
        raise HubError(413, "MessageTooLarge", text)
    response = body.get("responseTimeoutInSeconds", RESPONSE_SECONDS)
    return Invocation(body["methodName"], payload, response, body.get("connectTimeoutInSeconds", 0))


def _subject(device: str, module: str) -> str:
    return f"{device}/{module}" if module else device
