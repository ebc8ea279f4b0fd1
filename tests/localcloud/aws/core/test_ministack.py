"""The child process without a front: one that answers nothing any more is ended, and started anew."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from localcloud.aws import ministack
from localcloud.aws.api import ApiError
from localcloud.aws.ministack import Ministack
from localcloud.aws.place import Place
from localcloud.calls import Call
from localcloud.clock import Clock
from localcloud.store import Store

HEALTH = Call("GET", "localhost", "/_ministack/health", {}, {"host": "localhost"}, b"")


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Ministack]:
    place = Place(Store(":memory:"), Clock())
    made = Ministack(place, tmp_path, "http://127.0.0.1:9", "AKIATEST")
    yield made
    place.store.close()
    if made.pid is not None:
        os.killpg(made.pid, signal.SIGKILL)


def test_one_that_hangs_is_ended_and_the_next_call_starts_another(
    child: Ministack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        assert (await child.forward(HEALTH)).status == 200
        first = psutil.Process(child.pid)
        first.suspend()
        with monkeypatch.context() as hasty:
            hasty.setattr(ministack, "PATIENCE_SECONDS", 0.1)
            hasty.setattr(ministack, "HEALTH_SECONDS", 0.5)
            waiting = [asyncio.ensure_future(child.forward(HEALTH)) for _ in range(40)]
            for refused in await asyncio.gather(*waiting, return_exceptions=True):
                assert isinstance(refused, ApiError)
                assert refused.status == 503
        assert not first.is_running()
        assert (await child.forward(HEALTH)).status == 200
        assert child.pid != first.pid
        await child.stop()

    asyncio.run(run())


def test_one_that_takes_its_time_is_left_alone(child: Ministack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack, "PATIENCE_SECONDS", 0.001)

    async def run() -> None:
        assert (await child.forward(HEALTH)).status == 200
        first = child.pid
        assert (await child.forward(HEALTH)).status == 200
        assert child.pid == first
        await child.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("python", "words"),
    [("/nowhere/python", "`make setup` does it"), ("/bin/false", "emulator.log tells why")],
)
def test_one_that_does_not_start_says_what_to_do(
    child: Ministack, monkeypatch: pytest.MonkeyPatch, python: str, words: str
) -> None:
    monkeypatch.setattr(ministack, "PYTHON", Path(python))
    with pytest.raises(ApiError) as refused:
        asyncio.run(child.forward(HEALTH))
    assert refused.value.status == 503
    assert words in refused.value.message
    assert child.pid is None
