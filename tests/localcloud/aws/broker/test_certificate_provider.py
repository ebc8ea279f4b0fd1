"""CSRs that the account's function signs, over MQTT and HTTPS: what it is told, and every answer of its."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localcloud.aws.api import ApiError, Caller

from .conftest import Cloud, Device, Holder, make

_FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:sign"
_CREATE = "$aws/certificates/create-from-csr/json"
_CALLER = Caller("111122223333", "eu-west-1", "arn:aws:iam::111122223333:user/ada")
_PEM = serialization.Encoding.PEM
Answer = Callable[[x509.CertificateSigningRequest], Any]


def _csr(name: str = "pump-1") -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return (
        x509.CertificateSigningRequestBuilder(_name(name))
        .sign(key, hashes.SHA256())
        .public_bytes(_PEM)
        .decode()
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Signer:
    """A CA of the account's own, as its function would ask it."""

    def __init__(self) -> None:
        self.authority = make("own CA", ca=True)

    def sign(self, csr: x509.CertificateSigningRequest, **other: Any) -> str:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            self.authority.certificate.subject,
            other.get("subject", csr.subject),
            other.get("key", csr.public_key()),
            x509.random_serial_number(),
            now - timedelta(minutes=2),
            now + timedelta(days=other.get("days", 7)),
        )
        return builder.sign(self.authority.key, hashes.SHA256()).public_bytes(_PEM).decode()


def _provided(cloud: Cloud, answer: Answer, *, allowed: bool = True, error: str | None = None) -> None:
    """An account whose CSRs are signed by a function that answers this."""
    made = _call(
        cloud,
        "CreateCertificateProvider",
        certificateProviderName="own",
        lambdaFunctionArn=_FUNCTION,
        accountDefaultForOperations=["CreateCertificateFromCsr"],
    )
    source = made["certificateProviderArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "iot.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": _FUNCTION,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": "111122223333"},
            "ArnLike": {"aws:SourceArn": source if allowed else f"{source}-2"},
        },
    }

    def invoked(params: dict[str, Any]) -> dict[str, Any]:
        event = json.loads(params["Payload"])
        told = answer(x509.load_pem_x509_csr(event["certificateSigningRequest"].encode()))
        payload = told if isinstance(told, bytes) else json.dumps(told).encode()
        return {"Payload": payload, **({"FunctionError": error} if error else {})}

    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.calls.answers["get_policy"] = lambda _: {"Policy": policy}
    cloud.calls.answers["invoke"] = invoked


def _call(cloud: Cloud, operation: str, **params: Any) -> Any:
    """A control plane call, past the checks of form."""
    return {**cloud.world.operations(), **cloud.plane.operations()}[operation](_CALLER, params)


def _over_https(cloud: Cloud, csr: str, **more: Any) -> Any:
    return asyncio.run(_call(cloud, "CreateCertificateFromCsr", certificateSigningRequest=csr, **more))


def _claimant(cloud: Cloud) -> Device:
    holder = make("claim-1")
    actions = [("iot:Connect", "client/*")]
    for action, kind in (("Publish", "topic"), ("Receive", "topic"), ("Subscribe", "topicfilter")):
        actions.append((f"iot:{action}", f"{kind}/$aws/certificates/*"))
    cloud.certificate(holder, *actions)
    device = cloud.connect(holder, "claim-1")
    device.subscribe(f"{_CREATE}/+", "$aws/certificates/create/json/+")
    return device


def _over_mqtt(cloud: Cloud, body: Any, topic: str = _CREATE) -> tuple[str, Any]:
    async def work() -> tuple[str, Any]:
        device = _claimant(cloud)
        device.say(topic, body)
        await cloud.plane.background.settle()
        ((answered, answer),) = device.heard().items()
        return answered.rpartition("/")[2], answer

    return _run(work())


def _run(work: Coroutine[Any, Any, tuple[str, Any]]) -> tuple[str, Any]:
    return asyncio.run(work)


@pytest.fixture
def signer() -> Signer:
    return Signer()


def test_over_mqtt_the_function_signs_for_who_asks(cloud: Cloud, signer: Signer) -> None:
    _provided(cloud, lambda csr: {"certificatePem": signer.sign(csr)})
    csr = _csr()
    outcome, answer = _over_mqtt(cloud, {"certificateSigningRequest": csr})
    assert outcome == "accepted"
    assert answer["certificateOwnershipToken"]
    made = x509.load_pem_x509_certificate(answer["certificatePem"].encode())
    assert made.issuer == signer.authority.certificate.subject
    known = cloud.world.certificates.require(answer["certificateId"])
    assert (known.status, known.ca_id, known.mode) == ("PENDING_ACTIVATION", None, "SNI_ONLY")
    (invoked,) = cloud.calls.of("invoke")
    claim = next(it.id for it in cloud.world.certificates.all() if it.id != known.id)
    assert json.loads(invoked["Payload"]) == {
        "certificateSigningRequest": csr,
        "principalId": claim,
        "clientId": "claim-1",
    }


def test_over_https_too(cloud: Cloud, signer: Signer) -> None:
    _provided(cloud, lambda csr: {"certificatePem": signer.sign(csr)})
    answer = _over_https(cloud, _csr(), setAsActive=True)
    assert set(answer) == {"certificateArn", "certificateId", "certificatePem"}
    assert cloud.world.certificates.require(answer["certificateId"]).status == "ACTIVE"
    (invoked,) = cloud.calls.of("invoke")
    event = json.loads(invoked["Payload"])
    assert (event["principalId"], event["clientId"]) == (_CALLER.arn, "")


