"""A device's next certificate from its hub: issued by the policy of the one it has, and every refusal."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.azure import adr
from localcloud.azure.hub.credentials import ANSWERS, LARGEST_CSR, REQUEST, Credentials
from localcloud.mqtt.packets import SUBSCRIPTION_REFUSED, MalformedPacket, Publish
from tests.localcloud.device.conftest import Holder, Pki

from .conftest import HOST, SAS, Hub

NAMESPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DeviceRegistry/namespaces/coldchain"
BY_AUTHORITY = {"type": "certificateAuthority"}
DAYS = 7


def _request(name: str, key: ec.EllipticCurvePrivateKey | None = None) -> x509.CertificateSigningRequest:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder(subject)
    return builder.sign(key or ec.generate_private_key(ec.SECP384R1()), hashes.SHA384())


def _text(request: x509.CertificateSigningRequest) -> str:
    return base64.b64encode(request.public_bytes(Encoding.DER)).decode()


def _asked(conversation: Any, line: Any, body: object, rid: str = "r001") -> list[tuple[int, Any]]:
    """Status and body of each answer."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    line.sent.clear()
    conversation.publish(Publish(f"{REQUEST}?$rid={rid}", raw, 1, 1))
    found = []
    for topic, payload in line.sent:
        status, _, query = topic.removeprefix(ANSWERS).partition("/?")
        assert query == f"$rid={rid}"
        found.append((int(status), json.loads(payload)))
    return found


@dataclass
class Fleet:
    """A hub linked to a namespace with a policy, and a device with a certificate of it."""

    hub: Hub
    leaf: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        hub = self.hub
        hub.set_hub(deviceRegistry={"namespaceResourceId": NAMESPACE})
        for policy in ("long", "short"):
            days = DAYS if policy == "short" else 90
            hub.authorities.append(adr.ensure_policy(hub.store, hub.clock, NAMESPACE, policy, days))
        hub.device("pump-1", authentication=BY_AUTHORITY)
        self.leaf = adr.Issuer(hub.store, hub.clock).issue(NAMESPACE, "short", _request("pump-1"), "pump-1")[
            0
        ]

    def connect(self, *certificates: x509.Certificate, subject: str = "pump-1") -> tuple[Any, Any]:
        conversation, line = self.hub.connect(subject, "", *(certificates or (self.leaf,)))
        assert conversation.subscribe(f"{ANSWERS}#", 1) == 1
        return conversation, line


@pytest.fixture
def fleet(hub: Hub) -> Fleet:
    return Fleet(hub)


def test_accepted_and_issued_by_the_policy_of_the_one_in_use(fleet: Fleet) -> None:
    fleet.hub.clock.advance(5 * 86_400)
    key = ec.generate_private_key(ec.SECP384R1())
    body = {"id": "pump-1", "csr": _text(_request("pump-1", key)), "replace": "*"}
    accepted, issued = _asked(*fleet.connect(), body)
    assert (accepted[0], issued[0]) == (202, 200)
    assert accepted[1]["correlationId"] == issued[1]["correlationId"]
    chain = [x509.load_der_x509_certificate(base64.b64decode(it)) for it in issued[1]["certificates"]]
    assert chain[0].public_key() == key.public_key()
    assert chain[0].subject.rfc4514_string() == "CN=pump-1"
    assert chain[0].issuer == fleet.leaf.issuer
    assert len(chain) == 3
    assert (chain[0].not_valid_after_utc - fleet.leaf.not_valid_after_utc).days == 5
    fleet.hub.clock.advance(4 * 86_400)
    assert fleet.hub.connect("pump-1", "", chain[0])[0], "the new one outlives the old one"


GOOD = _text(_request("pump-1"))
AT_ONCE: dict[str, tuple[object, int]] = {
    "nothing": (b"", 400004),
    "no JSON": (b'{"id": "pump-1", "csr":', 400006),
    "no object": (["pump-1"], 400006),
    "no id": ({"csr": GOOD}, 400004),
    "another id": ({"id": "pump-2", "csr": GOOD}, 400004),
    "no csr": ({"id": "pump-1"}, 400004),
    "an empty csr": ({"id": "pump-1", "csr": ""}, 400004),
    "a number": ({"id": "pump-1", "csr": 7}, 400004),
    "no base64": ({"id": "pump-1", "csr": "not-valid!!"}, 400004),
    "too long": ({"id": "pump-1", "csr": "A" * (LARGEST_CSR + 4)}, 400004),
    "unknown": ({"id": "pump-1", "csr": GOOD, "policy": "long"}, 400004),
    "replace too short": ({"id": "pump-1", "csr": GOOD, "replace": "123"}, 400004),
    "replace a number": ({"id": "pump-1", "csr": GOOD, "replace": 1234}, 400004),
    "nothing to replace": ({"id": "pump-1", "csr": GOOD, "replace": "db8c-0f73"}, 412001),
}


