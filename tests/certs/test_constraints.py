"""Name constraints: what an issuer may certify; OpenSSL is asked to agree."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import assemble, constraints, issue, names, paths, profiles
from certs.errors import IssueError
from certs.issue import Terms
from tests.certs import linting


def _subject(organization: str, common_name: str = "unit-1") -> x509.Name:
    kinds = ((NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in kinds if value])


def _wrong(subject: x509.Name, hosts: list[str], limits: x509.NameConstraints) -> list[str]:
    return [each.wrong for each in constraints.faults(subject, names.hosts(hosts), limits, "leaf", "issuer")]


@pytest.mark.parametrize(
    ("organization", "hosts", "count"),
    [
        ("coldchain", [], 0),
        ("ColdChain", [], 0),
        ("cold chain", [], 1),
        ("other", [], 1),
        ("", [], 1),
        ("coldchain", ["a.example"], 1),
        ("coldchain", ["192.0.2.1", "2001:db8::1"], 2),
    ],
)
def test_an_issuer_of_devices_certifies_its_fleet_alone(
    organization: str, hosts: list[str], count: int
) -> None:
    assert len(_wrong(_subject(organization), hosts, constraints.of_fleet("coldchain"))) == count


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("plant.example", True),
        ("gw.plant.example", True),
        ("GW.Plant.Example", True),
        ("badplant.example", False),
        ("example", False),
        ("192.0.2.1", False),
    ],
)
def test_an_issuer_of_servers_certifies_its_domains_alone(host: str, good: bool) -> None:
    assert bool(_wrong(_subject("x"), [host], constraints.of_domains(["plant.example"]))) is not good


def test_a_form_that_cannot_be_judged_is_refused() -> None:
    limits = x509.NameConstraints([x509.RFC822Name("example.com")], None)
    found = constraints.faults(_subject("x"), [x509.RFC822Name("a@example.com")], limits, "leaf", "issuer")
    assert ["cannot be judged here" in each.wrong for each in found] == [True]


def test_networks_count_and_an_empty_subject_is_no_name() -> None:
    limits = constraints.of_fleet("coldchain")
    assert _wrong(x509.Name([]), [], limits) == []
    assert "is excluded by issuer" in _wrong(_subject("coldchain"), ["127.0.0.1"], limits)[0]


def test_a_confined_issuer_issues_nothing_else(pki: Any) -> None:
    key = issue.new_key().public_key()
    order = assemble.Order(profiles.DEVICE, _subject("other"), key, 9)
    with pytest.raises(IssueError, match="'CN=unit-1,O=other' is outside of what is permitted to issuer"):
        assemble.issued(order, pki.oslo_signer, pki.oslo)
    terms = Terms(profiles.SERVER, names.hosts(["gw.plant.example"]))
    with pytest.raises(IssueError, match=r"may not issue TLS servers(.|\n)*is excluded by issuer"):
        issue.issue_leaf(pki.oslo_signer, pki.oslo, "gw", key, 9, terms)


def test_what_a_thief_makes_with_an_issuers_key_is_refused(pki: Any, tmp_path: Path) -> None:
    """By our validation and by OpenSSL alike; only a device of this fleet passes."""
    thief = pki.oslo_signer._key
    for organization, hosts, good in (
        ("coldchain", [], True),
        ("other", [], False),
        ("coldchain", ["a.b"], False),
    ):
        leaf = _forged_leaf(thief, pki.oslo, _subject(organization), names.hosts(hosts))
        path = paths.path_of(leaf, [pki.oslo], pki.chain.root)
        assert (not list(paths.faults(path, datetime.now(UTC)))) is good
        told = linting.openssl_findings(tmp_path / "openssl", [leaf, pki.oslo], pki.chain.root, "sslclient")
        assert (told == "") is good, told


def _forged_leaf(
    key: Any, issuer: x509.Certificate, subject: x509.Name, hosts: tuple[x509.GeneralName, ...]
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject)
        .public_key(issue.new_key().public_key())
        .serial_number(77)
        .not_valid_before(issuer.not_valid_before_utc)
        .not_valid_after(issuer.not_valid_after_utc)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(issue.new_key().public_key()), critical=False
        )
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    return builder.sign(key, hashes.SHA256())


@given(
    organization=st.sampled_from(["fleet", "fleets", "FLEET", "fl eet", ""]),
    host=st.none() | st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,2}", fullmatch=True),
)
@settings(max_examples=60, deadline=None)
def test_a_fleet_without_hosts_is_all_that_passes(organization: str, host: str | None) -> None:
    wrong = _wrong(_subject(organization), [host] if host else [], constraints.of_fleet("fleet"))
    assert (not wrong) is (organization.casefold() == "fleet" and host is None)
