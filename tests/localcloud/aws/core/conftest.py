"""A local cloud as a process of its own, and boto3 clients that reach it as they would reach AWS."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.localcloud.aws.control.conftest import aws, clients, clock, iot

__all__ = ["aws", "clients", "clock", "cloud", "fresh", "iot"]

ROOT = Path(__file__).parents[4]
Keys = tuple[str, ...]


class Cloud:
    """The process. `client` signs with the root's keys, or with others."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.process: subprocess.Popen[str] | None = None
        self.endpoints: dict[str, Any] = {}

    def start(self) -> "Cloud":
        command = [sys.executable, "-m", "localcloud", "--state", str(self.state), "--ports", "0,0,0"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.endpoints = json.loads((self.state / "endpoints.json").read_text())
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    @property
    def trust(self) -> Path:
        return self.state / "tls-ca.pem"

    @property
    def proxy_port(self) -> int:
        return int(self.endpoints["proxy"].rpartition(":")[2])

    def environment(self) -> dict[str, str]:
        lines = (self.state / "aws.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def emulator(self) -> dict[str, Any]:
        """What the local cloud remembers of ministack's process."""
        found: dict[str, Any] = json.loads((self.state / "aws" / "emulator.json").read_text())
        return found

    def client(self, service: str, keys: Keys | None = None, **more: Any) -> Any:
        held = self.environment()
        keys = keys or (held["AWS_ACCESS_KEY_ID"], held["AWS_SECRET_ACCESS_KEY"])
        session = boto3.Session(*keys, region_name=more.pop("region", held["AWS_REGION"]))
        proxies = {"https": self.endpoints["proxy"]}
        address = more.pop("endpoint", None)
        config = Config(proxies=proxies, retries={"total_max_attempts": 1}, **more)
        return session.client(service, endpoint_url=address, config=config, verify=str(self.trust))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """One for the tests of a file."""
    started = Cloud(tmp_path_factory.mktemp("cloud")).start()
    yield started
    started.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Cloud]:
    """One for a test that ends it."""
    started = Cloud(tmp_path).start()
    yield started
    started.stop(signal.SIGTERM)
