"""The service API of a hub: identities, twins, configurations; queries are answered from `counts`."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.provider.memory.answers import merge, new_etag

Document = dict[str, Any]


@dataclass
class HubMemory:
    """Documents by path (`/devices/d`, `/twins/d`, `/configurations/c` …). `bad`: what parses not."""

    hub_documents: dict[str, Document] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    before_put: Callable[[], None] = lambda: None

    def hub(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        path = request.url.path
        body = json.loads(request.content) if request.content else {}
        match request.method, path:
            case "POST", "/devices/query":
                return httpx.Response(200, json=self._rows(body["query"]))
            case "POST", "/configurations/testQueries":
                return httpx.Response(200, json=self._tested(body))
            case "GET", "/configurations":
                found = [it for key, it in self.hub_documents.items() if key.startswith("/configurations/")]
                return httpx.Response(200, json=found)
            case "PATCH", _:
                twin = self.hub_documents[path]
                merge(twin, body)
                return httpx.Response(200, json=twin)
            case "PUT", _:
                self.before_put()
                return self._put_document(path, body, request.headers.get("if-match"))
        return self._one(request.method, path)

    def _one(self, method: str, path: str) -> httpx.Response:
        if path not in self.hub_documents:
            body = {"Message": f"ErrorCode:NotFound;{path} is not there"}
            return httpx.Response(404, json=body)
        if method == "DELETE":
            del self.hub_documents[path]
            return httpx.Response(204)
        return httpx.Response(200, json=self.hub_documents[path])

    def _put_document(self, path: str, body: Document, if_match: str | None) -> httpx.Response:
        current = self.hub_documents.get(path)
        if current is not None and if_match is None:
            return httpx.Response(409, json={"Message": "ErrorCode:AlreadyExists;it is there"})
        if if_match is not None and (current is None or if_match != f'"{current["etag"]}"'):
            return httpx.Response(412, json={"Message": "ErrorCode:PreconditionFailed;another etag"})
        made = {**body, "etag": new_etag()}
        if path.startswith("/devices/"):
            self._identity(path, made)
        self.hub_documents[path] = made
        return httpx.Response(200, json=made)

    def _identity(self, path: str, made: Document) -> None:
        if made["authentication"]["type"] == "sas":
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            made["authentication"].setdefault("symmetricKey", {"primaryKey": key, "secondaryKey": key})
        if (made.get("capabilities") or {}).get("iotEdge"):
            made["deviceScope"] = f"ms-azure-iot-edge://{made['deviceId']}-637"
        twin = {"tags": {}, "properties": {"desired": {"$version": 1}, "reported": {}}}
        self.hub_documents.setdefault(path.replace("/devices/", "/twins/", 1), twin)

    def _tested(self, body: Document) -> Document:
        metrics = {name: self.bad[it] for name, it in body["customMetricQueries"].items() if it in self.bad}
        return {
            "targetConditionError": self.bad.get(body["targetCondition"]),
            "customMetricQueryErrors": metrics,
        }

    def _rows(self, query: str) -> list[Document]:
        return [{"total": self.counts[query]}] if query in self.counts else []