@pytest.mark.parametrize(("body", "code"), AT_ONCE.values(), ids=AT_ONCE.keys())
def test_refused_at_once(fleet: Fleet, body: object, code: int) -> None:
    [(status, told)] = _asked(*fleet.connect(), body)
    assert (status, told["errorCode"]) == (code // 1000, code)
    assert told["message"]


@pytest.mark.parametrize(
    ("csr", "words"),
    [(_text(_request("pump-2")), "common name is 'pump-2'"), ("AAAA", "no PKCS#10 request")],
    ids=["another name", "no request"],
)
def test_accepted_and_then_refused(fleet: Fleet, csr: str, words: str) -> None:
    accepted, refused = _asked(*fleet.connect(), {"id": "pump-1", "csr": csr})
    assert (accepted[0], refused[0], refused[1]["errorCode"]) == (202, 400, 400040)
    assert words in refused[1]["info"]["credentialMessage"]


def _ended(answers: list[tuple[int, Any]]) -> str:
    assert [it[0] for it in answers] == [202, 400]
    return str(answers[1][1]["info"]["credentialMessage"])


def test_a_policy_that_is_gone_issues_nothing(fleet: Fleet) -> None:
    conversation, line = fleet.connect()
    adr.forget_policy(fleet.hub.store, NAMESPACE, "short")
    assert "linked namespace" in _ended(_asked(conversation, line, {"id": "pump-1", "csr": GOOD}))


def test_a_hub_that_is_linked_no_more_issues_nothing(fleet: Fleet) -> None:
    conversation, line = fleet.connect()
    fleet.hub.set_hub()
    assert "linked namespace" in _ended(_asked(conversation, line, {"id": "pump-1", "csr": GOOD}))


def test_who_showed_no_certificate_of_a_policy_gets_none(fleet: Fleet, pki: Pki) -> None:
    root: Holder = pki.authority("own root")
    fleet.hub.authorities.append(root.certificate)
    own = fleet.connect(pki.leaf("pump-1", root).certificate)
    assert "linked namespace" in _ended(_asked(*own, {"id": "pump-1", "csr": GOOD}))
    fleet.hub.device("meter-1", authentication=SAS)
    conversation, line = fleet.hub.connect("meter-1", fleet.hub.token("meter-1"), fleet.leaf)
    conversation.subscribe(f"{ANSWERS}#", 0)
    body = {"id": "meter-1", "csr": _text(_request("meter-1"))}
    assert "linked namespace" in _ended(_asked(conversation, line, body))


def test_who_does_not_listen_hears_nothing(fleet: Fleet) -> None:
    conversation, line = fleet.hub.connect("pump-1", "", fleet.leaf)
    assert _asked(conversation, line, {"id": "pump-1", "csr": GOOD}) == []
    conversation, line = fleet.connect()
    conversation.unsubscribe(f"{ANSWERS}#")
    assert _asked(conversation, line, {"id": "pump-1", "csr": GOOD}) == []


def test_without_a_request_id_and_from_a_module_the_connection_ends(fleet: Fleet) -> None:
    conversation, _ = fleet.connect()
    with pytest.raises(MalformedPacket, match=r"\$rid"):
        conversation.publish(Publish(REQUEST, b"{}", 1, 1))
    fleet.hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    module, _ = fleet.hub.connect("pump-1/camera", fleet.hub.token("pump-1/camera"))
    assert module.subscribe(f"{ANSWERS}#", 0) == SUBSCRIPTION_REFUSED
    with pytest.raises(MalformedPacket, match="may not publish"):
        module.publish(Publish(f"{REQUEST}?$rid=1234", b"{}", 1, 1))


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=40), lambda inner: st.lists(inner, max_size=3)
)
bodies = st.fixed_dictionaries(
    {}, optional={"id": anything | st.just("pump-1"), "csr": anything | st.just("AAAA"), "replace": anything}
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200) | bodies.map(lambda it: json.dumps(it).encode()))
def test_any_payload_is_answered_in_words(hub: Hub, payload: bytes) -> None:
    answers = Credentials(adr.Issuer(hub.store, hub.clock), hub.clock).answer(HOST, "pump-1", None, payload)
    status, body = answers[-1]
    assert status in (400, 412)
    assert json.loads(body)["message"]
