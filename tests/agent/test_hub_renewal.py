"""A hub's answers to a device that asks for its next certificate: kept, refused in words, or later."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paho.mqtt.client as mqtt  # type: ignore[import-untyped]  # 1.6 has no types
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from agent import certificates, https
from agent.assignment import Assignment
from agent.cloud import AzureCloud
from agent.credentials import Certificate
from agent.errors import CloudError, OptionError, RefusedError, UnavailableError
from agent.hub_renewal import ANSWERS, REQUEST, HubRenewal, Reply, read_reply, refusal
from agent.identities import Identities
from agent.issuance import CertificateProvisioning
from agent.options import parse

from .test_certificates import NOW, chain_for, issued

HELD = Assignment("hub-a", "sensor-1")
Answers = Callable[[dict[str, Any]], list[tuple[int, Any]]]


class _Hub:
    """In the place of paho's client: `answers` gives the hub's answers to a request."""

    answers: Answers
    code, granted, lost = 0, 1, 0

    def __init__(self, client_id: str, transport: str) -> None:
        self.seen: list[Any] = [client_id, transport]
        self._waiting: list[tuple[str, bytes]] = []
        self.on_connect: Any = None
        self.on_subscribe: Any = None
        self.on_message: Any = None

    def username_pw_set(self, name: str) -> None:
        self.seen.append(name)

    def tls_set_context(self, context: object) -> None:
        self.seen.append(context)

    def connect(self, host: str, port: int, seconds: int) -> None:
        assert (host, port) == ("hub-a", 8883)
        assert seconds
        assert self.seen[2] == "hub-a/sensor-1/?api-version=2025-08-01-preview"

    def subscribe(self, topic: str, qos: int) -> None:
        assert (topic, qos) == (f"{ANSWERS}#", 1)

    def publish(self, topic: str, body: str, qos: int) -> None:
        path, _, rid = topic.partition("?$rid=")
        assert (path, qos) == (REQUEST, 1)
        for status, answer in self.answers(json.loads(body)):
            raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            others = f"{ANSWERS}{status}/?$rid=another"
            self._waiting += [(others, b"{}"), (f"{ANSWERS}{status}/?$rid={rid}&$version=1", raw)]

    def loop(self, seconds: float) -> int:
        assert seconds <= 1
        if self.on_connect:
            connected, self.on_connect = self.on_connect, None
            connected(self, None, {}, self.code)
        elif self.on_subscribe:
            subscribed, self.on_subscribe = self.on_subscribe, None
            subscribed(self, None, 1, (self.granted,))
        elif self._waiting:
            topic, payload = self._waiting.pop(0)
            self.on_message(self, None, SimpleNamespace(topic=topic, payload=payload))
        else:
            return self.lost
        return 0

    def disconnect(self) -> None:
        self.seen.append("disconnect")


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    folder = tmp_path / "own"
    folder.mkdir()
    return Identities(folder, "sensor-1", lambda: NOW)


@pytest.fixture
def renewal(tmp_path: Path, identities: Identities, monkeypatch: pytest.MonkeyPatch) -> HubRenewal:
    monkeypatch.setattr(mqtt, "Client", _Hub)
    monkeypatch.setattr(https, "context", lambda _way, shown: shown)
    monkeypatch.setattr("agent.hub_renewal._ALL_SECONDS", 0.2)
    key = tmp_path / "device.key"
    key.touch(0o600)
    key.write_bytes(base64.b64encode(b"k" * 32))
    named = ["--registration-id", "sensor-1", "--id-scope", "0ne00AB12CD", "--symmetric-key-file", str(key)]
    options = parse(named, {})
    key.unlink()
    return HubRenewal(options, identities, lambda: NOW, HELD, Certificate(tmp_path / "c", tmp_path / "k"))


def _chain(request: dict[str, Any], subject: str = "sensor-1") -> list[x509.Certificate]:
    asked = x509.load_der_x509_csr(base64.b64decode(request["csr"], validate=True))
    signer = certificates.new_key()
    leaf = issued(asked.public_key(), subject, "root", signer)  # type: ignore[arg-type]  # it is of an EC key
    return [leaf, issued(signer.public_key(), "root", "root", signer)]


def _der(chain: list[x509.Certificate]) -> dict[str, Any]:
    return {"certificates": [base64.b64encode(it.public_bytes(Encoding.DER)).decode() for it in chain]}


def _pem(chain: list[x509.Certificate]) -> dict[str, Any]:
    return {"certificates": [it.public_bytes(Encoding.PEM).decode() for it in chain]}


@pytest.mark.parametrize("form", [_der, _pem])
def test_accepted_issued_and_kept(
    renewal: HubRenewal, identities: Identities, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[dict[str, Any]] = []

    def answers(request: dict[str, Any]) -> list[tuple[int, Any]]:
        requests.append(request)
        return [(202, {"correlationId": "1"}), (200, form(_chain(request)))]

    monkeypatch.setattr(_Hub, "answers", staticmethod(answers), raising=False)
    kept = renewal.enrol()
    assert (kept.hub, kept.device_id) == ("hub-a", "sensor-1")
    assert identities.known() == kept
    assert requests[0].keys() == {"id", "csr", "replace"}
    assert (requests[0]["id"], requests[0]["replace"]) == ("sensor-1", "*")


FAILURES: dict[str, tuple[Answers, type[CloudError], str]] = {
    "at once": (lambda _: [(400, {"message": "bad csr"})], RefusedError, "the hub 400: bad csr"),
    "in the registry": (
        lambda _: [(202, {}), (400, {"message": "no.", "info": {"credentialMessage": "no policy"}})],
        RefusedError,
        "the hub 400: no. no policy",
    ),
    "throttled": (lambda _: [(429, {})], UnavailableError, "the hub 429: without a message"),
    "busy": (lambda _: [(409, {"message": "active"})], UnavailableError, "409: active"),
    "broken": (lambda _: [(202, {}), (500, b"?")], UnavailableError, "the hub 500"),
    "no chain": (lambda _: [(200, {})], RefusedError, "no usable certificate"),
    "for another key": (
        lambda _: [(200, _der(chain_for(certificates.new_key())))],
        RefusedError,
        "for another key",
    ),
    "for another device": (
        lambda request: [(200, _der(_chain(request, "sensor-2")))],
        RefusedError,
        "for sensor-2",
    ),
    "silence": (lambda _: [(202, {})], UnavailableError, "did not answer in time"),
}


@pytest.mark.parametrize(("answers", "kind", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_no_certificate(
    renewal: HubRenewal,
    identities: Identities,
    monkeypatch: pytest.MonkeyPatch,
    answers: Answers,
    kind: type[CloudError],
    words: str,
) -> None:
    monkeypatch.setattr(_Hub, "answers", staticmethod(answers), raising=False)
    with pytest.raises(kind, match=words):
        renewal.enrol()
    assert identities.known() is None


WAYS = {
    "refused": ({"code": 5}, RefusedError, "refuses the connection"),
    "unavailable": ({"code": 3}, UnavailableError, "refuses the connection"),
    "not subscribed": ({"granted": 128}, RefusedError, "does not renew"),
    "lost": ({"lost": 7}, UnavailableError, "closed the connection"),
}


@pytest.mark.parametrize(("changes", "kind", "words"), WAYS.values(), ids=WAYS.keys())
def test_no_way(
    renewal: HubRenewal,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, int],
    kind: type[CloudError],
    words: str,
) -> None:
    monkeypatch.setattr(_Hub, "answers", staticmethod(lambda _: []), raising=False)
    for name, value in changes.items():
        monkeypatch.setattr(_Hub, name, value)
    with pytest.raises(kind, match=words):
        renewal.enrol()


def test_what_comes_after_it_was_given_up_is_not_kept(
    renewal: HubRenewal, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing = threading.Event()

    def answers(request: dict[str, Any]) -> list[tuple[int, Any]]:
        renewal.close()
        closing.set()
        return [(200, _der(_chain(request)))]

    monkeypatch.setattr(_Hub, "answers", staticmethod(answers), raising=False)
    with pytest.raises(UnavailableError):
        renewal.enrol()
    assert closing.is_set()
    assert identities.known() is None


def test_files_and_hosts_that_fail_are_told_in_words(
    renewal: HubRenewal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(_Hub, "connect", connect)
    with pytest.raises(UnavailableError, match="Connection refused"):
        renewal.enrol()


def test_the_hub_is_asked_while_the_certificate_holds_and_dps_after_that(tmp_path: Path) -> None:
    key, folder = certificates.new_key(), tmp_path / "own"
    folder.mkdir(mode=0o700)
    chain = tuple(chain_for(key))
    kept = Identities(folder, "sensor-1", lambda: NOW)
    kept.keep(certificates.Identity(chain, key), "hub-a", "sensor-1", threading.Event())
    gone = ["--symmetric-key-file", str(tmp_path / "gone.key")]
    asking = ["--id-scope", "0ne00AB12CD", "--request-certificate", "--identity", str(folder), *gone]
    options = parse(["--registration-id", "sensor-1", *asking], {})
    child = parse(["--registration-id", "sensor-1", *asking, "--gateway-host", "site"], {})
    over = chain[0].not_valid_after_utc + timedelta(seconds=1)
    assert isinstance(AzureCloud(options, lambda: NOW).renewal(), HubRenewal)
    assert isinstance(AzureCloud(options, lambda: over).renewal(), CertificateProvisioning)
    assert isinstance(AzureCloud(child, lambda: NOW).renewal(), CertificateProvisioning)


def test_a_device_without_a_certificate_needs_its_onboarding_credential(tmp_path: Path) -> None:
    gone = ["--symmetric-key-file", str(tmp_path / "gone.key")]
    asking = [
        "--id-scope",
        "0ne00AB12CD",
        "--request-certificate",
        "--identity",
        str(tmp_path / "own"),
        *gone,
    ]
    with pytest.raises(OptionError, match=r"gone\.key: cannot be read"):
        parse(["--registration-id", "sensor-1", *asking], {})


@given(st.text(max_size=60) | st.text(max_size=30).map(lambda it: ANSWERS + it), st.binary(max_size=60))
def test_any_message_is_read_or_let_be(topic: str, payload: bytes) -> None:
    reply = read_reply(topic, payload)
    if reply is not None:
        assert topic.startswith(ANSWERS)
        assert str(refusal(reply)).startswith(f"the hub {reply.status}")


def test_a_reply() -> None:
    assert read_reply(f"{ANSWERS}202/?$rid=7", b'{"a": 1}') == Reply(202, "7", {"a": 1})
    assert read_reply("$iothub/twin/res/200/?$rid=7", b"{}") is None
