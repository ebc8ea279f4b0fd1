"""Brings the devices up: certificates, processes a few at a time, and waiting until each has reported."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cli.local import processes
from cli.local.devices import Device, Reading, State, existing_pid_files, look
from cli.local.identity import LeafIssuer
from cli.local.layout import Layout
from cli.local.progress import Step
from cli.local.runner import Runner

#: A device's start is a second of pure computing; more of them at once only make each other time out.
STARTING_AT_ONCE = 8
#: Longer than the device itself waits for an answer, so that its own word comes first.
_STALL_SECONDS = 120.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Provisioned:
    """How the devices came up: what each says, how many were started now, in how long."""

    readings: Mapping[Device, Reading]
    started: int
    stopped: int
    seconds: float

    @property
    def up(self) -> list[Device]:
        """The devices that are provisioned."""
        return [device for device, reading in self.readings.items() if reading.state is State.UP]

    @property
    def failed(self) -> dict[Device, Reading]:
        """The others, and why."""
        return {device: reading for device, reading in self.readings.items() if reading.state is not State.UP}


def issue_certificates(devices: Sequence[Device], issuer: LeafIssuer, step: Step) -> int:
    """Give every device without a good certificate a new one, if it does not come with a claim; returns how
    many were issued.
    """
    wanting = [device for device in devices if not issuer.is_good(device)]
    for done, device in enumerate(wanting):
        step.update(device.registration_id, done, len(wanting))
        processes.stop([device.pid_file])
        issuer.issue(device)
    claiming = sum(device.claim is not None for device in devices)
    there = f"{len(wanting)} issued, {len(devices) - len(wanting) - claiming} there already"
    step.done(f"{there}, {claiming} ask for theirs with a claim" if claiming else there)
    return len(wanting)


def stop_surplus(layout: Layout, devices: Sequence[Device]) -> int:
    """Stop devices that run but were not asked for; their registrations stay. Returns how many ran."""
    wanted = {device.pid_file for device in devices}
    return processes.stop([file for file in existing_pid_files(layout) if file not in wanted])


def bring_up(
    layout: Layout,
    devices: Sequence[Device],
    runner: Runner,
    step: Step,
    require_cloud: Callable[[], None] = lambda: None,
) -> Provisioned:
    """Start the devices that do not run and wait until all are up, refused, or nothing moves any more.

    `require_cloud` raises when there is nobody left to come up to.
    """
    began = time.monotonic()
    stopped = stop_surplus(layout, devices)
    waiting = [device for device in devices if not runner.is_running(device)]
    started = len(waiting)
    readings = {device: look(device) for device in devices if device not in waiting}
    moved = time.monotonic()
    while (waiting or _coming(readings)) and time.monotonic() - moved < _STALL_SECONDS:
        require_cloud()
        _start_some(waiting, readings, runner)
        latest = {device: look(device) for device in _coming(readings)}
        moved = moved if latest.items() <= readings.items() else time.monotonic()
        readings |= latest
        step.update("up", _count_up(readings), len(devices))
        time.sleep(_POLL_SECONDS)
    seconds = time.monotonic() - began if started else 0.0
    unstarted = {
        device: Reading(State.DOWN, reason="not started: the others did not come up") for device in waiting
    }
    result = Provisioned({**readings, **unstarted}, started - len(waiting), stopped, seconds)
    step.done(_describe(result))
    return result


def _start_some(waiting: list[Device], readings: dict[Device, Reading], runner: Runner) -> None:
    """Start as many as may be coming up at once; they leave `waiting`."""
    free = STARTING_AT_ONCE - len(_coming(readings))
    for _ in range(min(free, len(waiting))):
        device = waiting.pop(0)
        runner.start(device)
        readings[device] = Reading(State.COMING)


def _coming(readings: Mapping[Device, Reading]) -> list[Device]:
    return [device for device, reading in readings.items() if reading.state is State.COMING]


def _count_up(readings: Mapping[Device, Reading]) -> int:
    return sum(reading.state is State.UP for reading in readings.values())


def _describe(result: Provisioned) -> str:
    surplus = f", {result.stopped} more stopped" if result.stopped else ""
    return f"{len(result.up)} of {len(result.readings)} up, {result.started} started now{surplus}"
