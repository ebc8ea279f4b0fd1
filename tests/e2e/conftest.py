"""A copy of the project in a folder of its own, where `muster up` runs as a person would run it.

All end-to-end tests share one worker (an xdist group): each workspace runs the real engine, a local cloud
on ports of its own, and devices. `stack` is brought up once and looked at by many tests; `workspace` is for
a test that breaks things.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.workspace import lay_out

_API = "2021-10-01"
_ARM_API = "2026-11-01"


@dataclass(frozen=True)
class Workspace:
    """A project folder with everything that `muster up` needs."""

    root: Path

    @property
    def state(self) -> Path:
        """The local state."""
        return self.root / ".muster" / "local"

    def environment(self) -> dict[str, str]:
        """A person's environment: no Pulumi, no cloud account, ports that nobody else has."""
        foreign = ("PULUMI_", "AZURE_", "ARM_", "MUSTER_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {"MUSTER_PORTS": "0,0,0", "NO_COLOR": "1"}

    def muster(self, *arguments: str, ports: str = "0,0,0") -> subprocess.CompletedProcess[str]:
        """Run a muster command to its end."""
        return self._run([str(Path(sys.executable).with_name("muster")), *arguments], MUSTER_PORTS=ports)

    def start_up(self, devices: int) -> subprocess.Popen[str]:
        """Start `muster up` and return while it works."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("muster")), "up", "--devices", str(devices)],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run plain pulumi as a person does after `source .tools/env`."""
        return self._run(["/bin/sh", "-c", '. ./.tools/env && exec pulumi "$@"', "pulumi", *arguments])

    def summary(self) -> dict[str, Any]:
        """What the last `up` wrote for programs."""
        document: dict[str, Any] = json.loads((self.state / "summary.json").read_text())
        return document

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        document: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "-s", "local").stdout)
        return document

    def settings(self) -> dict[str, str]:
        """The credentials and the proxy that the local cloud and `up` wrote."""
        lines = [
            line
            for file in (self.state / "cloud" / "azure.env", self.state / "proxy.env")
            for line in file.read_text().splitlines()
        ]
        return dict(line.split("=", 1) for line in lines)

    def _run(self, command: list[str], **told: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment() | told
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )


class Service:
    """The DPS service API, and ARM, as an operator's own script would use them: plain HTTPS with a token."""

    def __init__(self, workspace: Workspace) -> None:
        self._settings = settings = workspace.settings()
        self._http = httpx.Client(
            proxy=settings["MUSTER_PROXY"],
            verify=_trust(workspace.state / "cloud" / "tls-ca.pem"),
            trust_env=False,
        )
        self._host = str(workspace.outputs()["dpsHost"])
        group = f"/subscriptions/{settings['ARM_SUBSCRIPTION_ID']}/resourceGroups/coldchain-local"
        self._arm = f"https://management.azure.com{group}/providers/Microsoft.Devices"

    def group(self, name: str) -> dict[str, Any]:
        """An enrollment group as the service shows it."""
        document: dict[str, Any] = self._call("GET", name).json()
        return document

    def put_group(self, name: str, body: dict[str, Any], etag: str | None = None) -> None:
        """Make or change a group by hand."""
        self._call("PUT", name, body, {"If-Match": etag} if etag else {})

    def delete_group(self, name: str) -> None:
        """Remove a group by hand."""
        self._call("DELETE", name, None, {"If-Match": "*"})

    def provisioning_service(self) -> dict[str, Any]:
        """The provisioning service as ARM shows it."""
        document: dict[str, Any] = self._request("GET", self._service_url(), _ARM_API).json()
        return document

    def put_provisioning_service(self, body: dict[str, Any]) -> None:
        """Change the provisioning service by hand."""
        self._request("PUT", self._service_url(), _ARM_API, body)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _service_url(self) -> str:
        return f"{self._arm}/provisioningServices/{self._host.partition('.')[0]}"

    def _call(
        self, method: str, name: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return self._request(
            method, f"https://{self._host}/enrollmentGroups/{name}", _API, body, headers or {}
        )

    def _request(
        self, method: str, url: str, api: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        audience = "management.azure.com" if url.startswith(self._arm) else "azure-devices-provisioning.net"
        answer = self._http.request(
            method,
            url,
            params={"api-version": api},
            json=body,
            headers={"Authorization": f"Bearer {self._token(audience)}", **(headers or {})},
        )
        assert answer.is_success, answer.text
        return answer

    def _token(self, audience: str) -> str:
        answer = self._http.post(
            f"https://login.microsoftonline.com/{self._settings['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self._settings["AZURE_CLIENT_ID"],
                "client_secret": self._settings["AZURE_CLIENT_SECRET"],
                "scope": f"https://{audience}/.default",
            },
        )
        return str(answer.raise_for_status().json()["access_token"])


def _trust(authority: Path) -> ssl.SSLContext:

    return ssl.create_default_context(cafile=str(authority))


def _make(root: Path) -> Workspace:
    lay_out(root)
    return Workspace(root)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A fresh workspace in which nothing runs yet."""
    made = _make(tmp_path)
    yield made
    made.muster("down")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which `muster up --devices 3` ran once, from nothing."""
    made = _make(tmp_path_factory.mktemp("stack"))
    first = made.muster("up", "--devices", "3")
    (made.root / "first-up.out").write_text(first.stdout)
    (made.root / "first-up.err").write_text(first.stderr)
    assert first.returncode == 0, first.stdout + first.stderr
    yield made
    down = made.muster("down")
    assert down.returncode == 0, down.stderr
    assert not made.state.exists()


@pytest.fixture(scope="session")
def service(stack: Workspace) -> Iterator[Service]:
    """The service API of the shared stack."""
    made = Service(stack)
    yield made
    made.close()
