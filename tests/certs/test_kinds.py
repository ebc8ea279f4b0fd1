"""Every kind of certificate with every kind of key: clean in pkilint, strict OpenSSL and our validation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pytest
from cryptography import x509

from certs import assemble, intermediates, issue, names, paths, possession, profiles
from certs.intermediates import Choices, Wanted
from certs.issue import Terms
from certs.keys import ALGORITHMS, algorithm_of
from certs.profiles import PROFILES, Profile
from certs.signers.file import FileSigner
from tests.certs import linting

UNKNOWN_TO_OPENSSL_3_0 = {"ml-dsa-44", "ml-dsa-65"}
"""OpenSSL has ML-DSA from 3.5 on; these are verified by `cryptography` alone."""

UNREAD = {name: ["NOTICE pkix.unsupported_algorithm: None"] for name in UNKNOWN_TO_OPENSSL_3_0}
"""pkilint judges their form, but cannot verify a signature of this kind, and says so."""

PURPOSES = {"device": "sslclient", "claim": "sslclient", "possession": "sslclient", "server": "sslserver"}
ENDS = ["device", "claim", "possession", "server", "gateway"]


@dataclass(frozen=True)
class Made:
    """An authority in memory with keys of one kind, and one certificate of each kind under it."""

    root: x509.Certificate
    issuers: dict[str, x509.Certificate]
    ends: dict[str, x509.Certificate]
    cross: x509.Certificate

    def issuer_of(self, end: str) -> x509.Certificate:
        return self.issuers["server-issuer" if end in {"server", "gateway"} else "issuer"]


@lru_cache
def made(algorithm: str) -> Made:
    kind = ALGORITHMS[algorithm]
    top, middle, end = (FileSigner(kind.generate()) for _ in range(3))
    root = assemble.self_signed(intermediates.root_order("cold", "root", top.public_key(), 99), top)
    wanted = intermediates.wanted(["oslo"], Choices(servers={"edge": ["plant.example"]}))
    issuers = {
        each.profile.name: assemble.issued(each.order("cold", middle.public_key(), 50), top, root)
        for each in wanted
    }
    ends = {"possession": possession.prove(middle, issuers["issuer"], "0123ABCD")}
    for profile in profiles.ISSUED.values():
        issuer = issuers["server-issuer" if profiles.SERVER_AUTH in profile.extended_key_usage else "issuer"]
        hosts = names.hosts(["gw.plant.example"] if profile.hosts else [])
        terms = Terms(profile, hosts)
        ends[profile.name] = issue.issue_leaf(middle, issuer, "unit-1", end.public_key(), 9, terms)
    order = assemble.Order(profiles.CROSS, root.subject, middle.public_key(), 9)
    return Made(root, issuers, ends, assemble.issued(order, top, root))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_pkilint_has_nothing_to_say(algorithm: str) -> None:
    there = made(algorithm)
    chains = [(there.root, each) for each in [*there.issuers.values(), there.cross]]
    chains += [(there.issuer_of(end), there.ends[end]) for end in ENDS]
    for certificate in [there.root, *(each for _, each in chains)]:
        assert linting.findings(certificate) == []
    for issuer, certificate in chains:
        assert linting.chain_findings(issuer, certificate) == UNREAD.get(algorithm, [])


def test_pkilint_would_speak(forge: object) -> None:
    bad = forge("bad", ca=True, extra=[x509.SubjectKeyIdentifier(b"")]).certificate  # type: ignore[operator]
    assert any("skid" in each or "authority_key" in each for each in linting.findings(bad))


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS.keys() - UNKNOWN_TO_OPENSSL_3_0))
@pytest.mark.parametrize("end", ENDS)
def test_openssl_verifies_strictly(algorithm: str, end: str, tmp_path: Path) -> None:
    there = made(algorithm)
    path = [there.ends[end], there.issuer_of(end)]
    assert linting.openssl_findings(tmp_path, path, there.root, PURPOSES.get(end, "")) == ""


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("end", ENDS)
def test_our_validation_finds_them_good(algorithm: str, end: str) -> None:
    there = made(algorithm)
    path = paths.path_of(there.ends[end], [there.issuer_of(end)], there.root)
    assert list(paths.faults(path, datetime.now(UTC), PROFILES[end])) == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_stands_in_them_is_the_profiles(algorithm: str) -> None:
    there = made(algorithm)
    for name, certificate in {
        **there.issuers,
        **there.ends,
        "root": there.root,
        "cross": there.cross,
    }.items():
        for value, critical in PROFILES[name].extensions(ALGORITHMS[algorithm]):
            found = certificate.extensions.get_extension_for_class(type(value))
            assert (found.value, found.critical) == (value, critical)
        assert algorithm_of(certificate.public_key()).name == algorithm or name == "possession"


def test_only_rsa_keys_encipher() -> None:
    def usage(profile: Profile, algorithm: str) -> x509.KeyUsage:
        (found,) = (
            each for each, _ in profile.extensions(ALGORITHMS[algorithm]) if isinstance(each, x509.KeyUsage)
        )
        return found

    assert usage(profiles.SERVER, "rsa-2048").key_encipherment
    for name in ALGORITHMS.keys() - {"rsa-2048", "rsa-3072"}:
        assert not any(usage(profile, name).key_encipherment for profile in PROFILES.values())
    assert not any(usage(profiles.DEVICE, name).key_encipherment for name in ALGORITHMS)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_reference_depends_on_its_arguments_alone(algorithm: str) -> None:
    there = made(algorithm)
    issuer = there.issuers["issuer"]
    order = issue.order(issuer, "unit-2", there.ends["device"].public_key(), 9)  # type: ignore[arg-type]  # one of ours
    valid = assemble.life(order, issuer, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))
    first, second = (
        assemble.reference(order, issuer.public_key(), issuer, 77, valid).tbs_certificate_bytes  # type: ignore[arg-type]  # as above
        for _ in range(2)
    )
    other = assemble.reference(order, issuer.public_key(), issuer, 78, valid).tbs_certificate_bytes  # type: ignore[arg-type]  # as above
    assert first == second != other


def test_a_server_issuer_without_domains_and_an_unconfined_issuer_are_clean() -> None:
    key = FileSigner(ALGORITHMS["ec-p256"].generate())
    top = FileSigner(ALGORITHMS["ec-p256"].generate())
    root = assemble.self_signed(intermediates.root_order("cold", "root", top.public_key(), 99), top)
    for wanted in (Wanted("edge", profiles.SERVER_ISSUER), Wanted("oslo", profiles.ISSUER, confined=False)):
        certificate = assemble.issued(wanted.order("cold", key.public_key(), 9), top, root)
        assert linting.findings(certificate) == []
        with pytest.raises(x509.ExtensionNotFound):
            certificate.extensions.get_extension_for_class(x509.NameConstraints)
