"""A DPS in memory that counts what it applies, and can fail in every way that a test needs."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

PAGE = 100


@dataclass
class MemoryDps:
    """`enrollments` may be read and edited; `applied` counts, by (mode, id), what a bulk really did.

    `before` and `after` a bulk operation may raise (a lost connection) or return an answer instead.
    """

    enrollments: dict[str, dict[str, Any]] = field(default_factory=dict)
    applied: Counter[tuple[str, str]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    before: Callable[[int], httpx.Response | None] = lambda _: None
    after: Callable[[int], httpx.Response | None] = lambda _: None
    keys: dict[str, str] = field(default_factory=dict)
    spoils: str = ""
    versions: int = 0
    bulks: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def handle(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        return self.answer(request.method, unquote(request.url.path), dict(request.headers), body)

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> httpx.Response:
        if method == "POST" and path == "/enrollments":
            return self._bulk(body)
        with self.lock:
            if path == "/enrollments/query":
                self.calls["query"] += 1
                return self._page(headers)
            name = path.split("/")[2].lower()
            self.calls["keys" if method == "POST" else method] += 1
            if name not in self.enrollments:
                return httpx.Response(404, json={"errorCode": 404201, "message": "not found"})
            if method == "POST":
                return httpx.Response(
                    200, json={"type": "symmetricKey", "symmetricKey": {"primaryKey": self.keys[name]}}
                )
            return httpx.Response(200, json=self.enrollments[name])

    def ids(self) -> set[str]:
        return set(self.enrollments)

    def twice(self) -> dict[tuple[str, str], int]:
        return {what: times for what, times in self.applied.items() if times > 1}

    def _bulk(self, body: Any) -> httpx.Response:
        with self.lock:
            self.calls["bulk"] += 1
            self.bulks += 1
            number = self.bulks
        if (said := self.before(number)) is not None:
            return said
        assert 1 <= len(body["enrollments"]) <= 10
        if any(each["registrationId"] == self.spoils for each in body["enrollments"]):
            return httpx.Response(400, json={"message": "cannot read it"})
        with self.lock:
            results = [self._apply(body["mode"], each) for each in body["enrollments"]]
        if (said := self.after(number)) is not None:
            return said
        errors = [each for each in results if each is not None]
        return httpx.Response(200, json={"isSuccessful": not errors, "errors": errors})

    def _apply(self, mode: str, each: dict[str, Any]) -> dict[str, Any] | None:
        name = each["registrationId"].lower()
        present = self.enrollments.get(name)
        if name in self.refuses:
            code, text = self.refuses[name]
            return {"registrationId": each["registrationId"], "errorCode": code, "errorStatus": text}
        code = self._code(mode, each, present)
        if code:
            return {"registrationId": each["registrationId"], "errorCode": code, "errorStatus": "no"}
        self.applied[mode, name] += 1
        if mode == "delete":
            del self.enrollments[name]
            return None
        self.versions += 1
        kept = json.loads(json.dumps(each))
        given = (kept["attestation"].pop("symmetricKey", None) or {}).get("primaryKey")
        self.keys[name] = given or f"key-{self.versions}"
        self.enrollments[name] = {**kept, "etag": f"e{self.versions}"}
        return None

    def _code(self, mode: str, each: dict[str, Any], present: dict[str, Any] | None) -> int:
        if mode == "create":
            return 409000 if present else 0
        if present is None:
            return 404201
        return 412000 if mode == "updateIfMatchETag" and each["etag"] != present["etag"] else 0

    def _page(self, headers: dict[str, str]) -> httpx.Response:
        start = int(headers.get("x-ms-continuation", "0"))
        size = min(PAGE, int(headers["x-ms-max-item-count"]))
        names = sorted(self.enrollments)
        more = {"x-ms-continuation": str(start + size)} if start + size < len(names) else {}
        found = [self.enrollments[name] for name in names[start : start + size]]
        return httpx.Response(200, json=found, headers=more)
