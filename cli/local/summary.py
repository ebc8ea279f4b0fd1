"""What an `up` came to: a table for a person, summary.json for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.local.deployment import Outcome
from cli.local.devices import Device
from cli.local.layout import STACK
from cli.local.provisioning import Provisioned
from fleet.description import Cloud

#: Beyond so many devices the table counts them by hub, and names the first of those that failed.
_LISTED_DEVICES = 25


@dataclass(frozen=True)
class Summary:
    """Everything that one `up` did and found."""

    clouds: Sequence[Cloud]
    outcome: Outcome
    provisioned: Provisioned
    certificates_issued: int
    cloud_started: bool
    seconds: float

    @property
    def changed(self) -> bool:
        """Tell whether this `up` changed anything at all."""
        done = self.provisioned.started + self.provisioned.stopped + self.certificates_issued
        return self.outcome.changed or self.cloud_started or done > 0

    @property
    def complete(self) -> bool:
        """Tell whether every device that was asked for is up."""
        return not self.provisioned.failed

    def as_json(self) -> dict[str, Any]:
        """The document of summary.json; durations are in seconds."""
        changes = self.outcome.changes
        return {
            "stack": STACK,
            "changed": self.changed,
            "seconds": round(self.seconds, 3),
            "clouds": {cloud: self._cloud(cloud) for cloud in self.clouds},
            "resources": {
                "created": changes["create"],
                "updated": changes["update"],
                "replaced": changes["replace"],
                "deleted": changes["delete"],
                "same": changes["same"],
            },
            "devices": [self._device(device) for device in self.provisioned.readings],
        }

    def _cloud(self, cloud: Cloud) -> dict[str, Any]:
        up = [device for device in self.provisioned.up if device.cloud == cloud]
        counted = {
            "requested": sum(device.cloud == cloud for device in self.provisioned.readings),
            "provisioned": len(up),
            "seconds": round(self.provisioned.seconds, 3),
        }
        if cloud == "azure":
            hubs = Counter(self.provisioned.readings[device].hub for device in up)
            return {**counted, "hubs": dict(sorted(hubs.items()))}
        things = Counter(device.group for device in up)
        endpoint = (self.outcome.outputs.get("aws") or {}).get("endpoint", "")
        return {**counted, "endpoint": endpoint, "things": dict(sorted(things.items()))}

    def _device(self, device: Device) -> dict[str, Any]:
        reading = self.provisioned.readings[device]
        known = {"hub": reading.hub, "seconds": reading.seconds, "reason": reading.reason}
        named = {
            "registrationId": device.registration_id,
            "cloud": device.cloud,
            "group": device.group,
            "state": reading.state.value,
        }
        return named | {key: value for key, value in known.items() if value}

    def save(self, path: Path) -> None:
        """Write summary.json, whole or not at all."""
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(self.as_json(), indent=2) + "\n")
        whole.replace(path)

    def show(self, console: Console) -> None:
        """Print what was made, how the devices came up, and what to try next."""
        console.print()
        if self.outcome.touched:
            console.print(self._resources_table())
        console.print(self._devices_table())
        if self.provisioned.failed:
            console.print(self._failures_table())
        for line in self._closing():
            console.print(line, highlight=False, soft_wrap=True)

    def _resources_table(self) -> Table:
        table = Table(title=f"Resources of stack local: {self.outcome.describe()}", title_justify="left")
        for name in ("operation", "type", "resources"):
            table.add_column(name, justify="right" if name == "resources" else "left", overflow="fold")
        for (operation, kind), count in sorted(self.outcome.touched.items()):
            table.add_row(operation, kind, str(count))
        return table

    def _devices_table(self) -> Table:
        few = len(self.provisioned.up) <= _LISTED_DEVICES
        return self._devices_by_name() if few else self._devices_by_hub()

    def _devices_by_name(self) -> Table:
        table = Table(title="Devices that are up", title_justify="left")
        for name in ("device", "hub", "came up in"):
            table.add_column(name, justify="right" if name == "came up in" else "left", overflow="fold")
        for device in self.provisioned.up:
            reading = self.provisioned.readings[device]
            table.add_row(device.registration_id, reading.hub, f"{reading.seconds:.1f} s")
        return table

    def _devices_by_hub(self) -> Table:
        table = Table(title="Devices that are up", title_justify="left")
        for name in ("hub", "devices", "slowest"):
            table.add_column(name, justify="left" if name == "hub" else "right", overflow="fold")
        by_hub: dict[str, list[float]] = {}
        for device in self.provisioned.up:
            reading = self.provisioned.readings[device]
            by_hub.setdefault(reading.hub, []).append(reading.seconds)
        for hub, seconds in sorted(by_hub.items()):
            table.add_row(hub, str(len(seconds)), f"{max(seconds):.1f} s")
        return table

    def _failures_table(self) -> Table:
        table = Table(title="Devices that did not come up", title_justify="left")
        for name in ("device", "state", "reason"):
            table.add_column(name, overflow="fold")
        failed = list(self.provisioned.failed.items())
        for device, reading in failed[:_LISTED_DEVICES]:
            table.add_row(device.registration_id, reading.state.value, reading.reason)
        if len(failed) > _LISTED_DEVICES:
            table.add_row(f"… and {len(failed) - _LISTED_DEVICES} more", "", "summary.json lists all")
        return table

    def _closing(self) -> list[str]:
        up, wanted = len(self.provisioned.up), len(self.provisioned.readings)
        if not self.changed:
            return [
                f"Nothing changed: {up} of {wanted} devices are up ({self.seconds:.1f} s).",
                *_next_steps(),
            ]
        took = f"; enrolment took {self.provisioned.seconds:.1f} s" if self.provisioned.started else ""
        return [f"{up} of {wanted} devices are up{took}, everything {self.seconds:.1f} s.", *_next_steps()]


def _next_steps() -> list[str]:
    return [
        "Try next:",
        "  make shell            plain `pulumi preview`, `pulumi stack export` and `muster status`",
        "  make up DEVICES=200   more devices",
        "  edit stacks/Pulumi.local.yaml, then `make up`: the change is a diff like any other",
        "  make down             stop everything",
    ]


def read(path: Path) -> Mapping[str, Any] | None:
    """Read the last summary; None when there is none."""
    return json.loads(path.read_text()) if path.exists() else None
