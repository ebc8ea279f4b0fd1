"""A local cloud as a process; a fake ARM in memory that tests can edit, behind azure-mgmt's transport."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from localcloud.providers.azure_native.plugin import AzureNative
from localcloud.providers.azure_native.session import Session
from localcloud.providers.azure_native.settings import Settings

SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"


class FakeArm(BaseAdapter):
    """Keeps documents by lower-cased id. `refusals` are answered first, one a request."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: dict[str, dict[str, Any]] = {}
        self.refusals: list[tuple[str, int, dict[str, Any], dict[str, str]]] = []
        self.requests: list[tuple[str, str, Any]] = []

    def send(self, request: requests.PreparedRequest, *_rest: Any, **_options: Any) -> requests.Response:
        method, url = str(request.method), urlsplit(str(request.url))
        identity = "/" + unquote(url.path).strip("/")
        body = json.loads(request.body) if isinstance(request.body, bytes) else None
        self.requests.append((method, identity, body))
        status, answer, headers = self._answer(method, identity, body)
        return _response(request, status, answer, headers)

    def refuse(self, method: str, status: int, code: str, message: str, **headers: str) -> None:
        self.refusals.append((method, status, {"error": {"code": code, "message": message}}, headers))

    def _answer(self, method: str, identity: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        for refusal in self.refusals:
            if refusal[0] == method:
                self.refusals.remove(refusal)
                return refusal[1], refusal[2], refusal[3]
        if method == "PUT":
            self.documents[identity.lower()] = _completed(identity, body)
        if method == "POST":
            return 200, {"value": [{"keyName": "owner", "primaryKey": "k1", "rights": "x"}]}, {}
        found = self.documents.get(identity.lower())
        if method == "DELETE":
            self.documents.pop(identity.lower(), None)
        if found is None:
            return 404, {"error": {"code": "ResourceNotFound", "message": f"{identity} not found"}}, {}
        return 201 if method == "PUT" else 200, found, {}

    def close(self) -> None:
        """Nothing is open."""


def _completed(identity: str, body: dict[str, Any]) -> dict[str, Any]:
    """What a service adds: its own properties, defaults, and stars where a key was."""
    name = identity.rpartition("/")[2]
    properties = body.get("properties", {}) | {"provisioningState": "Succeeded"}
    if "/IotHubs/" in identity:
        properties |= {"hostName": f"{name}.azure-devices.net", "minTlsVersion": "1.2"}
    for link in properties.get("iotHubs", []):
        link["connectionString"] = "HostName=h;SharedAccessKey=****"
    common = {"id": identity, "name": name, "type": "T", "etag": "1", "systemData": {"createdBy": "me"}}
    return common | body | {"properties": properties}


def _response(
    request: requests.PreparedRequest, status: int, answer: Any, headers: dict[str, str]
) -> requests.Response:
    content = b"" if answer is None else json.dumps(answer).encode()
    raw = HTTPResponse(
        BytesIO(content),
        {"Content-Type": "application/json", **headers},
        status,
        preload_content=False,
        reason="fake",
    )
    return requests.adapters.HTTPAdapter().build_response(request, raw)


class FakeCredential:
    """Signs in as nobody, or as the token says."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken(self._token, 2**33)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state of a local cloud that runs as a process of its own."""
    state = tmp_path_factory.mktemp("cloud")
    command = [sys.executable, "-m", "localcloud", "--state", str(state), "--ports", "0,0,0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield state
        process.terminate()


@pytest.fixture
def arm() -> FakeArm:
    return FakeArm()


@pytest.fixture
def session(arm: FakeArm) -> Iterator[Session]:
    http = requests.Session()
    http.mount("https://", arm)
    with RequestsTransport(session=http, session_owner=False) as transport:
        settings = Settings(subscription_id=SUBSCRIPTION, location="westeurope")
        yield Session(settings, FakeCredential("opaque"), transport)
    http.close()


@pytest.fixture
def sign_in() -> type[FakeCredential]:
    return FakeCredential


@pytest.fixture
def plugin(session: Session) -> AzureNative:
    return AzureNative(session)
