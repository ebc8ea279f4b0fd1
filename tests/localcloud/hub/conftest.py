"""Hubs in memory and as a process, services that call them, devices with keys."""

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509

from localcloud.azure.directory import Directory
from localcloud.azure.hub.device import HubDevices
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.service import HubService
from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.counters import Counters
from localcloud.mqtt.packets import Connect
from localcloud.store import Store
from tests.localcloud.device.conftest import Cloud, Holder, Pki, RawDevice, cloud, make_world, pki, text

__all__ = ["Cloud", "RawDevice", "cloud", "make_world", "pki"]

HOST = "hub-a.azure-devices.net"
HUB_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices/IotHubs/hub-a"
KEY, OTHER_KEY = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"o"))
SAS = {"type": "sas", "symmetricKey": {"primaryKey": KEY, "secondaryKey": OTHER_KEY}}


def token(resource: str, key: str, expires: float, policy: str = "") -> str:
    """A shared access signature."""
    scope, expiry = quote(resource, safe=""), str(int(expires))
    digest = hmac.new(base64.b64decode(key), f"{scope}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote(base64.b64encode(digest).decode(), safe="")
    name = f"&skn={policy}" if policy else ""
    return f"SharedAccessSignature sr={scope}&sig={signature}&se={expiry}{name}"


class Presented:
    """What a client proved in TLS."""

    def __init__(self, *certificates: x509.Certificate) -> None:
        self.certificates = certificates

    def leaf(self) -> x509.Certificate | None:
        return self.certificates[0] if self.certificates else None

    def chain(self) -> tuple[x509.Certificate, ...]:
        return self.certificates

    def server_name(self) -> str:
        return HOST


class Line:
    """A channel that keeps what is sent on it."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.dones: list[Any] = []
        self.closed: str | None = None

    def publish(self, topic: str, payload: bytes, done: Any = None, properties: bytes = b"") -> None:
        assert not properties, "Azure speaks MQTT 3.1.1"
        self.sent.append((topic, payload))
        if done is not None:
            self.dones.append(done)

    def close(self, reason: str, code: int | None = None) -> None:
        assert code is None, "Azure speaks MQTT 3.1.1"
        self.closed = reason


class _OpenGate:
    """Lets every service in: what the gate decides has tests of its own."""

    def admit(self, *_: object) -> None:
        return None


@dataclass
class Hub:
    """One hub in memory, its device side and its HTTPS side, on one clock that tests move."""

    store: Store
    clock: Clock = field(default_factory=Clock)
    authorities: list[x509.Certificate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.set_hub()
        directory = Directory(self.store)
        self.registry = HubRegistry(self.store, self.clock)
        self.counters = Counters(self.store)
        self.devices = HubDevices(
            self.registry, directory, self.store, self.counters, lambda _: self.authorities
        )
        gate: Any = _OpenGate()
        self.service = HubService(directory, self.registry, gate, self.devices)

    def set_hub(self, sku: dict[str, Any] | None = None, **properties: Any) -> None:
        document = {
            "id": HUB_ID,
            "name": "hub-a",
            "type": "Microsoft.Devices/IotHubs",
            "location": "westeurope",
            "properties": {"hostName": HOST, **properties},
            **({"sku": sku} if sku else {}),
        }
        self.store.put("arm", HUB_ID.lower(), document)

    def device(self, device_id: str, **body: Any) -> dict[str, Any]:
        return self.registry.create_device(HOST, {"authentication": SAS, **body, "deviceId": device_id})

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        path, _, query = path.partition("?")
        parameters = dict(it.partition("=")[::2] for it in query.split("&")) if query else {}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        reply = self.service.answer(
            Call(method, HOST, path, {"api-version": "2021-04-12", **parameters}, raw=raw, **more)
        )
        assert isinstance(reply, Answer)
        return reply

    def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.call(method, path, body, **more)
        return answer.status, answer.headers["iothub-errorcode"]

    def token(self, subject: str, key: str = KEY, seconds: float = 60, host: str = HOST) -> str:
        path = "/modules/".join(subject.split("/"))
        return token(f"{host}/devices/{path}", key, self.clock.now().timestamp() + seconds)

    def connect(
        self, subject: str, password: str = "", *certificates: x509.Certificate, clean: bool = False
    ) -> tuple[Any, Line]:
        line = Line()
        connect = Connect(subject, f"{HOST}/{subject}/?api-version=2021-04-12", clean, 60, password=password)
        return self.devices.accept(connect, Presented(*certificates), line), line


@pytest.fixture
def hub(store: Store) -> Hub:
    return Hub(store)


class Api:
    """The service API of a running cloud, with a token from its Entra."""

    def __init__(self, cloud: Cloud, http: httpx.Client) -> None:
        values = dict(it.split("=", 1) for it in (cloud.state / "azure.env").read_text().splitlines())
        form = {
            "grant_type": "client_credentials",
            "client_id": values["AZURE_CLIENT_ID"],
            "client_secret": values["AZURE_CLIENT_SECRET"],
            "scope": "https://iothubs.azure.net/.default",
        }
        login = f"https://login.microsoftonline.com/{values['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        self._bearer = http.post(login, data=form).json()["access_token"]
        self._http = http

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        join = "&" if "?" in path else "?"
        url = f"https://{HOST}{path}{join}api-version=2021-04-12"
        sent = {"Authorization": f"Bearer {self._bearer}", **headers}
        return self._http.request(method, url, json=body, headers=sent)


@contextmanager
def service_api(cloud: Cloud) -> Iterator[Api]:
    """The service API of a started cloud."""
    context = ssl.create_default_context(cafile=str(cloud.trust))
    with httpx.Client(proxy=cloud.endpoints["proxy"], verify=context, trust_env=False, timeout=60) as http:
        yield Api(cloud, http)


def login(device: RawDevice, subject: str, password: str, *, clean: bool = False) -> tuple[int, int]:
    """CONNECT with a password; gives session present and return code."""
    flags = 0xC0 | (0x02 if clean else 0)
    user = text(f"{HOST}/{subject}/?api-version=2021-04-12")
    device.send(0x10, text("MQTT") + bytes((4, flags, 0, 60)) + text(subject) + user + text(password))
    kind, body = device.receive()
    assert kind == 0x20
    return body[0], body[1]


def certificate(pki: Pki, name: str, issuer: Holder | None = None, **wishes: Any) -> Holder:
    """A client certificate."""
    return pki.leaf(name, issuer, **wishes)
