"""Proof of possession: a DPS certificate is verified by its key's signature over the code, nothing else."""

import io
import json
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.iothubprovisioningservices import IotDpsClient
from azure.mgmt.iothubprovisioningservices.models import (
    CertificateProperties,
    CertificateResponse,
    VerificationCodeRequest,
)
from cryptography.hazmat.primitives import serialization

from .conftest import Authority, Cloud, authority, encoded

UNCHANGED: dict[str, Any] = {"match_condition": MatchConditions.IfNotModified}


def _upload(services: IotDpsClient, dps: Any, group: str, ca: Authority, **options: Any) -> Any:
    der = ca.certificate.public_bytes(serialization.Encoding.DER)
    body = CertificateResponse(properties=CertificateProperties(certificate=der))
    return services.dps_certificate.create_or_update(group, dps.name, "root", body, **options)


def _code(services: IotDpsClient, dps: Any, group: str, etag: str) -> Any:
    return services.dps_certificate.generate_verification_code(
        "root", group, dps.name, etag=etag, **UNCHANGED
    )


def _verify(services: IotDpsClient, dps: Any, group: str, proof: str, etag: str) -> Any:
    body = VerificationCodeRequest(certificate=proof)
    return services.dps_certificate.verify_certificate("root", group, dps.name, body, etag=etag, **UNCHANGED)


def _verified(services: IotDpsClient, dps: Any, group: str) -> bool | None:
    properties = services.dps_certificate.get("root", group, dps.name).properties
    assert properties is not None
    return properties.is_verified


def test_the_owner_proves_possession(services: IotDpsClient, dps: Any, group: str) -> None:
    ca = authority("factory root")
    made = _upload(services, dps, group, ca)
    assert (made.properties.is_verified, made.properties.subject) == (False, "CN=factory root")
    asked = _code(services, dps, group, made.etag)
    assert asked.etag != made.etag
    proof = encoded(ca.sign(asked.properties.verification_code))
    done = _verify(services, dps, group, proof, asked.etag)
    assert done.properties.is_verified is True
    assert _verified(services, dps, group) is True
    listed = services.dps_certificate.list(group, dps.name).value or []
    assert [it.name for it in listed] == ["root"]
    with pytest.raises(HttpResponseError, match="no verification code"):
        _verify(services, dps, group, proof, done.etag)


def test_pem_is_taken_as_a_proof(services: IotDpsClient, dps: Any, group: str) -> None:
    ca = authority("factory root")
    asked = _code(services, dps, group, _upload(services, dps, group, ca).etag)
    proof = ca.sign(asked.properties.verification_code).public_bytes(serialization.Encoding.PEM).decode()
    assert _verify(services, dps, group, proof, asked.etag).properties.is_verified is True


@pytest.mark.parametrize(
    ("issuer", "name", "days", "words"),
    [
        ("rogue", "{code}", 1, "not issued by CN=factory root"),
        ("own", "another code", 1, "not the verification code"),
        ("own", "{code}", -1, "is valid from"),
    ],
)
def test_a_false_proof_is_refused(
    services: IotDpsClient, dps: Any, group: str, issuer: str, name: str, days: int, words: str
) -> None:
    ca = authority("factory root")
    signer = {"own": ca, "rogue": authority("factory root")}[issuer]
    asked = _code(services, dps, group, _upload(services, dps, group, ca).etag)
    proof = signer.sign(name.format(code=asked.properties.verification_code), days=days)
    with pytest.raises(HttpResponseError, match=words) as refused:
        _verify(services, dps, group, encoded(proof), asked.etag)
    assert refused.value.status_code == 400
    assert _verified(services, dps, group) is False


def test_a_changed_certificate_is_unverified_again(services: IotDpsClient, dps: Any, group: str) -> None:
    first, second = authority("first"), authority("second")
    asked = _code(services, dps, group, _upload(services, dps, group, first).etag)
    proof = encoded(first.sign(asked.properties.verification_code))
    done = _verify(services, dps, group, proof, asked.etag)
    same = _upload(services, dps, group, first, etag=done.etag, **UNCHANGED)
    assert same.properties.is_verified is True
    other = _upload(services, dps, group, second, etag=same.etag, **UNCHANGED)
    assert other.properties.is_verified is False
    with pytest.raises(HttpResponseError) as refused:
        _upload(services, dps, group, first, etag=same.etag, **UNCHANGED)
    assert refused.value.status_code == 412


def test_there_is_no_bypass(services: IotDpsClient, dps: Any, group: str) -> None:
    body = {"properties": {"certificate": encoded(authority("root").certificate), "isVerified": True}}
    raw = io.BytesIO(
        json.dumps(body).encode()
    )  # the SDK's own serializer would drop what it knows as read-only
    with pytest.raises(HttpResponseError, match=r"isVerified: cannot be set to true"):
        services.dps_certificate.create_or_update(group, dps.name, "root", raw)


@pytest.mark.parametrize(
    ("ca", "days", "words"),
    [(False, 30, "CA:FALSE"), (None, 30, "no basicConstraints"), (True, -1, "is valid from")],
)
def test_what_is_no_authority_is_refused(
    services: IotDpsClient, dps: Any, group: str, ca: bool | None, days: int, words: str
) -> None:
    with pytest.raises(HttpResponseError, match=words):
        _upload(services, dps, group, authority("x", ca=ca, days=days))


def test_deleting_needs_the_etag(cloud: Cloud, services: IotDpsClient, dps: Any, group: str) -> None:
    made = _upload(services, dps, group, authority("root"))
    token = cloud.credential().get_token("https://management.azure.com/.default").token
    with cloud.http() as http:
        url = f"https://management.azure.com{made.id}?api-version=2026-11-01"
        refused = http.delete(url, headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (412, "PreconditionFailed")
    services.dps_certificate.delete(group, dps.name, "root", etag=made.etag, **UNCHANGED)
    with pytest.raises(ResourceNotFoundError):
        services.dps_certificate.get("root", group, dps.name)
