"""Manifests against a DPS in memory: files made at run time, no waiting, nothing outside tmp_path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from provider.clients import Azure
from provider.clients.credentials import Entra
from provider.clients.retry import Clock
from provider.handlers.device_manifest import DeviceManifest
from tests.provider.manifest.memory import MemoryDps
from tests.provider.test_against_local_cloud import environment, world

__all__ = ["environment", "world"]

HOST = "contoso.azure-devices-provisioning.net"
HUBS = ["one.azure-devices.net", "two.azure-devices.net"]


@pytest.fixture
def dps() -> MemoryDps:
    return MemoryDps()


@pytest.fixture
def azure(dps: MemoryDps, clock: Any, credential: Any) -> Iterator[Azure]:
    with httpx.Client(transport=httpx.MockTransport(dps.handle)) as http:
        yield Azure({}, clock, http=http, entra=Entra({}, credential))


@pytest.fixture
def handler(azure: Azure, clock: Clock, tmp_path: Path) -> DeviceManifest:
    return manifest_handler(azure, clock, tmp_path / "state")


def manifest_handler(azure: Azure, clock: Clock, state: Path) -> DeviceManifest:
    return DeviceManifest(
        azure.dps, clock, {"MUSTER_STATE_DIR": str(state), "MUSTER_DPS_OPERATIONS_PER_MINUTE": "0"}
    )


@pytest.fixture
def another_machine(azure: Azure, clock: Clock, tmp_path: Path) -> DeviceManifest:
    return manifest_handler(azure, clock, tmp_path / "elsewhere")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Writes the file and gives the inputs that name it."""

    def write(text: str | bytes, name: str = "fridges.csv", **more: Any) -> dict[str, Any]:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return {
            "serviceHost": HOST,
            "file": str(path),
            "contentHash": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
            "attestation": "symmetricKey",
            "iotHubs": list(HUBS),
            **more,
        }

    return write


def rows(*numbers: int, **cells: str) -> str:
    """A file of symmetric-key devices, each with the cells."""
    header = ",".join(["registration_id", *cells])
    lines = [",".join([f"fridge-{number}", *cells.values()]) for number in numbers]
    return "\n".join([header, *lines]) + "\n"


@pytest.fixture(name="rows")
def rows_fixture() -> Callable[..., str]:
    return rows
