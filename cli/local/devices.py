"""The devices of the local stack: who they are, one process each, and how far each one is.

Which device is where is read from its own log (JSON lines, see `agent.log`): nothing is asked of the cloud,
so "provisioned" means that the device itself has enrolled, connected, read its desired state and reported.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from certs.issue import KEY_FILE, LEAF_FILE
from cli.local import processes
from cli.local.layout import Layout
from fleet.description import X509, Fleet

#: DPS takes registration ids of up to 128 characters; this leaves room for the number.
_PREFIX_LENGTH = 120


@dataclass(frozen=True)
class Device:
    """One device of the local stack."""

    registration_id: str
    group: str
    issuer: str
    folder: Path

    @property
    def leaf(self) -> Path:
        """Its certificate and the issuer's."""
        return self.folder / LEAF_FILE

    @property
    def log(self) -> Path:
        """What it says: JSON lines."""
        return self.folder / "agent.log"

    @property
    def pid_file(self) -> Path:
        """Its process."""
        return self.folder / "agent.pid"


class State(enum.Enum):
    """How far a device is."""

    DOWN = "down"
    COMING = "coming up"
    UP = "up"
    REFUSED = "refused"


@dataclass(frozen=True)
class Reading:
    """What a device's log and process say: its state, its hub, how long it took, and why it is not up."""

    state: State
    hub: str = ""
    seconds: float = 0.0
    reason: str = ""


def plan(layout: Layout, fleet: Fleet, count: int) -> list[Device]:
    """Name `count` devices, spread evenly over the groups that take devices of an issuer: reefer-0001."""
    groups = [
        (name, group.attestation.issuer)
        for name, group in sorted(fleet.groups.items())
        if group.enabled and isinstance(group.attestation, X509)
    ]
    prefixes = _prefixes([name for name, _ in groups])
    devices = []
    for number in range(count if groups else 0):
        name, issuer = groups[number % len(groups)]
        registration_id = f"{prefixes[name]}-{number // len(groups) + 1:04}"
        folder = layout.devices / registration_id
        devices.append(Device(registration_id, name, issuer, folder))
    return sorted(devices, key=lambda device: device.registration_id)


def _prefixes(names: Sequence[str]) -> dict[str, str]:
    """The groups' names in the singular, where that leaves them apart."""
    singular = {name: name.lower().removesuffix("s")[:_PREFIX_LENGTH] for name in names}
    if len(set(singular.values())) == len(names) and all(singular.values()):
        return singular
    return {name: f"{name.lower()[:_PREFIX_LENGTH]}-{number}" for number, name in enumerate(names, start=1)}


@dataclass(frozen=True)
class Runner:
    """Starts device processes: for which provisioning service, through which proxy."""

    layout: Layout
    environment: Mapping[str, str]
    id_scope: str

    def is_running(self, device: Device) -> bool:
        """Tell whether the device's process runs, and was told what it would be told now."""
        record = processes.read(device.pid_file)
        right = record and record.arguments == self._command(device) and record.told == self._told()
        return bool(right) and processes.running(device.pid_file) is not None

    def start(self, device: Device) -> None:
        """Start the device, after ending a process of it that was told something else."""
        processes.stop([device.pid_file])
        processes.start(
            self._command(device),
            self.environment,
            self.layout.project,
            device.log,
            device.pid_file,
            self._told(),
        )

    def _command(self, device: Device) -> tuple[str, ...]:
        python = str(self.layout.project / ".venv" / "bin" / "python")
        names = ("--registration-id", device.registration_id, "--id-scope", self.id_scope)
        files = ("--certificate", str(device.leaf), "--key", str(device.folder / KEY_FILE))
        return (python, "-m", "agent", *names, *files)

    def _told(self) -> dict[str, str]:
        return {"MUSTER_PROXY": self.environment.get("MUSTER_PROXY", "")}


def existing_pid_files(layout: Layout) -> list[Path]:
    """The pid files of all devices that were ever started and not stopped."""
    return sorted(layout.devices.glob("*/agent.pid"))


def look(device: Device) -> Reading:
    """Read how far the device is."""
    record = processes.read(device.pid_file)
    if record is None:
        return Reading(State.DOWN, reason="not started")
    reading = read_log(device.log, record.log_offset)
    if processes.running(device.pid_file) is None and reading.state is not State.REFUSED:
        return replace(reading, state=State.DOWN, reason=reading.reason or _last_line(device.log))
    return reading


def read_log(log: Path, offset: int) -> Reading:
    """Follow a device's events from where its present process began."""
    reading = Reading(State.COMING)
    for event in _events(log, offset):
        reading = _after(reading, event)
    return reading


def _events(log: Path, offset: int) -> Iterator[Mapping[str, Any]]:
    """The JSON lines; a line that is none (a traceback, or half a line so far) is no event."""
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(offset, os.SEEK_SET)
        for line in file:
            if line.startswith(b"{") and line.endswith(b"}\n"):
                yield json.loads(line)


def _after(reading: Reading, event: Mapping[str, Any]) -> Reading:
    match event.get("event"):
        case "assigned":
            return Reading(State.COMING, hub=event["hub"])
        case "reported":
            return replace(reading, state=State.UP, seconds=event["seconds"], reason="")
        case "refused":
            return replace(reading, state=State.REFUSED, reason=event["reason"])
        case "disconnected" | "retrying" if reading.state is not State.REFUSED:
            return replace(reading, state=State.COMING, reason=event.get("reason", ""))
        case "stopped":
            return replace(reading, state=State.DOWN, reason="stopped")
    return reading


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return f"its process ended; last line of its log: {lines[-1]}" if lines else "its process ended"
