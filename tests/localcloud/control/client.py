"""A typed client of the local cloud's control surface, for tests and benchmarks."""

import json
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import httpx


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault to switch on; see docs/localcloud.md."""

    surface: Literal["https", "mqtt"]
    action: Literal["drop", "delay", "reset", "status"]
    host: str = "*"
    match: str = "*"
    stage: Literal["request", "answer"] = "request"
    status: int = 500
    delay_seconds: float = 0
    times: int | None = None
    every: int = 1

    def body(self) -> dict[str, Any]:
        made = asdict(self)
        delay = made.pop("delay_seconds")
        return {**made, "delaySeconds": delay}


class Control:
    """Moves time, switches throttling and faults; all off again when it is closed."""

    def __init__(self, state: Path) -> None:
        """`state` is the state directory of a running local cloud."""
        endpoints = json.loads((state / "endpoints.json").read_text())
        trust = ssl.create_default_context(cafile=str(state / "tls-ca.pem"))
        base = f"https://127.0.0.1:{endpoints['https_port']}/_local"
        self._http = httpx.Client(base_url=base, verify=trust, trust_env=False, timeout=20)

    def __enter__(self) -> "Control":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self.clear_faults()
        self.throttle(enabled=False)
        self._http.close()

    def advance(self, seconds: float) -> str:
        """Move the clock; gives the new time."""
        return str(self._post("/clock", {"advanceSeconds": seconds})["now"])

    def now(self) -> str:
        return str(self._get("/clock")["now"])

    def throttle(self, *, enabled: bool, bulk_counts: Literal["calls", "rows"] = "calls") -> None:
        self._post("/throttling", {"enabled": enabled, "bulkCounts": bulk_counts})

    def refused(self) -> dict[str, int]:
        """What throttling refused or made wait, by limit."""
        return dict(self._get("/throttling")["refused"])

    def set_faults(self, *faults: Fault) -> None:
        """In place of those before."""
        self._post("/faults", {"faults": [it.body() for it in faults]})

    def hits(self) -> list[int]:
        """How often each fault has struck."""
        return [int(it["hits"]) for it in self._get("/faults")["faults"]]

    def clear_faults(self) -> None:
        self._http.delete("/faults").raise_for_status()

    def counters(self) -> dict[str, int]:
        return dict(self._get("/counters"))

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._http.get(path).raise_for_status()
        return dict(answer.json())

    def _post(self, path: str, body: object) -> dict[str, Any]:
        answer = self._http.post(path, json=body).raise_for_status()
        return dict(answer.json())
