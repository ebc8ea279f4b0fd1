"""Who may connect: thumbprints, authorities, tokens of devices, modules, policies, gateways; each refusal."""

import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.azure import adr
from localcloud.azure.directory import Directory
from localcloud.azure.gate import KEYS
from localcloud.azure.hub.device import HubDevices
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.session import ConnectRefused

from .conftest import HOST, HUB_ID, KEY, OTHER_KEY, SAS, Line, Presented, token

BY_AUTHORITY = {"type": "certificateAuthority"}


def _refused(hub: Any, subject: str, password: str = "", *certificates: Any) -> str:
    with pytest.raises(ConnectRefused) as refused:
        hub.connect(subject, password, *certificates)
    assert hub.counters.value(f"{HOST}/refused/{refused.value.reason}") > 0
    return refused.value.reason


def _thumbprints(*holders: Any) -> dict[str, Any]:
    names = ("primaryThumbprint", "secondaryThumbprint")
    digests = (hashlib.sha256(it.certificate.public_bytes(Encoding.DER)).hexdigest() for it in holders)
    return {"type": "selfSigned", "x509Thumbprint": dict(zip(names, digests, strict=False))}


def test_both_thumbprints(hub: Any, pki: Any) -> None:
    old, new, other = (pki.leaf("pump-1", None) for _ in range(3))
    hub.device("pump-1", authentication=_thumbprints(old, new))
    for holder in (old, new):
        hub.connect("pump-1", "", holder.certificate)
    assert _refused(hub, "pump-1", "", other.certificate) == "thumbprint-mismatch"
    assert _refused(hub, "pump-1") == "no-certificate"
    hub.clock.advance(40 * 86400)
    assert _refused(hub, "pump-1", "", old.certificate) == "expired"


