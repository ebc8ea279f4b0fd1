"""What Device Registry's authorities issue: chains that hold, as long as the policy says, and lint clean."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pkilint import loader, report  # type: ignore[import-untyped]  # it has no types
from pkilint.pkix import certificate, extension, name  # type: ignore[import-untyped]  # likewise
from pkilint.validation import ValidationFindingSeverity  # type: ignore[import-untyped]  # likewise

from localcloud.azure import adr
from localcloud.azure.adr import Issuer
from localcloud.clock import Clock
from localcloud.store import Store

NAMESPACE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.DeviceRegistry/namespaces/Fleet"
_DECODERS = certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS)
LINTER = certificate.create_pkix_certificate_validator_container(
    _DECODERS,
    [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ],
)


def request(common_name: str = "pump-1") -> x509.CertificateSigningRequest:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())


@pytest.fixture
def issuer(store: Store, clock: Clock) -> Issuer:
    adr.ensure_policy(store, clock, NAMESPACE, "monthly", 30)
    return Issuer(store, clock)


def test_the_chain_holds(issuer: Issuer, clock: Clock) -> None:
    csr = request()
    leaf, issuing, root = issuer.issue(NAMESPACE.upper(), "Monthly", csr, "pump-1")
    assert leaf.public_key() == csr.public_key()
    assert leaf.subject.rfc4514_string() == "CN=pump-1"
    usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=30)
    for below, above in ((leaf, issuing), (issuing, root), (root, root)):
        below.verify_directly_issued_by(above)
        assert isinstance(above.signature_hash_algorithm, hashes.SHA384)
        assert isinstance(above.public_key(), ec.EllipticCurvePublicKey)
    lengths = [
        it.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
        for it in (issuing, root)
    ]
    assert lengths == [0, None]
    assert clock.now() < issuing.not_valid_after_utc < root.not_valid_after_utc


@pytest.mark.parametrize("rid", ["pump-1", "a" * 64, "x.y_z:1"])
def test_every_certificate_lints_clean(issuer: Issuer, rid: str) -> None:
    for it in issuer.issue(NAMESPACE, "monthly", request(), rid):
        document = loader.load_certificate(it.public_bytes(serialization.Encoding.DER), rid)
        found = LINTER.validate(document.root)
        assert report.get_findings_count(found, ValidationFindingSeverity.WARNING) == 0


def test_a_name_that_no_certificate_holds(issuer: Issuer) -> None:
    with pytest.raises(LookupError, match="holds 64 characters, not 65"):
        issuer.issue(NAMESPACE, "monthly", request(), "a" * 65)


def test_time_moves_what_is_issued(issuer: Issuer, clock: Clock) -> None:
    early = issuer.issue(NAMESPACE, "monthly", request(), "pump-1")[0]
    clock.advance(40 * 86400)
    late = issuer.issue(NAMESPACE, "monthly", request(), "pump-1")[0]
    assert early.not_valid_after_utc < clock.now() < late.not_valid_after_utc


def test_a_shorter_policy_holds_for_what_comes(issuer: Issuer, store: Store, clock: Clock) -> None:
    before = issuer.issue(NAMESPACE, "monthly", request(), "pump-1")
    adr.ensure_policy(store, clock, NAMESPACE, "monthly", 7)
    after = issuer.issue(NAMESPACE, "monthly", request(), "pump-1")
    assert before[1:] == after[1:]
    assert after[0].not_valid_after_utc - after[0].not_valid_before_utc == timedelta(days=7)


def test_nobody_to_issue(issuer: Issuer, store: Store) -> None:
    with pytest.raises(LookupError, match="no certificate policy yearly"):
        issuer.issue(NAMESPACE, "yearly", request(), "pump-1")
    adr.forget_policy(store, NAMESPACE, "monthly")
    with pytest.raises(LookupError, match="no certificate policy monthly"):
        issuer.issue(NAMESPACE, "monthly", request(), "pump-1")


def test_keys_do_not_leave(issuer: Issuer) -> None:
    assert "PRIVATE" not in repr(issuer)
    assert "PRIVATE" not in repr(issuer.issue(NAMESPACE, "monthly", request(), "pump-1"))
