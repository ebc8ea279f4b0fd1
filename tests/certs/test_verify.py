"""Our path validation beside OpenSSL's, revocation lists, and the clouds' view of a chain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import issue, paths, preflight, profiles, revoked
from certs.errors import UnreadableError
from certs.keys import ALGORITHMS
from certs.preflight import Presented
from tests.certs import linting

NOW = datetime.now(UTC) + timedelta(hours=1)  # certificates are made later than this line is read


@pytest.fixture(scope="module")
def leaf(pki: Any) -> x509.Certificate:
    return issue.issue_leaf(pki.oslo_signer, pki.oslo, "unit-1", issue.new_key().public_key(), 9)


def _wrong(path: paths.Path, lists: Sequence[x509.CertificateRevocationList]) -> list[str]:
    return [fault.wrong for fault in revoked.faults(path, lists, NOW)]


CLIENT = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
SERVER = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
SIGNS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
NEVER = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
ISSUERS: dict[str, dict[str, Any]] = {
    "good": {"ca": True, "path_length": 0},
    "clients": {"ca": True, "extra": [CLIENT]},
    "no CA": {"ca": False},
    "old": {"ca": True, "begins": -9, "ends": -2},
    "servers": {"ca": True, "extra": [SERVER]},
    "signs": {"ca": True, "extra": [SIGNS]},
    "may not sign": {"ca": True, "extra": [NEVER]},
    "unknown": {"ca": True, "extra": [UNKNOWN]},
}
LEAVES: dict[str, dict[str, Any]] = {
    "good": {"ca": False},
    "early": {"ca": False, "begins": 2},
    "old": {"ca": False, "begins": -9, "ends": -2},
    "server": {"ca": False, "client": False, "extra": [SERVER]},
    "unknown": {"ca": False, "extra": [UNKNOWN]},
}


@pytest.mark.parametrize("end", LEAVES)
@pytest.mark.parametrize("upper", ISSUERS)
def test_openssl_agrees(forge: Any, tmp_path: Path, upper: str, end: str) -> None:
    """On every mixture of sound and unsound certificates: both accept it, or both refuse it.

    Not in its strict mode, which also wants key identifiers, that these certificates do without.
    """
    root = forge("root", ca=True, begins=-20)
    first = forge("first", root, **ISSUERS[upper])
    for lower in ISSUERS:
        second = forge("second", first, **ISSUERS[lower])
        leaf = forge("leaf", second, **LEAVES[end]).certificate
        between = [second.certificate, first.certificate]
        ours = list(paths.faults(paths.path_of(leaf, between, root.certificate), NOW))
        theirs = linting.openssl_findings(
            tmp_path, [leaf, *between], root.certificate, "sslclient", strict=False
        )
        assert bool(ours) == bool(theirs), (lower, ours, theirs)


def test_an_authority_for_any_purpose_is_for_clients_too(forge: Any) -> None:
    """RFC 5280 section 4.2.1.12; OpenSSL does not take it in an authority."""
    root = forge("root", ca=True)
    anything = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
    issuer = forge("issuer", root, ca=True, extra=[anything])
    leaf = forge("leaf", issuer, ca=False).certificate
    assert not list(paths.faults(paths.path_of(leaf, [issuer.certificate], root.certificate), NOW))


class Lists:
    """Revocation lists of an issuer, by the library's builder."""

    def __init__(self, signer: Any, issuer: x509.Certificate) -> None:
        self._key, self._issuer = signer._key, issuer

    def make(self, *serials: int, begins: float = -1, ends: float = 1, **point: Any) -> Any:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._issuer.subject)
            .last_update(NOW + timedelta(days=begins))
            .next_update(NOW + timedelta(days=ends))
        )
        for serial in serials:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW)
            entry = entry.add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
            builder = builder.add_revoked_certificate(entry.build())
        if point:
            builder = builder.add_extension(_point(**point), critical=True)
        return builder.sign(self._key, hashes.SHA256())


def _point(url: str = "", **flags: bool) -> x509.IssuingDistributionPoint:
    wanted = {
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    } | flags
    name = [x509.UniformResourceIdentifier(url)] if url else None
    return x509.IssuingDistributionPoint(full_name=name, relative_name=None, only_some_reasons=None, **wanted)


@pytest.fixture(scope="module")
def lists(pki: Any) -> Lists:
    return Lists(pki.oslo_signer, pki.oslo)


@pytest.fixture(scope="module")
def path(pki: Any, leaf: x509.Certificate) -> paths.Path:
    return paths.path_of(leaf, [pki.oslo], pki.chain.root)


def test_lists_that_cover_the_leaf(path: paths.Path, lists: Lists, leaf: x509.Certificate) -> None:
    assert _wrong(path, [lists.make()]) == []
    assert _wrong(path, [lists.make(only_contains_user_certs=True)]) == []
    (wrong,) = _wrong(path, [lists.make(5, leaf.serial_number)])
    assert wrong.startswith("revoked since ")
    assert wrong.endswith("(keyCompromise)")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ({"begins": -3, "ends": -1}, "is out of date"),
        ({"begins": 1, "ends": 2}, "which is to come"),
        ({"only_contains_ca_certs": True}, "not known whether it is revoked"),
        ({"indirect_crl": True}, "not known whether it is revoked"),
        ({"url": "http://crl.example/7"}, "not known whether it is revoked"),
    ],
)
def test_lists_that_say_nothing(path: paths.Path, lists: Lists, made: dict[str, Any], told: str) -> None:
    assert any(told in wrong for wrong in _wrong(path, [lists.make(**made)]))


