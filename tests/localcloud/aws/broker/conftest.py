"""A broker over registries in memory, certificates, and devices that speak to it without a network."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localcloud.aws.account import Account
from localcloud.aws.api import ApiError
from localcloud.aws.data_plane import DataPlane
from localcloud.aws.emulator import Emulator
from localcloud.aws.functions import Functions
from localcloud.aws.iot.certificates import Certificate
from localcloud.aws.place import Place
from localcloud.aws.world import World
from localcloud.clock import Clock
from localcloud.counters import Counters
from localcloud.mqtt.packets import Connect, Publish
from localcloud.mqtt.session import Conversation
from localcloud.store import Store

ROLE = "arn:aws:iam::111122223333:role/fleet"


@dataclass(frozen=True)
class Holder:
    """A certificate and the key it belongs to."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def make(name: str, issuer: Holder | None = None, *, ca: bool = False, days: float = 30) -> Holder:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    return Holder(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


class Calls:
    """What AWS IoT calls elsewhere, noted; answers and faults by operation."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}

    async def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.made.append((service, operation, params))
        answer = self.answers.get(operation)
        return answer(params) if answer else {}

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [params for _, name, params in self.made if name == operation]


class Iam:
    """Roles' policies."""

    def __init__(self) -> None:
        self.trust: dict[str, Mapping[str, Any]] = {}
        self.held: dict[str, list[Mapping[str, Any]]] = {}

    def role(self, name: str, *statements: tuple[str, str], trusts: str = "iot.amazonaws.com") -> str:
        trusted = {"Effect": "Allow", "Principal": {"Service": trusts}, "Action": "sts:AssumeRole"}
        self.trust[name] = {"Version": "2012-10-17", "Statement": [trusted]}
        self.held[name] = [document(*statements)] if statements else []
        return f"arn:aws:iam::111122223333:role/{name}"

    async def trust_policy(self, role: str) -> Mapping[str, Any] | None:
        return self.trust.get(role)

    async def documents(self, kind: str, name: str) -> Sequence[Mapping[str, Any]]:
        assert kind == "Role"
        return self.held.get(name, [])


class Sessions:
    """Sessions of roles."""

    def __init__(self) -> None:
        self.variables: list[dict[str, str]] = []

    async def assume(
        self, role_arn: str, name: str, seconds: int, variables: dict[str, str]
    ) -> dict[str, Any]:
        self.variables.append(variables)
        if "broken" in role_arn:
            raise ApiError("AccessDenied", "no")
        ends = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=seconds)
        return {
            "AccessKeyId": "ASIA",
            "SecretAccessKey": name,
            "SessionToken": role_arn,
            "Expiration": ends,
        }


def document(*statements: tuple[str, str]) -> dict[str, Any]:
    allowed = [{"Effect": "Allow", "Action": action, "Resource": it} for action, it in statements]
    return {"Version": "2012-10-17", "Statement": allowed}


@dataclass
class Device:
    """A client: the other end of a connection, and what it received."""

    conversation: Conversation
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    properties: list[bytes] = field(default_factory=list)
    closed: list[tuple[str, int | None]] = field(default_factory=list)
    unacknowledged: list[Callable[[], None]] = field(default_factory=list)
    acknowledges: bool = True

    def publish(
        self,
        topic: str,
        payload: bytes = b"",
        done: Callable[[], None] | None = None,
        properties: bytes = b"",
    ) -> None:
        self.messages.append((topic, payload))
        self.properties.append(properties)
        if done is not None:
            self.unacknowledged.append(done)
            if self.acknowledges:
                self.acknowledge()

    def acknowledge(self) -> None:
        while self.unacknowledged:
            self.unacknowledged.pop(0)()

    def close(self, reason: str, code: int | None = None) -> None:
        self.closed.append((reason, code))
        self.conversation.closed()

    def say(self, topic: str, body: Any = b"", qos: int = 0) -> None:
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.conversation.publish(Publish(topic, payload, qos, 1))

    def subscribe(self, *filters: str) -> list[int]:
        return [self.conversation.subscribe(it, 1) for it in filters]

    def heard(self) -> dict[str, Any]:
        found = {topic: json.loads(payload) for topic, payload in self.messages}
        self.messages.clear()
        return found

    def leave(self) -> None:
        self.conversation.left()  # type: ignore[attr-defined]
        self.conversation.closed()


@dataclass(frozen=True)
class Peer:
    """What the client showed in TLS."""

    shown: tuple[x509.Certificate, ...]
    name: str = ""

    def leaf(self) -> x509.Certificate | None:
        return self.shown[0] if self.shown else None

    def chain(self) -> Sequence[x509.Certificate]:
        return self.shown

    def server_name(self) -> str:
        return self.name


class Cloud:
    """The data plane over everything else, and shortcuts to set it up."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.clock = Clock()
        self.place = Place(store, self.clock)
        self.account = Account(self.place)
        self.account.ensure_root(folder)
        emulator = Emulator(self.place, self.account, folder, "http://127.0.0.1:9")
        self.world = World(self.place, self.account, emulator, folder / "aws")
        self.calls, self.iam, self.counters = Calls(), Iam(), Counters(store)
        self.sessions = Sessions()
        self.plane = DataPlane(
            self.world, self.calls, Functions(self.calls, self.calls), self.iam, self.sessions, self.counters
        )
        self.broker = self.plane.broker

    def certificate(
        self, holder: Holder, *statements: tuple[str, str], status: str = "ACTIVE"
    ) -> Certificate:
        made = self.world.certificates.register(holder.pem, status)
        if statements:
            self.policy(f"policy-{made.id[:8]}", made, *statements)
        return made

    def policy(self, name: str, certificate: Certificate, *statements: tuple[str, str]) -> None:
        allowed = [(action, self.place.arn(it)) for action, it in statements]
        self.world.policies.create(name, json.dumps(document(*allowed)))
        self.world.policies.attach(name, certificate.arn)

    def thing(self, name: str, certificate: Certificate, **attributes: str) -> None:
        self.world.things.create(name, None, attributes)
        self.world.things.attach(name, certificate.arn)

    def connect(self, holder: Holder | None, client_id: str, *, clean: bool = True, **more: Any) -> Device:
        name = more.pop("server_name", "")
        peer = Peer((holder.certificate,) if holder else (), name)
        device = Device(None)  # type: ignore[arg-type]
        connect = Connect(client_id, "", clean, 60, more.pop("level", 4), **more)
        device.conversation = self.broker.accept(connect, peer, device)
        return device

    def refusals(self) -> dict[str, int]:
        found = self.counters.all()
        return {key.rpartition("/")[2]: count for key, count in found.items() if "/refused/" in key}


ALL = (
    ("iot:Connect", "client/*"),
    ("iot:Publish", "topic/*"),
    ("iot:Receive", "topic/*"),
    ("iot:Subscribe", "topicfilter/*"),
)


@pytest.fixture
def cloud(store: Store, tmp_path: Path) -> Cloud:
    return Cloud(store, tmp_path)
