"""An endpoint that misbehaves on purpose, and devices that come to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.agent.aws.endpoint import HOST, Endpoint
from tests.agent.processes import Device

Issue = Callable[[str], Path]


class StartAws(Protocol):
    """Starts a device of AWS."""

    def __call__(self, *more: str, name: str = "van-1", shown: Path | None = None) -> Device: ...


@pytest.fixture
def endpoint(tmp_path: Path, pki: Path) -> Iterator[Endpoint]:
    folder = tmp_path / "endpoint"
    folder.mkdir()
    made = Endpoint(folder, pki / "root.pem")
    yield made
    if not made.is_closed:
        made.close()


@pytest.fixture
def start(
    tmp_path: Path, endpoint: Endpoint, issue: Issue, base_environment: dict[str, str]
) -> Iterator[StartAws]:
    devices: list[Device] = []

    def run(*more: str, name: str = "van-1", shown: Path | None = None) -> Device:
        folder = shown or issue(name)
        files = ["--certificate", str(folder / "leaf.pem"), "--key", str(folder / "key.pem")]
        told = {"MUSTER_PROXY": endpoint.proxy, "MUSTER_CA_FILE": str(endpoint.ca_file)}
        arguments = ["--registration-id", name, "--endpoint", HOST, *files, *more]
        log = tmp_path / f"device-{len(devices)}.log"
        devices.append(Device(arguments, base_environment | told, log))
        return devices[-1]

    yield run
    for device in devices:
        device.kill()