def test_a_list_of_another_or_forged_says_nothing(pki: Any, path: paths.Path) -> None:
    bergen = Lists(pki.store.signer_for(pki.bergen), pki.bergen).make()
    forged = Lists(pki.store.signer_for(pki.bergen), pki.oslo).make()
    assert _wrong(path, [bergen]) == ["not known whether it is revoked"]
    assert "is not signed by its key" in _wrong(path, [forged])[0]


def test_a_revoked_intermediate(pki: Any, path: paths.Path, lists: Lists) -> None:
    roots = Lists(pki.store.signer_for(pki.chain.root), pki.chain.root).make(pki.oslo.serial_number)
    found = list(revoked.faults(path, [lists.make(), roots], NOW))
    assert [(fault.which, fault.wrong[:7]) for fault in found] == [("issuer", "revoked")]


def test_lists_are_read_as_pem_and_der(lists: Lists, tmp_path: Path) -> None:
    made = lists.make(7)
    for name, encoding in (("a.crl", serialization.Encoding.DER), ("a.pem", serialization.Encoding.PEM)):
        (tmp_path / name).write_bytes(made.public_bytes(encoding))
        assert revoked.load(tmp_path / name) == made
    (tmp_path / "junk").write_bytes(b"junk")
    with pytest.raises(UnreadableError, match="expected one certificate revocation list"):
        revoked.load(tmp_path / "junk")


@given(data=st.binary(max_size=300), pem=st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_bytes_as_a_list(data: bytes, pem: bool) -> None:
    text = b"-----BEGIN X509 CRL-----\n%b\n-----END X509 CRL-----\n" % data if pem else data
    with pytest.raises(UnreadableError):
        revoked.parse(text, "here")


def seen(service: str, sent: Sequence[x509.Certificate], *verified: x509.Certificate) -> preflight.View:
    return preflight.view(service, Presented(sent, verified))


def test_dps_follows_what_is_sent(pki: Any, leaf: x509.Certificate) -> None:
    root = pki.chain.root
    good = seen("dps", [leaf, pki.oslo], root)
    assert not good.faults
    assert "registration id: 'unit-1'" in good.matches[0]
    assert good.matches[2].startswith("then an enrollment group with 'CN=coldchain oslo")
    assert "proof of possession: 'CN=coldchain root" in good.needs[0]
    assert not seen("dps", [leaf, pki.oslo, root], root).faults
    assert not seen("dps", [leaf], pki.oslo).faults


@pytest.mark.parametrize("service", ["dps", "iot-hub"])
def test_a_leaf_without_its_issuer_leads_nowhere(pki: Any, leaf: x509.Certificate, service: str) -> None:
    for sent in ([leaf], [leaf, pki.bergen]):
        (fault,) = seen(service, sent, pki.chain.root).faults
        assert "breaks off before 'CN=coldchain oslo,O=coldchain'" in fault.wrong
        assert ("401002" in fault.wrong) is (service == "dps")


def test_another_fleets_root_is_not_the_verified_one(pki: Any, leaf: x509.Certificate, forge: Any) -> None:
    other = forge("coldchain root", ca=True).certificate
    assert seen("dps", [leaf, pki.oslo], other).faults


def test_iot_hub_and_aws_match_on_the_certificate_too(pki: Any, leaf: x509.Certificate) -> None:
    hub = seen("iot-hub", [leaf, pki.oslo], pki.chain.root)
    assert leaf.fingerprint(hashes.SHA1()).hex().upper() in hub.matches[2]  # noqa: S303  as the hub names it
    aws = seen("aws-iot", [leaf], pki.oslo)
    assert leaf.fingerprint(hashes.SHA256()).hex() in aws.matches[0]
    assert (hub.faults, aws.faults) == ([], [])
    assert "its own issuer registered: 'CN=coldchain oslo" in aws.needs[1]
    assert [fault.wrong for fault in seen("aws-iot", [leaf], pki.chain.root).faults] == [
        "its issuer is not at hand"
    ]


@pytest.mark.parametrize("service", preflight.SERVICES)
def test_keys_and_names_that_a_service_would_refuse(pki: Any, service: str) -> None:
    key = ALGORITHMS["ed25519"].generate().public_key()
    odd = issue.issue_leaf(pki.oslo_signer, pki.oslo, "a.b", key, 9)
    wrong = [fault.wrong for fault in seen(service, [odd, pki.oslo], pki.chain.root).faults]
    assert any("a key of kind Ed25519" in each for each in wrong)
    assert any("no dot" in each for each in wrong) is (service == "aws-iot")


def test_a_self_signed_certificate_ends_its_own_path(forge: Any) -> None:
    alone = forge("unit-1", ca=False).certificate
    assert seen("dps", [alone, alone], forge("root", ca=True).certificate).faults
    assert not seen("dps", [alone], alone).faults


def test_profiles_are_told_apart(pki: Any, leaf: x509.Certificate) -> None:
    path = paths.path_of(leaf, [pki.oslo], pki.chain.root)
    assert not list(paths.faults(path, NOW, profiles.CLAIM))
    wrong = [fault.wrong for fault in paths.faults(path, NOW, profiles.SERVER)]
    assert wrong == ["may not issue TLS servers", "not meant for TLS servers", "names no host"]
    assert "no CA certificate" in [fault.wrong for fault in paths.faults(path, NOW, profiles.GATEWAY)]
