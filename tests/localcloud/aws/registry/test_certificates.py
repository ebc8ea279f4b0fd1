"""Certificates and CAs: what is registered, what is refused, and who vouches for whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from localcloud.aws.cloud import Aws
from localcloud.clock import Clock
from tests.localcloud.aws.broker.conftest import Holder, make
from tests.localcloud.aws.control.refusals import code_of, words_of


def csr(name: str, key: Any = None) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, algorithm)
    return made.public_bytes(serialization.Encoding.PEM).decode()


def register(iot: Any, authority: Holder, **more: Any) -> dict[str, Any]:
    proof = make(iot.get_registration_code()["registrationCode"], authority)
    made: dict[str, Any] = iot.register_ca_certificate(
        caCertificate=authority.pem, verificationCertificate=proof.pem, setAsActive=True, **more
    )
    return made


def test_a_certificate_for_a_csr(iot: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    made = iot.create_certificate_from_csr(certificateSigningRequest=csr("a", key), setAsActive=True)
    certificate = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    assert certificate.public_key() == key.public_key()
    assert certificate.fingerprint(hashes.SHA256()).hex() == made["certificateId"]
    known = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert (known["status"], known["certificateMode"]) == ("ACTIVE", "DEFAULT")
    assert known["validity"]["notAfter"].year == 2049


@pytest.mark.parametrize(
    "text", ["no", csr("a", ed25519.Ed25519PrivateKey.generate())], ids=["text", "Ed25519"]
)
def test_no_certificate_for(iot: Any, text: str) -> None:
    assert code_of(iot.create_certificate_from_csr, certificateSigningRequest=text) == (
        "InvalidRequestException"
    )


def test_a_csr_whose_signature_is_anothers_is_refused(iot: Any) -> None:
    whole = x509.load_pem_x509_csr(csr("a").encode()).public_bytes(serialization.Encoding.DER)
    name = whole.index(b"\x0c\x01a")
    changed = x509.load_der_x509_csr(whole[: name + 2] + b"b" + whole[name + 3 :])
    text = changed.public_bytes(serialization.Encoding.PEM).decode()
    assert "signature" in words_of(iot.create_certificate_from_csr, certificateSigningRequest=text)


def test_keys_and_certificate(iot: Any) -> None:
    made = iot.create_keys_and_certificate()
    private = serialization.load_pem_private_key(made["keyPair"]["PrivateKey"].encode(), None)
    certificate = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    assert private.public_key() == certificate.public_key()
    found = iot.list_certificates()["certificates"]
    assert [(it["certificateId"], it["status"]) for it in found] == [(made["certificateId"], "INACTIVE")]


def test_the_states_of_a_certificate(iot: Any, aws: Aws) -> None:
    heard: list[str] = []
    aws.world.certificates.on_change(lambda it: heard.append(it.status))
    made = iot.create_keys_and_certificate(setAsActive=True)
    one = {"certificateId": made["certificateId"]}
    assert code_of(iot.delete_certificate, **one) == "CertificateStateException"
    assert code_of(iot.update_certificate, **one, newStatus="PENDING_TRANSFER") == "InvalidRequestException"
    iot.create_thing(thingName="a")
    iot.attach_thing_principal(thingName="a", principal=made["certificateArn"])
    iot.update_certificate(**one, newStatus="REVOKED")
    assert code_of(iot.update_certificate, **one, newStatus="ACTIVE") == "CertificateStateException"
    assert code_of(iot.delete_certificate, **one, forceDelete=True) == "DeleteConflictException"
    iot.detach_thing_principal(thingName="a", principal=made["certificateArn"])
    iot.delete_certificate(**one)
    assert code_of(iot.describe_certificate, **one) == "ResourceNotFoundException"
    assert heard == ["REVOKED", "REVOKED"]


def test_registered_without_a_ca(iot: Any) -> None:
    leaf = make("pump-1")
    made = iot.register_certificate_without_ca(certificatePem=leaf.pem, status="ACTIVE")
    known = iot.describe_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert known["certificateMode"] == "SNI_ONLY"
    with pytest.raises(ClientError) as again:
        iot.register_certificate_without_ca(certificatePem=leaf.pem)
    assert again.value.response["Error"]["Code"] == "ResourceAlreadyExistsException"
    assert again.value.response["resourceId"] == made["certificateId"]
    expired = make("old", days=-0.5)
    for wrong in (expired.pem, "no", leaf.pem + expired.pem):
        assert code_of(iot.register_certificate_without_ca, certificatePem=wrong) == (
            "CertificateValidationException"
        )


def test_a_ca_must_be_proven(iot: Any) -> None:
    authority, other = make("ca", ca=True), make("ca", ca=True)
    assert "verificationCertificate is required" in words_of(
        iot.register_ca_certificate, caCertificate=authority.pem
    )
    code = iot.get_registration_code()["registrationCode"]

    def refused(ca: Holder, proof: Holder) -> str:
        return code_of(iot.register_ca_certificate, caCertificate=ca.pem, verificationCertificate=proof.pem)

    assert refused(authority, make("no code", authority)) == "RegistrationCodeValidationException"
    assert refused(authority, make(code, other)) == "CertificateValidationException"
    assert refused(authority, make(code)) == "CertificateValidationException"
    no_authority = make("leaf")
    assert refused(no_authority, make(code, no_authority)) == "CertificateValidationException"
    old = make("old", ca=True, days=-0.5)
    assert refused(old, make(code, old)) == "CertificateValidationException"
    made = register(iot, authority)
    with pytest.raises(ClientError) as again:
        register(iot, authority)
    assert again.value.response["Error"]["Code"] == "ResourceAlreadyExistsException"
    assert again.value.response["resourceArn"] == made["certificateArn"]
    iot.delete_registration_code()
    assert iot.get_registration_code()["registrationCode"] != code


def test_a_ca_of_many_accounts_brings_no_proof(iot: Any) -> None:
    authority = make("ca", ca=True)
    proof = make(iot.get_registration_code()["registrationCode"], authority)
    many = {"caCertificate": authority.pem, "certificateMode": "SNI_ONLY"}
    assert "must be empty" in words_of(iot.register_ca_certificate, **many, verificationCertificate=proof.pem)
    for holder in (make("leaf"), make("old", ca=True, days=-0.5)):
        wrong = {**many, "caCertificate": holder.pem}
        assert code_of(iot.register_ca_certificate, **wrong) == "CertificateValidationException"
    made = iot.register_ca_certificate(**many)
    known = iot.describe_ca_certificate(certificateId=made["certificateId"])["certificateDescription"]
    assert (known["certificateMode"], known["status"]) == ("SNI_ONLY", "INACTIVE")


def test_the_life_of_a_ca(iot: Any, aws: Aws, clock: Clock) -> None:
    authority = make("ca", ca=True)
    made = register(iot, authority, allowAutoRegistration=True, tags=[{"Key": "k", "Value": "v"}])
    one = {"certificateId": made["certificateId"]}
    leaf = make("pump-1", authority)
    issuer = aws.world.authorities.issuer_of(leaf.certificate)
    assert issuer is not None
    assert (issuer.id, issuer.auto_registration) == (made["certificateId"], True)
    assert aws.world.authorities.issuer_of(make("x", make("ca", ca=True)).certificate) is None
    assert iot.list_tags_for_resource(resourceArn=made["certificateArn"])["tags"] == [
        {"Key": "k", "Value": "v"}
    ]

    registered = iot.register_certificate(certificatePem=leaf.pem, setAsActive=True)
    of_ca = iot.list_certificates_by_ca(caCertificateId=made["certificateId"])["certificates"]
    assert [it["certificateId"] for it in of_ca] == [registered["certificateId"]]
    stranger = make("y", make("other", ca=True))
    assert code_of(iot.register_certificate, certificatePem=stranger.pem) == (
        "CertificateValidationException"
    )

    assert code_of(iot.delete_ca_certificate, **one) == "CertificateStateException"
    iot.update_ca_certificate(**one, newStatus="INACTIVE", newAutoRegistrationStatus="DISABLE")
    assert aws.world.authorities.issuer_of(leaf.certificate) is None
    second = make("z", authority)
    assert code_of(iot.register_certificate, certificatePem=second.pem) == "CertificateStateException"
    iot.update_ca_certificate(**one, newStatus="ACTIVE")
    clock.advance(timedelta(days=31).total_seconds())
    assert aws.world.authorities.issuer_of(leaf.certificate) is None
    iot.update_ca_certificate(**one, newStatus="INACTIVE")
    iot.delete_ca_certificate(**one)
    assert iot.list_ca_certificates()["certificates"] == []


def test_a_ca_names_a_template_that_is_there(iot: Any) -> None:
    authority = make("ca", ca=True)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        register(iot, authority, registrationConfig={"templateName": "none"})
    with pytest.raises(ClientError, match="go together"):
        register(iot, authority, registrationConfig={"templateBody": "{}"})


def test_ten_cas_of_one_subject(iot: Any) -> None:
    for _ in range(10):
        register(iot, make("same", ca=True))
    with pytest.raises(ClientError, match="LimitExceededException"):
        register(iot, make("same", ca=True))
    assert datetime.now(UTC) > iot.list_ca_certificates()["certificates"][0]["creationDate"]
