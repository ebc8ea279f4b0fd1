"""muster:aws:VerificationCertificate: a true proof of possession on an account's registration code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.chain import fingerprint
from provider.clients import Azure
from provider.errors import IncompleteInputError, ProofError
from provider.handlers import handlers
from provider.handlers.verification_certificate import VerificationCertificate
from provider.values import UNKNOWN

CODE = "0a" * 32
NO_SIGNER = VerificationCertificate(lambda _: pytest.fail("asked for a signer"))


@pytest.fixture
def handler(azure: Azure, key_store: Any, oslo: Any) -> Any:
    key_store.add(oslo.key)
    return handlers(azure)["muster:aws:VerificationCertificate"]


@pytest.fixture
def given(oslo: Any) -> dict[str, Any]:
    return {"caCertificate": oslo.pem, "registrationCode": CODE}


def test_the_ca_certifies_the_code_and_nothing_leaves_the_signer(
    handler: Any, life: Any, cloud: Any, given: dict[str, Any], oslo: Any
) -> None:
    one = life(handler)
    one.create(given)
    proof = x509.load_pem_x509_certificate(one.properties["certificate"].encode())
    proof.verify_directly_issued_by(oslo.certificate)
    assert proof.subject.rfc4514_string() == f"CN={CODE}"
    assert one.resource_id == f"{fingerprint(oslo.certificate)}/{CODE}"
    assert cloud.requests == []
    private = oslo.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert private.splitlines()[1] not in json.dumps(one.properties)


def test_it_is_good_as_long_as_the_ca(handler: Any, life: Any, given: dict[str, Any], oslo: Any) -> None:
    one = life(handler)
    one.create(given)
    proof = x509.load_pem_x509_certificate(one.properties["certificate"].encode())
    left = oslo.certificate.not_valid_after_utc - proof.not_valid_after_utc
    assert 0 <= left.total_seconds() <= 24 * 3600


def test_check_and_diff_need_no_signer(given: dict[str, Any], oslo: Any, bergen: Any, leaf: Any) -> None:
    assert NO_SIGNER.check(given).faults == ()
    wrong = {"caCertificate": leaf.pem, "registrationCode": "not a code"}
    assert {fault.path for fault in NO_SIGNER.check(wrong).faults} == set(wrong)
    state = {**given, "certificate": "PEM"}
    for name, other in (("caCertificate", bergen.pem), ("registrationCode", "0b" * 32)):
        (change,) = NO_SIGNER.diff(given, state, {**given, name: other}).changes
        assert (change.path, bool(change.replaces)) == (name, True)
    assert NO_SIGNER.diff(given, state, {**given, "caCertificate": f"\n{oslo.pem}\n"}).changes == ()
    assert NO_SIGNER.planned({**given, "registrationCode": UNKNOWN})["certificate"] is UNKNOWN


def test_without_the_key_there_is_no_proof(
    handler: Any, life: Any, given: dict[str, Any], bergen: Any
) -> None:
    with pytest.raises(ProofError, match="cannot be proven") as raised:
        life(handler).create({**given, "caCertificate": bergen.pem})
    assert "sniOnly" in str(raised.value)
    assert fingerprint(bergen.certificate) in str(raised.value)


def test_a_refresh_is_quiet_and_an_import_is_refused(
    handler: Any, life: Any, given: dict[str, Any], oslo: Any
) -> None:
    one = life(handler)
    one.create(given)
    before = one.properties
    assert one.refresh()
    assert one.properties == before
    assert one.changed() == {}
    one.update(caCertificate=f"{oslo.pem}\n")
    assert one.properties["certificate"] == before["certificate"]
    one.handler.delete(one.resource_id)
    with pytest.raises(IncompleteInputError, match="stands in no service"):
        handler.read(one.resource_id, None)
