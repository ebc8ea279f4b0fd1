"""First connections and fleet provisioning, with everything that may go wrong on the way."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localcloud.mqtt.session import ConnectRefused

from .conftest import ALL, Cloud, Device, Holder, make

_CREATE = "$aws/certificates/create-from-csr/json"
_PROVISION = "$aws/provisioning-templates/fleet-pumps/provision/json"
_HOOK = "arn:aws:lambda:eu-west-1:111122223333:function:hook"
_BODY = {
    "Parameters": {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}},
    "Resources": {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}},
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
        },
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "fleet-pumps"}},
    },
    "DeviceConfiguration": {"interval": "60"},
}
_JITP = {
    "Parameters": {
        "AWS::IoT::Certificate::CommonName": {"Type": "String"},
        "AWS::IoT::Certificate::Id": {"Type": "String"},
    },
    "Resources": {
        "thing": {
            "Type": "AWS::IoT::Thing",
            "Properties": {"ThingName": {"Ref": "AWS::IoT::Certificate::CommonName"}},
        },
        "certificate": _BODY["Resources"]["certificate"],  # type: ignore[index]
        "policy": _BODY["Resources"]["policy"],  # type: ignore[index]
    },
}


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def _call(cloud: Cloud, operation: str, **params: Any) -> Any:
    """A control plane call, past the checks of form."""
    return cloud.world.operations()[operation](None, params)  # type: ignore[arg-type]


def _with_fleet_policy(cloud: Cloud) -> None:
    name = "${iot:Connection.Thing.ThingName}"
    statements = [(action, cloud.place.arn(it.replace("*", name))) for action, it in ALL]
    allowed = [{"Effect": "Allow", "Action": action, "Resource": it} for action, it in statements]
    cloud.world.policies.create("fleet-pumps", json.dumps({"Version": "2012-10-17", "Statement": allowed}))


def _authority(cloud: Cloud, **more: Any) -> Holder:
    """A CA of which the leaves are registered when they are first seen."""
    holder = make("factory", ca=True)
    params = {"certificateMode": "SNI_ONLY", "setAsActive": True, "allowAutoRegistration": True, **more}
    _call(cloud, "RegisterCACertificate", caCertificate=holder.pem, **params)
    return holder


def _template(cloud: Cloud, body: Any = None, **more: Any) -> None:
    params = {
        "templateName": "fleet-pumps",
        "templateBody": json.dumps(body or _BODY),
        "provisioningRoleArn": cloud.iam.role("provisioning"),
        "enabled": True,
        **more,
    }
    _call(cloud, "CreateProvisioningTemplate", **params)


def _csr(name: str = "pump-1") -> tuple[str, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM).decode(), key


def _claimant(cloud: Cloud, client_id: str = "claim-1", template: str = "fleet-pumps") -> Device:
    holder = make(client_id)
    topics = ("$aws/certificates/*", f"$aws/provisioning-templates/{template}/provision/*")
    statements = [("iot:Connect", "client/*")]
    for topic in topics:
        statements += [("iot:Publish", f"topic/{topic}"), ("iot:Receive", f"topic/{topic}")]
        statements.append(("iot:Subscribe", f"topicfilter/{topic}"))
    cloud.certificate(holder, *statements)
    device = cloud.connect(holder, client_id)
    device.subscribe("$aws/certificates/create-from-csr/json/+", "$aws/certificates/create/json/+")
    device.subscribe(f"$aws/provisioning-templates/{template}/provision/json/+")
    return device


async def _ask(cloud: Cloud, device: Device, topic: str, body: Any) -> Any:
    device.say(topic, body)
    await cloud.plane.background.settle()
    ((answered, answer),) = device.heard().items()
    return answered.rpartition("/")[2], answer


async def _new_certificate(cloud: Cloud, device: Device) -> tuple[dict[str, Any], ec.EllipticCurvePrivateKey]:
    csr, key = _csr()
    outcome, answer = await _ask(cloud, device, _CREATE, {"certificateSigningRequest": csr})
    assert outcome == "accepted"
    return answer, key


def test_just_in_time_registration(cloud: Cloud) -> None:
    factory, other = _authority(cloud), make("watcher")
    cloud.certificate(other, *ALL)
    watcher = cloud.connect(other, "watcher")
    watcher.subscribe("$aws/events/certificates/registered/+")
    leaf = make("pump-1", factory)
    with pytest.raises(ConnectRefused, match="certificate-registered-now"):
        cloud.connect(leaf, "pump-1")
    ((topic, told),) = watcher.heard().items()
    assert topic.endswith(told["caCertificateId"])
    assert told["certificateStatus"] == "PENDING_ACTIVATION"
    assert told["awsAccountId"] == "111122223333"
    with pytest.raises(ConnectRefused, match="certificate-pending-activation"):
        cloud.connect(leaf, "pump-1")
    assert not watcher.messages
    made = cloud.world.certificates.set_status(told["certificateId"], "ACTIVE")
    cloud.policy("p", made, *ALL)
    cloud.connect(leaf, "pump-1", server_name=cloud.place.endpoint("-ats"))


def test_no_registration_without_a_ca_that_wants_it(cloud: Cloud) -> None:
    off = _authority(cloud, allowAutoRegistration=False)
    inactive = _authority(cloud, setAsActive=False)
    for issuer in (off, inactive, make("unknown", ca=True)):
        with pytest.raises(ConnectRefused, match="certificate-unknown"):
            cloud.connect(make("pump-1", issuer), "pump-1")


def test_just_in_time_provisioning(cloud: Cloud) -> None:
    async def work() -> None:
        _with_fleet_policy(cloud)
        role = cloud.iam.role("jitp")
        config = {"templateBody": json.dumps(_JITP), "roleArn": role}
        leaf = make("pump-1", _authority(cloud, registrationConfig=config))
        with pytest.raises(ConnectRefused, match="certificate-registered-now"):
            cloud.connect(leaf, "pump-1")
        await cloud.plane.background.settle()
        device = cloud.connect(leaf, "pump-1", server_name=cloud.place.endpoint("-ats"))
        assert device.subscribe("pump-1") == [1]
        assert cloud.world.things.of_principal(cloud.world.certificates.all()[0].id) == ["pump-1"]

    _run(work())


def test_just_in_time_provisioning_needs_a_role_that_trusts_iot(cloud: Cloud) -> None:
    async def work() -> None:
        _with_fleet_policy(cloud)
        role = cloud.iam.role("jitp", trusts="lambda.amazonaws.com")
        config = {"templateBody": json.dumps(_JITP), "roleArn": role}
        leaf = make("pump-1", _authority(cloud, registrationConfig=config))
        with pytest.raises(ConnectRefused):
            cloud.connect(leaf, "pump-1")
        await cloud.plane.background.settle()
        with pytest.raises(ConnectRefused, match="certificate-pending-activation"):
            cloud.connect(leaf, "pump-1")
        assert cloud.refusals()["just-in-time-provisioning-failed"] == 1

    _run(work())


def test_a_claim_with_a_csr_becomes_a_thing(cloud: Cloud) -> None:
    async def work() -> None:
        _with_fleet_policy(cloud)
        _template(cloud)
        claimant = _claimant(cloud)
        answer, key = await _new_certificate(cloud, claimant)
        issued = x509.load_pem_x509_certificate(answer["certificatePem"].encode())
        assert issued.public_key() == key.public_key()
        device = Holder(issued, key)
        with pytest.raises(ConnectRefused, match="certificate-pending-activation"):
            cloud.connect(device, "pump-1")
        asked = {
            "certificateOwnershipToken": answer["certificateOwnershipToken"],
            "parameters": {"SerialNumber": "pump-1", "AWS::IoT::Certificate::Id": "f" * 64},
        }
        outcome, made = await _ask(cloud, claimant, _PROVISION, asked)
        assert (outcome, made) == (
            "accepted",
            {"thingName": "pump-1", "deviceConfiguration": {"interval": "60"}},
        )
        assert cloud.connect(device, "pump-1").subscribe("pump-1", "pump-2") == [1, 0x80]
        outcome, again = await _ask(cloud, claimant, _PROVISION, asked)
        assert (outcome, again["errorCode"]) == ("rejected", "InvalidCertificateOwnershipToken")

    _run(work())


def test_a_claim_with_a_key(cloud: Cloud) -> None:
    async def work() -> None:
        outcome, answer = await _ask(cloud, _claimant(cloud), "$aws/certificates/create/json", {})
        assert outcome == "accepted"
        key = serialization.load_pem_private_key(answer["privateKey"].encode(), None)
        certificate = x509.load_pem_x509_certificate(answer["certificatePem"].encode())
        assert key.public_key() == certificate.public_key()

    _run(work())


@pytest.mark.parametrize(
    ("topic", "body", "code"),
    [
        (_CREATE, {}, "InvalidPayload"),
        (_CREATE, {"certificateSigningRequest": "none"}, "InvalidCertificateSigningRequest"),
        (_CREATE, b"[]", "InvalidPayload"),
        (_CREATE, b"{", "InvalidPayload"),
        (_PROVISION, {}, "InvalidPayload"),
        (_PROVISION, {"certificateOwnershipToken": "x", "parameters": {"a": 1}}, "InvalidPayload"),
        (_PROVISION, {"certificateOwnershipToken": "x"}, "InvalidCertificateOwnershipToken"),
    ],
)
def test_requests_that_are_rejected(cloud: Cloud, topic: str, body: Any, code: str) -> None:
    async def work() -> None:
        _template(cloud)
        outcome, answer = await _ask(cloud, _claimant(cloud), topic, body)
        assert (outcome, answer["errorCode"]) == ("rejected", code)

    _run(work())


def test_tokens_are_of_one_principal_and_of_an_hour(cloud: Cloud) -> None:
    async def work() -> None:
        _with_fleet_policy(cloud)
        _template(cloud)
        claimant, thief = _claimant(cloud), _claimant(cloud, "claim-2")
        answer, _ = await _new_certificate(cloud, claimant)
        asked = {
            "certificateOwnershipToken": answer["certificateOwnershipToken"],
            "parameters": {"SerialNumber": "pump-1"},
        }
        outcome, refused = await _ask(cloud, thief, _PROVISION, asked)
        assert (outcome, refused["errorCode"]) == ("rejected", "InvalidCertificateOwnershipToken")
        cloud.clock.advance(3601)
        outcome, refused = await _ask(cloud, claimant, _PROVISION, asked)
        assert (outcome, refused["errorCode"]) == ("rejected", "InvalidCertificateOwnershipToken")
        cloud.plane.tidy()
        assert cloud.world.certificates.by_fingerprint(answer["certificateId"]) is None

    _run(work())


def test_another_template_ends_the_claims_connection(cloud: Cloud) -> None:
    device = _claimant(cloud, template="other")
    device.say(_PROVISION, {})
    assert device.closed[0][0] == f"may not publish to {_PROVISION}"


def _hooked(cloud: Cloud, answer: Any, *, allowed: bool = True, error: str | None = None) -> None:
    _with_fleet_policy(cloud)
    _template(cloud, preProvisioningHook={"payloadVersion": "2020-04-01", "targetArn": _HOOK})
    source = cloud.place.arn("provisioningtemplate/fleet-pumps")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "iot.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": _HOOK,
        "Condition": {"ArnLike": {"aws:SourceArn": source if allowed else f"{source}-2"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    fault = {"FunctionError": error} if error else {}
    cloud.calls.answers["get_policy"] = lambda _: {"Policy": policy}
    cloud.calls.answers["invoke"] = lambda _: {"Payload": payload, **fault}


async def _provision(cloud: Cloud) -> tuple[str, Any]:
    claimant = _claimant(cloud)
    answer, _ = await _new_certificate(cloud, claimant)
    token, parameters = answer["certificateOwnershipToken"], {"SerialNumber": "pump-1"}
    asked = {"certificateOwnershipToken": token, "parameters": parameters}
    outcome, told = await _ask(cloud, claimant, _PROVISION, asked)
    return outcome, told


def test_a_hook_that_allows_and_overrides(cloud: Cloud) -> None:
    async def work() -> None:
        _hooked(cloud, {"allowProvisioning": True, "parameterOverrides": {"SerialNumber": "pump-7"}})
        outcome, told = await _provision(cloud)
        assert (outcome, told["thingName"]) == ("accepted", "pump-7")
        (invoked,) = cloud.calls.of("invoke")
        event = json.loads(invoked["Payload"])
        assert event["parameters"] == {"SerialNumber": "pump-1"}
        assert event["clientId"] == "claim-1"
        assert event["templateArn"].endswith("provisioningtemplate/fleet-pumps")
        assert {"claimCertificateId", "certificateId", "certificatePem"} <= set(event)

    _run(work())


@pytest.mark.parametrize(
    ("answer", "more", "words"),
    [
        ({"allowProvisioning": False}, {}, "does not allow"),
        ({"allowProvisioning": "true"}, {}, "does not allow"),
        ({}, {}, "does not allow"),
        (b"no", {}, "no JSON"),
        ({"allowProvisioning": True, "parameterOverrides": {"SerialNumber": 1}}, {}, "no object of texts"),
        ({"allowProvisioning": True}, {"error": "Unhandled"}, "failed (Unhandled)"),
        ({"allowProvisioning": True}, {"allowed": False}, "does not let iot.amazonaws.com invoke it"),
    ],
)
def test_a_hook_that_refuses(cloud: Cloud, answer: Any, more: dict[str, Any], words: str) -> None:
    async def work() -> None:
        _hooked(cloud, answer, **more)
        outcome, told = await _provision(cloud)
        assert (outcome, told["statusCode"], told["errorCode"]) == ("rejected", 403, "AccessDenied")
        assert words in told["errorMessage"]
        assert cloud.world.things.all() == []

    _run(work())


def test_a_hook_that_takes_too_long(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.aws.broker.provisioning_hook.LONGEST_SECONDS", 0.05)

    async def never(service: str, operation: str, **params: Any) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def work() -> None:
        _hooked(cloud, {"allowProvisioning": True})
        monkeypatch.setattr(cloud.calls, "call", never)
        outcome, told = await _provision(cloud)
        assert (outcome, told["errorCode"]) == ("rejected", "AccessDenied")
        assert "did not answer" in told["errorMessage"]

    _run(work())


def test_a_claim_of_a_trusted_user_is_held_to_its_template_and_time(cloud: Cloud) -> None:
    _template(cloud)
    given = _call(cloud, "CreateProvisioningClaim", templateName="fleet-pumps")
    holder = Holder(x509.load_pem_x509_certificate(given["certificatePem"].encode()), make("any").key)
    device = cloud.connect(holder, "any")
    assert device.subscribe(f"{_PROVISION}/accepted", "other") == [1, 0x80]
    cloud.clock.advance(301)
    with pytest.raises(ConnectRefused, match="claim-over"):
        cloud.connect(holder, "any")