def test_signed_by_an_authority_of_the_hub(hub: Any, pki: Any) -> None:
    root = pki.authority("root")
    factory = pki.authority("factory", root)
    hub.authorities.append(root.certificate)
    hub.device("pump-1", authentication=BY_AUTHORITY)
    hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": BY_AUTHORITY})
    for subject in ("pump-1", "pump-1/camera"):
        hub.connect(subject, "", pki.leaf(subject, factory).certificate, factory.certificate)
    wrong = {
        "unknown-authority": pki.leaf("pump-1", pki.authority("factory")),
        "cn-mismatch": pki.leaf("pump-2", factory),
        "expired": pki.leaf("pump-1", factory, from_days=-9, to_days=-1),
        "no-client-auth": pki.leaf("pump-1", factory, usages=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "self-signed": pki.leaf("pump-1", None),
    }
    for reason, leaf in wrong.items():
        assert _refused(hub, "pump-1", "", leaf.certificate, factory.certificate) == reason
    assert _refused(hub, "pump-1", "", pki.leaf("pump-1", factory).certificate) == "unknown-authority"
    hub.authorities.clear()
    good = (pki.leaf("pump-1", factory).certificate, factory.certificate)
    assert _refused(hub, "pump-1", "", *good) == "unknown-authority"


def test_what_a_linked_registry_issued_until_its_policy_goes(hub: Any) -> None:
    namespace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DeviceRegistry/namespaces/fleet"
    hub.set_hub(deviceRegistry={"namespaceResourceId": namespace})
    adr.ensure_policy(hub.store, hub.clock, namespace, "monthly", 30)
    issuer = adr.Issuer(hub.store, hub.clock)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-1")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    chain = issuer.issue(namespace, "monthly", request, "pump-1")
    devices = HubDevices(hub.registry, Directory(hub.store), hub.store, hub.counters)
    hub.device("pump-1", authentication=BY_AUTHORITY)
    connect = Connect("pump-1", f"{HOST}/pump-1/?api-version=2021-04-12", False, 60)
    devices.accept(connect, Presented(*chain), Line())
    adr.forget_policy(hub.store, namespace, "monthly")
    with pytest.raises(ConnectRefused, match="unknown-authority"):
        devices.accept(connect, Presented(*chain), Line())


def test_device_and_module_keys(hub: Any) -> None:
    hub.device("pump-1")
    hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    for key in (KEY, OTHER_KEY):
        hub.connect("pump-1", hub.token("pump-1", key))
        hub.connect("pump-1/camera", hub.token("pump-1/camera", key))
    old = token(f"{HOST}/devices/pump-1/api-version=2016-11-14", KEY, hub.clock.now().timestamp() + 60)
    hub.connect("pump-1", old)
    with_port = hub.token("pump-1", host=f"{HOST}:8883")
    hub.connect("pump-1", with_port)


def test_tokens_that_do_not_do(hub: Any) -> None:
    hub.device("pump-1")
    hub.device("pump-2")
    hub.device("by-certificate", authentication=BY_AUTHORITY)
    hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    stranger = "c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy"
    for subject, password, reason in (
        ("pump-1", "nonsense", "malformed-token"),
        ("pump-1", "SharedAccessSignature sr=a&sig=b&se=c", "expired-token"),
        ("pump-1", hub.token("pump-1", seconds=-1), "expired-token"),
        ("pump-1", hub.token("pump-1", stranger), "wrong-signature"),
        ("pump-1", hub.token("pump-2"), "wrong-token-scope"),
        ("pump-1", hub.token("pump-1/camera"), "wrong-token-scope"),
        ("pump-1/camera", hub.token("pump-1"), "wrong-token-scope"),
        ("pump-1", hub.token("pump-1", host="hub-b.azure-devices.net"), "wrong-token-scope"),
        ("pump-1", token(f"{HOST}/elsewhere/pump-1", KEY, 9e9), "wrong-token-scope"),
        ("by-certificate", hub.token("by-certificate"), "other-authentication"),
        ("none", hub.token("none"), "unknown-device"),
        ("pump-1/none", hub.token("pump-1/none"), "unknown-module"),
    ):
        assert _refused(hub, subject, password) == reason, (subject, password)


def test_a_disabled_device_takes_its_modules_along(hub: Any) -> None:
    hub.device("pump-1")
    hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    lines = [hub.connect(it, hub.token(it))[1] for it in ("pump-1", "pump-1/camera")]
    hub.registry.update_device(HOST, "pump-1", {"status": "disabled"})
    assert all(it.closed for it in lines)
    for subject in ("pump-1", "pump-1/camera"):
        assert _refused(hub, subject, hub.token(subject)) == "disabled"


@pytest.mark.parametrize(
    ("switch", "subject"), [("disableDeviceSAS", "pump-1"), ("disableModuleSAS", "pump-1/camera")]
)
def test_a_hub_that_takes_no_keys(hub: Any, switch: str, subject: str) -> None:
    hub.device("pump-1")
    hub.registry.create_module(HOST, "pump-1", "camera", {"authentication": SAS})
    hub.set_hub(**{switch: True})
    assert _refused(hub, subject, hub.token(subject)) == "local-auth-disabled"
    other = "pump-1/camera" if subject == "pump-1" else "pump-1"
    hub.connect(other, hub.token(other))


def test_policies_with_device_connect(hub: Any) -> None:
    rights = {"device": "DeviceConnect", "service": "ServiceConnect"}
    policies = [{"keyName": name, "rights": it, "primaryKey": OTHER_KEY} for name, it in rights.items()]
    hub.store.put(KEYS, HUB_ID.lower(), {"policies": policies})
    hub.device("pump-1", authentication=BY_AUTHORITY)
    later = hub.clock.now().timestamp() + 60
    for resource in (HOST, f"{HOST}/devices/pump-1"):
        hub.connect("pump-1", token(resource, OTHER_KEY, later, "device"))
    assert _refused(hub, "pump-1", token(HOST, OTHER_KEY, later, "service")) == "wrong-signature"
    assert _refused(hub, "pump-1", token(HOST, KEY, later, "device")) == "wrong-signature"
    assert _refused(hub, "pump-1", token(HOST, KEY, later, "none")) == "wrong-signature"
    other = token(f"{HOST}/devices/pump", OTHER_KEY, later, "device")
    assert _refused(hub, "pump-1", other) == "wrong-token-scope"
    hub.set_hub(disableLocalAuth=True)
    assert _refused(hub, "pump-1", token(HOST, OTHER_KEY, later, "device")) == "local-auth-disabled"


def test_a_gateway_connects_its_children_in_their_name(hub: Any) -> None:
    edge = {"capabilities": {"iotEdge": True}}
    top = hub.device("top", **edge)["deviceScope"]
    middle = hub.device("middle", **edge, parentScopes=[top])["deviceScope"]
    hub.device("leaf", deviceScope=middle, authentication=BY_AUTHORITY)
    hub.device("stranger")
    assert _refused(hub, "leaf", hub.token("top/$edgeHub")) == "other-authentication"  # no keys yet
    for gateway in ("top", "middle"):
        hub.registry.update_module(HOST, gateway, "$edgeHub", {"authentication": SAS})
        hub.connect("leaf", hub.token(f"{gateway}/$edgeHub"))
    assert _refused(hub, "stranger", hub.token("top/$edgeHub")) == "wrong-token-scope"
    assert _refused(hub, "top", hub.token("middle/$edgeHub")) == "wrong-token-scope"
    assert _refused(hub, "leaf", hub.token("top/$edgeAgent")) == "wrong-token-scope"
    hub.registry.update_device(HOST, "top", {"status": "disabled"})
    assert _refused(hub, "leaf", hub.token("top/$edgeHub")) == "disabled"


def test_the_end_of_a_token_ends_its_connection(hub: Any) -> None:
    hub.device("pump-1")
    conversation, line = hub.connect("pump-1", hub.token("pump-1", seconds=60))
    hub.clock.advance(50)
    hub.devices.seats.forget_quiet()
    before = line.closed
    hub.clock.advance(11)
    hub.devices.seats.forget_quiet()
    assert (before, line.closed) == (None, "its credential has expired")
    conversation.closed()
    _, renewed = hub.connect("pump-1", hub.token("pump-1", seconds=60))
    hub.devices.seats.forget_quiet()
    assert renewed.closed is None


def test_names_in_the_connect(hub: Any) -> None:
    hub.device("pump-1")
    for client_id, username in (
        ("pump-2", f"{HOST}/pump-1/?api-version=2021-04-12"),
        ("pump-1", f"{HOST}/pump-1/camera/?api-version=2021-04-12"),
        ("", f"{HOST}//?api-version=2021-04-12"),
        ("pump-1", ""),
    ):
        connect = Connect(client_id, username, False, 60, password=hub.token("pump-1"))
        with pytest.raises(ConnectRefused, match="client-id-mismatch"):
            hub.devices.accept(connect, Presented(), Line())
    assert KEY not in repr(Connect("a", "b", False, 60, password=KEY))
