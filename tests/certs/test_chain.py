"""Chains: every fault told, all at once, with what would be right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs import chain, issue
from certs.chain import ChainError, ChainFault, load_chain, pem, verify_leaf
from certs.signers import Signer


@pytest.fixture(scope="module")
def leaf(pki: Any, oslo_signer: Signer) -> x509.Certificate:
    return issue.issue_leaf(oslo_signer, pki.oslo, "reefer-1", issue.new_key().public_key())


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, *certificates: x509.Certificate) -> Path:
        path = tmp_path / f"{name}.pem"
        path.write_text("".join(pem(certificate) for certificate in certificates))
        return path

    return write


def faults_of(call: Callable[..., object], *arguments: Any, **keywords: Any) -> list[tuple[str, str]]:
    with pytest.raises(ChainError) as caught:
        call(*arguments, **keywords)
    assert str(caught.value) == "\n".join(str(fault) for fault in caught.value.faults)
    return [(fault.which, fault.wrong) for fault in caught.value.faults]


def test_a_good_chain_loads(pki: Any) -> None:
    issuers = {name: pki.directory / f"{name}.pem" for name in ("oslo", "bergen")}
    assert load_chain(pki.directory / "root.pem", issuers) == pki.chain


def test_all_faults_of_all_certificates_at_once(pki: Any, forge: Any, save: Any, tmp_path: Path) -> None:
    root = forge("root", ca=True, path_length=0)
    rogue = forge("root", ca=True)
    issuers = {
        "plain": save("plain", forge("plain", root, ca=False).certificate),
        "old": save("old", forge("old", root, ca=True, begins=-9, ends=-2).certificate),
        "early": save("early", forge("early", root, ca=True, begins=3).certificate),
        "stranger": save("stranger", pki.oslo),
        "forged": save("forged", forge("forged", rogue, ca=True).certificate),
        "missing": tmp_path / "missing.pem",
        "junk": tmp_path / "junk.pem",
        "two": save("two", pki.oslo, pki.bergen),
        "twin": save("twin", pki.oslo),
    }
    issuers["junk"].write_text("hello")
    told = faults_of(load_chain, save("root", root.certificate), issuers)
    wrong = {which: [text for name, text in told if name == which] for which in issuers}
    assert wrong["plain"][0] == "no CA certificate"
    assert wrong["old"][0].startswith("expired on ")
    assert wrong["early"][0].startswith("not valid before ")
    assert wrong["stranger"] == ["not issued by root: its issuer is 'CN=coldchain root,O=coldchain'"]
    assert wrong["forged"] == ["not signed by the key of root (same name, other key)"]
    assert "No such file" in wrong["missing"][0]
    assert "malformed" in wrong["junk"][0]
    assert wrong["two"] == [f"{issuers['two']}: holds 2 certificates"]
    assert wrong["twin"][-1] == "the same certificate as stranger"
    assert not [text for name, text in told if name == "root"]


def test_a_root_that_did_not_sign_itself(pki: Any, save: Any) -> None:
    told = faults_of(load_chain, save("root", pki.oslo), {})
    assert told[-1][1].startswith("not issued by itself")


def test_an_issuer_named_root_is_refused(pki: Any) -> None:
    path = pki.directory / "root.pem"
    assert faults_of(load_chain, path, {"root": path}) == [("root", "an issuer has this name")]


def test_the_moment_counts(pki: Any) -> None:
    later = datetime.now(UTC) + timedelta(days=10_000)
    issuers = {"oslo": pki.directory / "oslo.pem"}
    told = faults_of(load_chain, pki.directory / "root.pem", issuers, at=later)
    assert [which for which, wrong in told if wrong.startswith("expired")] == ["root", "oslo"]


def test_a_good_leaf(pki: Any, leaf: x509.Certificate) -> None:
    verify_leaf(leaf, [pki.oslo], pki.chain.root)


def test_a_leaf_directly_under_the_root_and_one_under_two_issuers(forge: Any) -> None:
    root = forge("root", ca=True)
    verify_leaf(forge("a", root, ca=False).certificate, [], root.certificate)
    upper = forge("upper", root, ca=True, path_length=1)
    lower = forge("lower", upper, ca=True)
    path = [lower.certificate, upper.certificate]
    verify_leaf(forge("b", lower, ca=False).certificate, path, root.certificate)


def test_a_leaf_of_another_factory_or_fleet(pki: Any, leaf: x509.Certificate, forge: Any) -> None:
    assert faults_of(verify_leaf, leaf, [pki.bergen], pki.chain.root)[0][1].startswith("not issued by issuer")
    other = forge("coldchain root", ca=True).certificate
    assert faults_of(verify_leaf, leaf, [pki.oslo], other)[0][0] == "issuer"


def test_all_faults_of_a_leaf_at_once(forge: Any) -> None:
    root = forge("root", ca=True)
    issuer = forge("issuer", root, ca=True, ends=-1, begins=-5)
    leaf = forge("", issuer, ca=True, begins=2)
    told = [
        wrong for _, wrong in faults_of(verify_leaf, leaf.certificate, [issuer.certificate], root.certificate)
    ]
    assert told[0].startswith("expired")
    assert told[1:4] == ["a CA certificate", "not meant for TLS clients", "no common name"]
    assert told[4].startswith("not valid before")


def test_path_length_and_purpose_bind(forge: Any) -> None:
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    root = forge("root", ca=True)
    upper = forge("upper", root, ca=True, path_length=0)
    lower = forge("lower", upper, ca=True, extra=[server])
    leaf = forge("leaf", lower, ca=False).certificate
    told = faults_of(verify_leaf, leaf, [lower.certificate, upper.certificate], root.certificate)
    assert told == [
        ("issuer 2", "allows 0 authorities below it, not 1"),
        ("issuer 1", "may not issue TLS clients"),
    ]


def test_a_critical_extension_that_nobody_knows_forbids_to_use_it(forge: Any) -> None:
    root = forge("root", ca=True)
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    leaf = forge("leaf", root, ca=False, extra=[unknown]).certificate
    told = faults_of(verify_leaf, leaf, [], root.certificate)
    assert told == [("leaf", "has a critical extension 1.3.6.1.4.1.99999.1 that is not known")]


def test_the_librarys_validation_has_the_last_word(forge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = forge("root", ca=True)
    old = forge("leaf", root, ca=False, begins=-9, ends=-2).certificate
    monkeypatch.setattr("certs.paths._own", lambda *_: ())  # as if ours had overlooked it
    told = faults_of(verify_leaf, old, [], root.certificate)
    assert told[0][1].startswith("path validation failed")


def test_other_curves_of_other_authorities_verify(forge: Any) -> None:
    root = forge("root", ca=True, curve=ec.SECP384R1())
    verify_leaf(forge("leaf", root, ca=False).certificate, [], root.certificate)


def test_fault_reads_as_a_sentence() -> None:
    assert str(ChainFault("oslo", "no CA certificate", "use one")) == "oslo: no CA certificate; use one"


def test_pem_round_trip(pki: Any) -> None:
    assert chain.parse_certificates(pem(pki.oslo).encode(), "text") == [pki.oslo]
