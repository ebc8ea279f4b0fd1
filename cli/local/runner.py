"""Starts the devices: which process each one is, and where it is told that its cloud is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from certs.issue import KEY_FILE, LEAF_FILE
from cli.local import processes
from cli.local.devices import Device
from cli.local.layout import Layout
from fleet.description import Fleet

_TELEMETRY = "telemetry"
_OWN = "own"
"""Below a device's folder: the key that it made, and the certificate it got for a claim."""


@dataclass(frozen=True)
class Reached:
    """Where devices find their clouds: DPS by its id scope; AWS by its endpoint, and a group's template and
    topics.
    """

    id_scope: str = ""
    endpoint: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, fleet: Fleet, outputs: Mapping[str, Any]) -> Reached:
        """By the stack's outputs."""
        aws = outputs.get("aws") or {}
        groups: Mapping[str, Mapping[str, Any]] = aws.get("groups") or {}
        sending = [
            name
            for name, group in fleet.groups.items()
            if "aws" in group.clouds and _TELEMETRY in group.on_aws.permissions.publish
        ]
        return cls(
            str(outputs.get("idScope", "")),
            str(aws.get("endpoint", "")),
            {name: str(group["template"]) for name, group in groups.items() if group.get("template")},
            {name: f"{fleet.name}/{name}" for name in sending},
        )


@dataclass(frozen=True)
class Runner:
    """Starts device processes: in which clouds, through which proxy."""

    layout: Layout
    environment: Mapping[str, str]
    reached: Reached

    def is_running(self, device: Device) -> bool:
        """Tell whether the device's process runs, and was told what it would be told now."""
        record = processes.read(device.pid_file)
        right = record and record.arguments == self._command(device) and record.told == self._told()
        return bool(right) and processes.running(device.pid_file) is not None

    def start(self, device: Device) -> None:
        """Start the device, after ending a process of it that was told something else."""
        processes.stop([device.pid_file])
        device.folder.mkdir(mode=0o700, exist_ok=True)
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
        shown = device.claim or device.folder
        files = ("--certificate", str(shown / LEAF_FILE), "--key", str(shown / KEY_FILE))
        where = self._on_aws(device) if device.cloud == "aws" else ("--id-scope", self.reached.id_scope)
        return (python, "-m", "agent", "--registration-id", device.registration_id, *where, *files)

    def _on_aws(self, device: Device) -> tuple[str, ...]:
        topics = self.reached.topics.get(device.group)
        where = ("--endpoint", self.reached.endpoint, *(("--topics", topics) if topics else ()))
        if device.claim is None:
            return (*where, "--just-in-time")
        template = self.reached.templates.get(device.group, "")
        return (*where, "--claim-template", template, "--identity", str(device.folder / _OWN))

    def _told(self) -> dict[str, str]:
        return {"MUSTER_PROXY": self.environment.get("MUSTER_PROXY", "")}
