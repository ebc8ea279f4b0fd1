"""When the hub is asked who the children are: at the start until it answers, then only for a stranger."""

import asyncio
import io
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.backoff import Backoff
from agent.errors import RefusedError, UnavailableError
from agent.gateway import children as module
from agent.gateway.children import Children
from agent.gateway.scope import Child, NotAdmittedError, Shown
from agent.log import JsonLog

CHILD = Child("child-1", True, "selfSigned", (), ())


@dataclass
class _Hub:
    """An EdgeHub in memory: `listed` is what it lists, `raises` what it raises first."""

    listed: dict[str, Child] = field(default_factory=dict)
    raises: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    hub: str = "hub"

    def register(self) -> None:
        self._called("register")

    def children(self) -> dict[str, Child]:
        self._called("children")
        return dict(self.listed)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.raises.get(name):
            raise self.raises[name].pop(0)


def _run(hub: _Hub, work: Callable[[Children], Awaitable[None]]) -> list[dict[str, Any]]:
    """Do something with the children of a hub; the log."""
    stream = io.StringIO()

    async def run() -> None:
        log = JsonLog(stream, "gateway-1")
        await work(Children(hub, lambda: datetime.now(UTC), log))  # type: ignore[arg-type]  # a fake

    asyncio.run(run())
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REFRESH_SECONDS", 0.2)
    for name in ("UNAVAILABLE", "REFUSED"):
        monkeypatch.setattr(module, name, Backoff(0.001, 0.001))


def test_before_the_list_is_there_nobody_comes_in() -> None:
    async def work(children: Children) -> None:
        with pytest.raises(UnavailableError):
            await children.admit("child-1", Shown("", None))

    _run(_Hub(), work)


def test_it_asks_until_it_may() -> None:
    hub = _Hub(
        raises={
            "register": [UnavailableError("down"), RefusedError("401")],
            "children": [UnavailableError("x")],
        }
    )
    log = _run(hub, lambda children: children.prepare())
    assert hub.calls == ["register", "register", "register", "children", "register", "children"]
    assert [it["reason"] for it in log if it["event"] == "gateway-unready"] == ["down", "401", "x"]


def test_a_stranger_makes_it_ask_again_and_many_ask_once() -> None:
    hub = _Hub()

    async def work(children: Children) -> None:
        await children.prepare()
        hub.listed["child-1"] = CHILD
        began = time.monotonic()
        found = await asyncio.gather(
            *(children.admit("child-1", Shown("", None)) for _ in range(20)), return_exceptions=True
        )
        assert {str(it) for it in found} == {"it showed no certificate that the gateway trusts"}
        assert time.monotonic() - began < 5

    _run(hub, work)
    assert hub.calls.count("children") == 2


def test_a_hub_that_forgot_the_gateway_is_told_the_key_again() -> None:
    hub = _Hub()

    async def work(children: Children) -> None:
        await children.prepare()
        hub.raises["children"] = [RefusedError("401")]
        with pytest.raises(NotAdmittedError, match="no child"):
            await children.admit("child-1", Shown("", None))
        hub.raises["children"] = [RefusedError("401"), RefusedError("401")]
        with pytest.raises(UnavailableError, match="refuses the gateway"):
            await children.admit("child-1", Shown("", None))

    _run(hub, work)
    assert hub.calls.count("register") == 3