def test_without_a_provider_aws_signs(cloud: Cloud) -> None:
    answer = _over_https(cloud, _csr())
    made = x509.load_pem_x509_certificate(answer["certificatePem"].encode())
    assert made.not_valid_after_utc == datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert cloud.calls.of("invoke") == []


def test_a_key_of_aws_making_is_signed_by_aws_whoever_signs_csrs(cloud: Cloud) -> None:
    _provided(cloud, lambda _: {})
    outcome, answer = _over_mqtt(cloud, {}, "$aws/certificates/create/json")
    assert outcome == "accepted"
    assert answer["privateKey"]
    assert cloud.calls.of("invoke") == []


def test_a_csr_in_a_template_is_refused_while_a_function_signs(cloud: Cloud) -> None:
    _provided(cloud, lambda _: {})
    with pytest.raises(ApiError, match=f"are for {_FUNCTION} to sign"):
        cloud.world.certificates.issue(_csr())


def _other_key(signer: Signer) -> Answer:
    return lambda csr: {"certificatePem": signer.sign(csr, key=make("any").key.public_key())}


ANSWERS: dict[str, tuple[Callable[[Signer], Answer], dict[str, Any], str]] = {
    "no JSON": (lambda _: lambda _: b"no", {}, "answer is no JSON"),
    "no object": (lambda _: lambda _: [], {}, "no text certificatePem"),
    "nothing": (lambda _: lambda _: {}, {}, "no text certificatePem"),
    "no text": (lambda _: lambda _: {"certificatePem": 1}, {}, "no text certificatePem"),
    "no PEM": (lambda _: lambda _: {"certificatePem": "PEM"}, {}, "no readable X.509"),
    "a chain": (
        lambda it: lambda csr: {"certificatePem": it.sign(csr) + it.authority.pem},
        {},
        "one certificate, not 2",
    ),
    "another key": (_other_key, {}, "another key than the signing request's"),
    "another subject": (
        lambda it: lambda csr: {"certificatePem": it.sign(csr, subject=_name("pump-2"))},
        {},
        "another subject than",
    ),
    "over": (lambda it: lambda csr: {"certificatePem": it.sign(csr, days=-0.0001)}, {}, "not valid at this"),
    "fails": (lambda _: lambda _: {}, {"error": "Unhandled"}, "failed (Unhandled)"),
    "not ours": (lambda _: lambda _: {}, {"allowed": False}, "does not let iot.amazonaws.com invoke it"),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_an_answer_that_is_no_certificate_for_the_csr(cloud: Cloud, signer: Signer, what: str) -> None:
    answer, how, words = ANSWERS[what]
    _provided(cloud, answer(signer), **how)
    outcome, told = _over_mqtt(cloud, {"certificateSigningRequest": _csr()})
    refused = (outcome, told["statusCode"], told["errorCode"])
    assert refused == ("rejected", 400, "InvalidCertificateSigningRequest")
    assert words in told["errorMessage"]
    with pytest.raises(ApiError) as raised:
        _over_https(cloud, _csr())
    assert words in raised.value.message
    assert len(cloud.world.certificates.all()) == 1, "the claim's, and no other"


def test_one_certificate_is_not_given_twice(cloud: Cloud, signer: Signer) -> None:
    made: list[str] = []

    def answer(csr: x509.CertificateSigningRequest) -> Any:
        made.append(signer.sign(csr))
        return {"certificatePem": made[0]}

    _provided(cloud, answer)
    csr = _csr()
    _over_https(cloud, csr)
    with pytest.raises(ApiError) as raised:
        _over_https(cloud, csr)
    assert raised.value.code == "ResourceAlreadyExistsException"


@pytest.mark.parametrize("text", ["none", "-----BEGIN CERTIFICATE REQUEST-----\n!\n"])
def test_the_function_is_not_asked_about_what_is_no_csr(cloud: Cloud, text: str) -> None:
    _provided(cloud, lambda _: {})
    outcome, told = _over_mqtt(cloud, {"certificateSigningRequest": text})
    assert (outcome, told["errorCode"]) == ("rejected", "InvalidCertificateSigningRequest")
    assert cloud.calls.of("invoke") == []


def test_a_function_that_takes_too_long(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.aws.csr_signing.LONGEST_SECONDS", 0.05)
    _provided(cloud, lambda _: {})

    async def never(service: str, operation: str, **params: Any) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(cloud.calls, "call", never)
    outcome, told = _over_mqtt(cloud, {"certificateSigningRequest": _csr()})
    assert (outcome, told["statusCode"], told["errorCode"]) == ("rejected", 503, "ServiceUnavailable")
    assert "did not answer" in told["errorMessage"]
    with pytest.raises(ApiError) as raised:
        _over_https(cloud, _csr())
    assert raised.value.code == "ServiceUnavailableException"


def test_a_device_connects_with_what_the_function_gave(cloud: Cloud, signer: Signer) -> None:
    _provided(cloud, lambda csr: {"certificatePem": signer.sign(csr)})
    key = ec.generate_private_key(ec.SECP256R1())
    csr = x509.CertificateSigningRequestBuilder(_name("pump-1")).sign(key, hashes.SHA256())
    answer = _over_https(cloud, csr.public_bytes(_PEM).decode(), setAsActive=True)
    known = cloud.world.certificates.require(answer["certificateId"])
    cloud.policy("all", known, ("iot:Connect", "client/*"))
    holder = Holder(x509.load_pem_x509_certificate(known.pem.encode()), key)
    cloud.connect(holder, "pump-1", server_name=cloud.place.endpoint("-ats"))
