"""The runner against a cloud in memory: the right calls in the right order, from whatever thread."""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.assignment import Assignment, Validity
from agent.errors import RefusedError, UnavailableError
from agent.events import Stop
from agent.log import JsonLog
from agent.machine import Machine
from agent.runner import Runner
from agent.twin import Json

START = datetime(2026, 11, 1, tzinfo=UTC)
MONTH = Validity(START, START + timedelta(days=30))


@dataclass
class _Cloud:
    """A cloud that tests edit: `answers` maps a call to what it raises, first in first out."""

    answers: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    desired: Json = field(default_factory=lambda: {"intervalSeconds": 60, "$version": 1})
    reported: list[Json] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)
    hangs_on: str = ""
    kept: Assignment | None = None
    certificate: Validity | None = None
    now: datetime = START
    lost: Callable[[str], None] | None = None
    changed: Callable[[Json], None] | None = None

    def call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.hangs_on:
            self.hang.wait(20)
        raised = self.answers.get(name)
        if raised:
            raise raised.pop(0)

    def known(self) -> Assignment | None:
        return self.kept

    def retire(self) -> None:
        self.call("retire")

    def open_gateway(self, host: str, device_id: str, log: JsonLog) -> None:  # noqa: ARG002 - the port's
        self.call(f"gateway {host} {device_id}")

    def fail(self, name: str) -> None:
        """What making a client raises, which is no call."""
        raised = self.answers.get(name)
        if raised:
            raise raised.pop(0)

    def provisioning(self) -> "_Provisioning":
        self.fail("provisioning")
        return _Provisioning(self)

    def renewal(self) -> "_Provisioning":
        self.fail("renewal")
        return _Provisioning(self, "renew")

    def hub(self, host: str, device_id: str) -> "_Hub":
        self.fail("hub")
        return _Hub(self, host, device_id)


@dataclass
class _Provisioning:
    cloud: _Cloud
    name: str = "enrol"

    def enrol(self) -> Assignment:
        self.cloud.call(self.name)
        return Assignment("eu-1", "reefer-1", self.cloud.certificate)

    def close(self) -> None:
        self.cloud.call("give up")


@dataclass
class _Hub:
    cloud: _Cloud
    host: str
    device_id: str

    def connect(self, lost: Callable[[str], None], desired: Callable[[Json], None]) -> None:
        self.cloud.call("connect")
        self.cloud.lost, self.cloud.changed = lost, desired

    def read_twin(self) -> Json:
        self.cloud.call("read")
        return {"desired": self.cloud.desired, "reported": {}}

    def report(self, properties: Json) -> None:
        self.cloud.call("report")
        self.cloud.reported.append(properties)

    def send(self, body: str) -> None:
        assert json.loads(body)["sequence"] >= 1
        self.cloud.call("send")

    def close(self) -> None:
        self.cloud.call("close")


class _Device:
    """A runner on a thread of its own, with its log."""

    def __init__(self, cloud: _Cloud, attempts: int = 0, *, gateway: bool = False) -> None:
        self._stream = io.StringIO()
        self._runner = Runner(
            Machine(attempts, lambda: 0.0, gateway=gateway),
            cloud,
            JsonLog(self._stream, "reefer-1", "debug"),
            lambda: cloud.now,
        )
        self._codes: list[int] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._codes.append(self._runner.run(time.monotonic()))

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self._stream.getvalue().splitlines()]

    def wait(self, event: str, times: int = 1) -> None:
        deadline = time.monotonic() + 10
        while self.events().count(event) < times:
            assert time.monotonic() < deadline, f"no {event} in {self.events()}"
            time.sleep(0.005)

    def ended(self) -> int:
        self._thread.join(10)
        return self._codes[0]

    def stop(self) -> int:
        self._runner.post(Stop())
        return self.ended()


@pytest.fixture
def cloud() -> Iterator[_Cloud]:
    cloud = _Cloud()
    yield cloud
    cloud.hang.set()


def test_from_start_to_stop(cloud: _Cloud) -> None:
    device = _Device(cloud)
    device.wait("reported")
    assert device.stop() == 0
    assert device.events() == ["starting", "assigned", "connected", "twin", "reported", "stopped"]
    assert cloud.calls == ["enrol", "connect", "read", "report", "close"]


def test_a_desired_change_is_reported(cloud: _Cloud) -> None:
    device = _Device(cloud)
    device.wait("reported")
    assert cloud.changed
    cloud.changed({"intervalSeconds": 5, "$version": 2})
    device.wait("reported", 2)
    assert cloud.reported[-1]["intervalSeconds"] == 5
    assert cloud.reported[-1]["desiredVersion"] == 2
    device.stop()


def test_telemetry_is_sent_as_often_as_desired(cloud: _Cloud) -> None:
    cloud.desired = {"intervalSeconds": 1, "$version": 1}
    device = _Device(cloud)
    deadline = time.monotonic() + 10
    while "send" not in cloud.calls and time.monotonic() < deadline:
        time.sleep(0.01)
    device.stop()
    assert "send" in cloud.calls


def test_a_lost_connection_is_closed_and_made_anew(cloud: _Cloud) -> None:
    device = _Device(cloud)
    device.wait("reported")
    assert cloud.lost
    cloud.lost("reset")
    device.wait("reported", 2)
    device.stop()
    assert cloud.calls.count("connect") == 2
    assert cloud.calls.count("close") == 2
    assert cloud.calls.count("enrol") == 1


