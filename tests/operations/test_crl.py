"""CRLs: what may be acted on, each refusal, and hostile bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from certs.store import key_id
from operations import crl
from operations.crl import LastSeen, Revoked
from operations.errors import CrlError
from tests.operations.conftest import NOW, Authority, make_authority

SERIAL = 0x1234


def check(found: x509.CertificateRevocationList, *issuers: Authority, **how: Any) -> crl.CheckedCrl:
    return crl.check(
        found, "a.crl", [each.certificate for each in issuers], how.get("now", NOW), how.get("last", {})
    )


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_fresh_one_of_an_issuer_of_ours_is_read(
    oslo: Authority, bergen: Authority, encoding: Encoding
) -> None:
    made = oslo.crl([SERIAL, 7], reason="keyCompromise", number=42)
    (parsed,) = crl.parse(made.public_bytes(encoding), "a.crl")
    found = check(parsed, bergen, oslo)
    assert found.issuer == oslo.certificate
    assert (found.number, found.issuer_key) == (42, key_id(oslo.key.public_key()))
    assert found.revoked == (Revoked(SERIAL, "keyCompromise"), Revoked(7, "keyCompromise"))


def test_several_stand_in_one_file(oslo: Authority, bergen: Authority) -> None:
    both = b"".join(each.crl([SERIAL]).public_bytes(Encoding.PEM) for each in (oslo, bergen))
    found = [check(each, bergen, oslo).issuer for each in crl.parse(b"# ours\n" + both, "a.crl")]
    assert found == [oslo.certificate, bergen.certificate]


def test_an_entry_without_a_reason_and_an_empty_one_are_fine(oslo: Authority) -> None:
    assert check(oslo.crl([SERIAL]), oslo).revoked == (Revoked(SERIAL, "unspecified"),)
    assert check(oslo.crl([]), oslo).revoked == ()


def test_two_issuers_of_one_name_are_told_by_their_keys(oslo: Authority) -> None:
    twin = make_authority("coldchain oslo")
    assert check(twin.crl([SERIAL]), oslo, twin).issuer == twin.certificate


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.1"), b"\x05\x00")
POINT: dict[str, Any] = {
    "full_name": [x509.UniformResourceIdentifier("http://example.com/a.crl")],
    "relative_name": None,
    "only_contains_user_certs": False,
    "only_contains_ca_certs": False,
    "only_some_reasons": None,
    "only_contains_attribute_certs": False,
}


def test_where_it_is_distributed_does_not_matter(oslo: Authority) -> None:
    extension = x509.IssuingDistributionPoint(**POINT, indirect_crl=False)
    assert check(oslo.crl([SERIAL], extra=[extension]), oslo).revoked


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"ends": -0.5}, "expired"),
        ({"issued": 1}, "is it set back?"),
        ({"extra": [x509.DeltaCRLIndicator(3)]}, "a delta CRL"),
        ({"extra": [x509.IssuingDistributionPoint(**POINT, indirect_crl=True)]}, "an indirect CRL"),
        (
            {"extra": [UNKNOWN]},
            "unknown",
        ),
        ({"issuer": x509.Name([])}, "no issuer of this fleet"),
        ({"key": make_authority("coldchain oslo").key}, "forged, or damaged"),
    ],
    ids=["expired", "future", "delta", "indirect", "critical", "foreign", "forged"],
)
def test_what_must_not_be_acted_on_is_refused(oslo: Authority, how: dict[str, Any], told: str) -> None:
    with pytest.raises(CrlError, match=told) as caught:
        check(oslo.crl([SERIAL], **how), oslo)
    assert len(caught.value.faults) == 1


def test_every_fault_is_told_at_once(oslo: Authority, bergen: Authority) -> None:
    with pytest.raises(CrlError) as caught:
        check(oslo.crl(ends=-0.5, extra=[x509.DeltaCRLIndicator(3)]), bergen)
    assert len(caught.value.faults) == 3


def test_a_weak_signature_proves_nothing() -> None:
    key = rsa.generate_private_key(65537, 2048)
    made = make_authority("coldchain rsa")
    weak = Authority(made.certificate, made.key)
    issuer = (
        x509.CertificateBuilder()
        .subject_name(weak.certificate.subject)
        .issuer_name(weak.certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    strong = weak.crl([SERIAL], key=key)
    assert crl.check(strong, "a.crl", [issuer], NOW, {}).revoked
    # No library signs with SHA-1 any more: the algorithm's name is exchanged, so that only it is looked at.
    assert crl.weak("sha1")
    assert crl.weak("md5")
    assert not crl.weak("sha256")


def test_an_issuer_that_may_not_sign_crls_is_refused() -> None:
    authority = make_authority("coldchain oslo", crl_sign=False)
    with pytest.raises(CrlError, match="cRLSign"):
        check(authority.crl([SERIAL]), authority)


def test_an_older_one_than_before_is_refused(oslo: Authority) -> None:
    key = key_id(oslo.key.public_key())
    last = {key: LastSeen(5, NOW - timedelta(days=1))}
    assert check(oslo.crl(number=5), oslo, last=last).number == 5
    with pytest.raises(CrlError, match="number 4, and number 5 was acted on"):
        check(oslo.crl(number=4), oslo, last=last)
    with pytest.raises(CrlError, match="is older than the one"):
        check(oslo.crl(number=6, issued=-2), oslo, last=last)
    assert check(oslo.crl(number=None), oslo).number == -1


def test_the_numbers_of_each_part_of_a_split_list_rise(oslo: Authority) -> None:
    parts = [
        x509.IssuingDistributionPoint(
            **{**POINT, "full_name": [x509.UniformResourceIdentifier(f"u:{part}")]}, indirect_crl=False
        )
        for part in (1, 2)
    ]
    first = check(oslo.crl(number=5, extra=[parts[0]]), oslo)
    last = {first.scope: LastSeen(first.number, first.this_update)}
    assert check(oslo.crl(number=3, extra=[parts[1]]), oslo, last=last).number == 3
    with pytest.raises(CrlError, match="number 3, and number 5"):
        check(oslo.crl(number=3, extra=[parts[0]]), oslo, last=last)


def test_clocks_may_be_a_little_apart(oslo: Authority) -> None:
    assert check(oslo.crl(issued=0), oslo, now=NOW - timedelta(minutes=4))
    with pytest.raises(CrlError, match="set back"):
        check(oslo.crl(issued=0), oslo, now=NOW - timedelta(minutes=6))


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----", b"-----BEGIN X509 CRL-----\n"],
)
def test_what_is_no_crl_is_told(data: bytes) -> None:
    with pytest.raises(CrlError, match=r"a\.crl: .*a CRL, PEM or DER, would be right"):
        crl.parse(data, "a.crl")


OSLO = make_authority("coldchain oslo")
DER = OSLO.crl([SERIAL, 9], reason="superseded", extra=[x509.DeltaCRLIndicator(3)]).public_bytes(Encoding.DER)


@settings(max_examples=400)
@given(st.integers(0, len(DER) - 1), st.integers(0, 255), st.integers(0, len(DER)))
def test_no_damaged_crl_is_acted_on(place: int, byte: int, end: int) -> None:
    data = bytearray(DER)
    data[place] = byte
    for damaged in (bytes(data), DER[:end]):
        with pytest.raises(CrlError, match=r"^a\.crl: "):
            acted_on(damaged)


def acted_on(data: bytes) -> list[crl.CheckedCrl]:
    return [check(each, OSLO) for each in crl.parse(data, "a.crl")]


GOOD = OSLO.crl([SERIAL, 9], reason="superseded").public_bytes(Encoding.DER)


@settings(max_examples=400)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_one_changed_byte_is_noticed_or_changes_nothing(place: int, change: int) -> None:
    # The signature's last bit may be declared padding where it is 0: other bytes, and the same list.
    data = bytearray(GOOD)
    data[place] ^= change
    try:
        found = acted_on(bytes(data))
    except CrlError as error:
        assert str(error).startswith("a.crl: ")  # noqa: PT017 - most changes end here
    else:
        (good,) = acted_on(GOOD)
        assert [replace(each, sha256=good.sha256) for each in found] == [good]


@given(st.binary(max_size=600))
def test_any_bytes_are_a_crl_or_an_error(data: bytes) -> None:
    with pytest.raises(CrlError):
        crl.parse(data, "a.crl")
