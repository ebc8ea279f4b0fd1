"""Stacks by the real engine, each in a copy of the project of its own.

All end-to-end tests share one worker (an xdist group): each workspace runs the real engine, a local cloud
on ports of its own, and devices. `stack` is brought up once and looked at by many tests; `workspace` is for
a test that breaks things. `place` is where a test runs that real Azure can run as well: places.py.
"""

from __future__ import annotations

import os
import shutil
import ssl
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.cloud import Cloud, opened
from bench.workspace import lay_out
from tests.e2e.aws_fleet import AwsFleet
from tests.e2e.places import CLOUD, CloudPlace, LocalPlace, NoPermissionError, Place, permitted
from tests.e2e.whole_fleet import WholeFleet
from tests.e2e.workspace import Workspace
from tests.localcloud.control.client import Control

__all__ = ["Service", "Workspace"]

_API = "2021-10-01"
_ARM_API = "2026-11-01"


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
    shutil.copy(made.state / "summary.json", made.root / "first-summary.json")
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


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Where tests run that Azure itself can run as well; nothing is up there yet."""
    made = _place(_make(tmp_path_factory.mktemp("place")))
    try:
        yield made
    finally:
        made.close()


def _place(workspace: Workspace) -> Place:
    if not os.environ.get(CLOUD):
        return LocalPlace(workspace)
    return CloudPlace(workspace, permitted(os.environ))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a real subscription only those tests run that are built on `place`; without permission none."""
    if not os.environ.get(CLOUD):
        return
    try:
        permitted(os.environ)
    except NoPermissionError as error:
        raise pytest.UsageError(str(error)) from None
    local = [item for item in items if not _is_for_azure(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=local)
    items[:] = [item for item in items if item not in local]


def _is_for_azure(fixtures: Collection[str]) -> bool:
    return "place" in fixtures and "control" not in fixtures


@pytest.fixture(scope="session")
def fleet(place: Place) -> WholeFleet:
    """The whole fleet, up."""
    made = WholeFleet(place)
    made.describe()
    made.up()
    return made


@pytest.fixture(scope="session")
def cloud(fleet: WholeFleet) -> Iterator[Cloud]:
    """The service APIs of the whole fleet's cloud."""
    with opened(fleet.place.environment()) as made:
        yield made


@pytest.fixture(scope="session")
def aws_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AwsFleet]:
    """A fleet on AWS with every way of enrolment, and a device of each that is up."""
    made = AwsFleet(_make(tmp_path_factory.mktemp("aws")))
    made.describe()
    try:
        first = made.up(0)
        assert first.returncode == 0, first.stdout + first.stderr
        made.iot().call("create_thing", thingName="crate-aws-0001", thingTypeName="coldchain-crates")
        devices = made.up(4)
        assert devices.returncode == 0, devices.stdout + devices.stderr
        yield made
    finally:
        made.workspace.muster("down")


@pytest.fixture
def control(place: Place) -> Iterator[Control]:
    """Faults of the local cloud; a test that takes it does not run in Azure."""
    made = place.control()
    assert made is not None
    with made:
        yield made