@pytest.mark.parametrize("call", ["read", "report"])
def test_a_failure_on_the_connection_makes_it_anew(cloud: _Cloud, call: str) -> None:
    cloud.answers[call] = [UnavailableError("throttled")]
    device = _Device(cloud)
    device.wait("reported")
    device.stop()
    assert device.events().count("disconnected") == 1
    assert cloud.calls.count("connect") == 2


def test_a_hub_that_refuses_twice_sends_the_device_to_dps_again(cloud: _Cloud) -> None:
    cloud.answers["connect"] = [RefusedError("not here")] * 2
    device = _Device(cloud)
    device.wait("reported")
    device.stop()
    assert cloud.calls.count("enrol") == 2
    assert cloud.calls.count("connect") == 3


def test_refused_for_good(cloud: _Cloud) -> None:
    cloud.answers["enrol"] = [RefusedError("disabled")] * 3
    device = _Device(cloud, attempts=3)
    assert device.ended() == 3
    assert device.events().count("refused") == 3
    assert "connect" not in cloud.calls


def test_a_stop_is_answered_while_the_cloud_is_silent(cloud: _Cloud) -> None:
    cloud.hangs_on = "enrol"
    device = _Device(cloud)
    device.wait("starting")
    began = time.monotonic()
    assert device.stop() == 0
    assert time.monotonic() - began < 3
    assert "give up" in cloud.calls


def test_a_goodbye_that_hangs_does_not_hold_the_device(
    cloud: _Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.runner._CLOSE_SECONDS", 0.1)
    cloud.hangs_on = "close"
    device = _Device(cloud)
    device.wait("reported")
    assert device.stop() == 0


def test_a_goodbye_that_fails_is_noted_and_no_more(cloud: _Cloud) -> None:
    cloud.answers["close"] = [UnavailableError("already gone")]
    device = _Device(cloud)
    device.wait("reported")
    assert device.stop() == 0
    assert any(event == "sdk" for event in device.events())


def test_unfit_errors_of_the_cloud_are_not_swallowed(cloud: _Cloud) -> None:
    seen: list[Any] = []
    hook, threading.excepthook = threading.excepthook, seen.append
    try:
        cloud.answers["enrol"] = [ZeroDivisionError("a bug")]
        device = _Device(cloud)
        device.wait("starting")
        deadline = time.monotonic() + 5
        while not seen and time.monotonic() < deadline:
            time.sleep(0.005)
        device.stop()
    finally:
        threading.excepthook = hook
    assert seen[0].exc_type is ZeroDivisionError


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.runner.CLOCK_CHECK_SECONDS", 0.01)
    monkeypatch.setattr("agent.renewal.PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("quick")
def test_a_certificate_is_renewed_when_the_wall_clock_says_so(cloud: _Cloud) -> None:
    cloud.certificate = MONTH
    device = _Device(cloud)
    device.wait("reported")
    assert cloud.calls == ["enrol", "connect", "retire", "read", "report"]
    cloud.certificate = Validity(START + timedelta(days=24), START + timedelta(days=54))
    cloud.now = START + timedelta(days=24)
    device.wait("reported", 2)
    device.stop()
    assert (cloud.calls.count("enrol"), cloud.calls.count("renew")) == (1, 1)
    assert cloud.calls.index("close") < len(cloud.calls) - 1 - cloud.calls[::-1].index("connect")
    assert cloud.calls.count("retire") == 2
    assert device.events().count("renewing") == 1


@pytest.mark.usefixtures("quick")
def test_after_a_renewal_that_fails_it_connects_with_what_it_has(cloud: _Cloud) -> None:
    cloud.kept, cloud.certificate = Assignment("eu-1", "reefer-1", MONTH), MONTH
    cloud.now = START + timedelta(days=25)
    cloud.answers["renew"] = [UnavailableError("down"), RefusedError("disabled")]
    cloud.answers["renewal"] = [UnavailableError("the key is gone")]
    device = _Device(cloud)
    device.wait("renewal-failed", 3)
    device.wait("certificate-issued")
    assert "disconnected" not in device.events()
    assert device.events()[:2] == ["starting", "resuming"]
    device.stop()
    assert cloud.calls.count("connect") >= 3
    assert "enrol" not in cloud.calls


@pytest.mark.usefixtures("quick")
def test_a_renewal_given_up_is_told_so(cloud: _Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.renewal.ANSWER_SECONDS", 0.1)
    cloud.kept, cloud.now = Assignment("eu-1", "reefer-1", MONTH), START + timedelta(days=25)
    cloud.hangs_on = "renew"
    device = _Device(cloud)
    deadline = time.monotonic() + 10
    while "give up" not in cloud.calls and time.monotonic() < deadline:
        time.sleep(0.005)
    assert "give up" in cloud.calls
    device.stop()


def test_what_cannot_be_retired_is_noted(cloud: _Cloud) -> None:
    cloud.kept = Assignment("eu-1", "reefer-1", MONTH)
    cloud.answers["retire"] = [OSError("read-only")]
    device = _Device(cloud)
    device.wait("reported")
    device.stop()
    assert "retire-failed" in device.events()


def test_files_that_fail_a_client_are_a_failure_to_connect(cloud: _Cloud) -> None:
    cloud.answers["hub"] = [UnavailableError("the key is gone")]
    cloud.answers["provisioning"] = [UnavailableError("the key is gone")]
    device = _Device(cloud)
    device.wait("reported")
    assert device.events().count("retrying") == 2
    device.stop()


def test_a_gateway_is_opened_when_the_device_is_connected(cloud: _Cloud) -> None:
    device = _Device(cloud, gateway=True)
    device.wait("reported")
    assert "gateway eu-1 reefer-1" in cloud.calls
    device.stop()
