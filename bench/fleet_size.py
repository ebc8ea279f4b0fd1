"""`pulumi preview` of a small and of a vast fleet, nothing changed, beside one resource a device.

The fleets are stacks of Muster's program that differ in their manifest's rows alone. The peer declares each
device as a resource of its own; a million of them is out of reach, so it is measured at two sizes.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from bench.rounds import Series, interleave, seconds
from bench.workspace import PROJECT, Workspace

SMALL, VAST = 10, 1_000_000
QUICK = 20_000
"""The larger fleet of a `make bench` that has ten minutes."""
PEERS = (10, 1_000)
ROUNDS = 7


@dataclass(frozen=True)
class FleetSize:
    """Seconds a preview by number of devices."""

    small: Series
    large: Series
    devices: int
    peers: dict[int, Series]

    @property
    def seconds_a_resource(self) -> float:
        """What each further device costs the peer."""
        (few, short), (many, long) = sorted((size, series.median) for size, series in self.peers.items())
        return (long - short) / (many - few)

    def peer_at(self, devices: int) -> float:
        """Seconds that the peer would need, if it went on as it began."""
        few = min(self.peers)
        return self.peers[few].median + (devices - few) * self.seconds_a_resource


def measure(workspace: Workspace, devices: int) -> FleetSize:
    """Bring up the fleets and the peers, then preview all of them in turn."""
    stacks = {size: _fleet(workspace, size) for size in (SMALL, devices)}
    peers = {size: _peer(workspace, size) for size in PEERS}
    series = interleave(
        ROUNDS,
        **{
            name: lambda where=where: seconds(lambda: _preview(workspace, *where))
            for name, where in _sides(stacks, peers)
        },
    )
    found = {size: series[f"peer-{size}"] for size in PEERS}
    return FleetSize(series[f"fleet-{SMALL}"], series[f"fleet-{devices}"], devices, found)


def _sides(stacks: dict[int, str], peers: dict[int, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    yield from ((f"fleet-{size}", (".", stack)) for size, stack in stacks.items())
    yield from ((f"peer-{size}", ("one_each", stack)) for size, stack in peers.items())


def _preview(workspace: Workspace, folder: str, stack: str) -> None:
    workspace.pulumi("preview", "--expect-no-changes", folder=workspace.root / folder, stack=stack)


def _fleet(workspace: Workspace, size: int) -> str:
    """A stack of Muster's program with a manifest of that size, up."""
    name = f"size-{size}"
    rows = Path("manifests") / f"{name}.csv"
    _write_rows(workspace.root / rows, size)
    described = _description(name, rows, workspace)
    file = workspace.root / "stacks" / f"Pulumi.{name}.yaml"
    file.write_text(yaml.safe_dump({"config": described}, sort_keys=False))
    workspace.pulumi("stack", "init", stack=name)
    workspace.pulumi("up", "--yes", "--skip-preview", stack=name, MUSTER_DPS_OPERATIONS_PER_MINUTE="0")
    return name


def _description(name: str, rows: Path, workspace: Workspace) -> dict[str, object]:
    pki = workspace.layout.pki.relative_to(workspace.root)
    return {
        "azure-native:location": "westeurope",
        "muster:fleet": {
            "name": name,
            "protect": False,
            "azure": {
                "hubs": {"eu-1": {"localAuth": {"devices": True}}},
                "diagnostics": {"enabled": False},
            },
            "identity": {
                "root": str(pki / "root.pem"),
                "issuers": {"factory-local": str(pki / "factory-local.pem")},
            },
            "manifests": {
                "devices": {
                    "file": str(rows),
                    "attestation": "symmetricKey",
                    "allocation": {"hubs": ["eu-1"]},
                }
            },
        },
    }


def _write_rows(file: Path, size: int) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as out:
        out.write("registration_id,tags.site,desired.interval\n")
        out.writelines(f"reefer-{number:07},oslo,{number % 60}\n" for number in range(size))


def _peer(workspace: Workspace, size: int) -> str:
    """A stack of the peer's program with that many devices, up."""
    folder = workspace.root / "one_each"
    if not folder.exists():
        shutil.copytree(PROJECT / "bench" / "one_each", folder)
    name = f"each-{size}"
    workspace.pulumi("stack", "init", folder=folder, stack=name)
    host = str(workspace.outputs()["dpsHost"])
    for key, value in (("host", host), ("prefix", name), ("devices", str(size))):
        workspace.pulumi("config", "set", key, value, folder=folder, stack=name)
    workspace.pulumi("up", "--yes", "--skip-preview", folder=folder, stack=name)
    return name
