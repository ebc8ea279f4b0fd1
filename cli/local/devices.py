"""The devices of the local stack: who they are on which cloud, and how far each one is.

Which device is where is read from its own log (JSON lines, see `agent.log`): nothing is asked of the cloud,
so "provisioned" means that the device itself has enrolled, connected, read its desired state and reported.
"""

from __future__ import annotations

import enum
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from certs.issue import LEAF_FILE
from cli.local import processes
from cli.local.layout import Layout
from fleet.description import X509, Claim, Cloud, Fleet, Group

#: DPS and AWS IoT take names of up to 128 characters; this leaves room for the cloud and the number.
_PREFIX_LENGTH = 112
_AWS_NAME = re.compile(r"-aws-[0-9]{4,}$")


@dataclass(frozen=True)
class Device:
    """One device of the local stack. With a `claim`, a folder with its files, it makes its own key."""

    registration_id: str
    group: str
    issuer: str
    folder: Path
    cloud: Cloud = "azure"
    claim: Path | None = None

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
    """Name `count` devices on each cloud, spread evenly over the groups that are there: reefer-0001 on Azure,
    reefer-aws-0001 on AWS.
    """
    prefixes = _prefixes([name for name, group in sorted(fleet.groups.items()) if _is_open(group)])
    devices = []
    for cloud in fleet.clouds:
        names = [name for name in prefixes if cloud in fleet.groups[name].clouds]
        for number in range(count if names else 0):
            name = names[number % len(names)]
            infix = "" if cloud == "azure" else f"-{cloud}"
            registration_id = f"{prefixes[name]}{infix}-{number // len(names) + 1:04}"
            devices.append(_device(layout, fleet, registration_id, name, cloud))
    return sorted(devices, key=lambda device: device.registration_id)


def _is_open(group: Group) -> bool:
    return group.enabled and isinstance(group.attestation, X509)


def _device(layout: Layout, fleet: Fleet, registration_id: str, name: str, cloud: Cloud) -> Device:
    group = fleet.groups[name]
    assert isinstance(group.attestation, X509), "plan takes no others"
    claim = min(claims(layout, group).values(), default=None) if cloud == "aws" else None
    folder = layout.devices / registration_id
    return Device(
        registration_id, name, group.attestation.issuer, folder, cloud, claim and claim_folder(claim)
    )


def claims(layout: Layout, group: Group) -> dict[str, Path]:
    """The claim certificates of a group by their keys, as the stack file names them."""
    enrolment = group.on_aws.enrolment if "aws" in group.clouds else None
    if not isinstance(enrolment, Claim):
        return {}
    return {key: layout.project / path for key, path in enrolment.certificates.items()}


def claim_folder(certificate: Path) -> Path:
    """Where a claim's files for devices are: beside the certificate that the stack file names."""
    return certificate.with_suffix("")


def _prefixes(names: Sequence[str]) -> dict[str, str]:
    """The groups' names in the singular, where that leaves them apart."""
    singular = {name: name.lower().removesuffix("s")[:_PREFIX_LENGTH] for name in names}
    taken = {form for prefix in singular.values() for form in (prefix, f"{prefix}-aws")}
    if len(taken) == 2 * len(names) and all(singular.values()):
        return singular
    return {name: f"{name.lower()[:_PREFIX_LENGTH]}-{number}" for number, name in enumerate(names, start=1)}


def existing_pid_files(layout: Layout) -> list[Path]:
    """The pid files of all devices that were ever started and not stopped."""
    return sorted(layout.devices.glob("*/agent.pid"))


def cloud_of(registration_id: str) -> Cloud:
    """The cloud of a device of the local stack, by its name."""
    return "aws" if _AWS_NAME.search(registration_id) else "azure"


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
        case "assigned" | "resuming":
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
