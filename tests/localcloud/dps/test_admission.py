"""Which enrollment a device belongs to, by each attestation; and who is turned away, for which reason."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from localcloud.azure.dps.admission import Presented
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document
from localcloud.azure.dps.matching import Refused
from localcloud.azure.dps.records import Match

from .conftest import SCOPE, Fleet, token
from .software_tpm import Key

NAME = "pump-1"
SYMMETRIC: Document = {"type": "symmetricKey"}


def own(*holders: Any) -> Document:
    slots = zip(("primary", "secondary"), holders, strict=False)
    return {
        "type": "x509",
        "x509": {"clientCertificates": {it: {"certificate": h.pem} for it, h in slots}},
    }


def signing(*holders: Any) -> Document:
    slots = zip(("primary", "secondary"), holders, strict=False)
    return {
        "type": "x509",
        "x509": {"signingCertificates": {it: {"certificate": h.pem} for it, h in slots}},
    }


def reference(*names: str) -> Document:
    return {
        "type": "x509",
        "x509": {"caReferences": dict(zip(("primary", "secondary"), names, strict=False))},
    }


def _admit(fleet: Fleet, name: str = NAME, **presented: Any) -> Match:
    return fleet.registry.admit(name, Presented(SCOPE, **presented))


def _derived(key: str, name: str) -> str:
    digest = hmac.new(base64.b64decode(key), name.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def test_a_certificate_of_its_own_primary_or_secondary(fleet: Fleet) -> None:
    pki = fleet.world.pki
    first, second = pki.leaf(NAME, None), pki.leaf(NAME.upper(), fleet.world.factory)
    fleet.individual(NAME, own(first, second))
    for holder in (first, second):
        match = _admit(fleet, chain=[holder.certificate])
        assert (match.is_group, match.enrollment_id) == (False, NAME)
        known = match.authentication["x509Thumbprint"]
        assert set(known) == {"primaryThumbprint", "secondaryThumbprint"}, "both may come to the hub"


def test_an_authority_by_reference_for_one_device_and_for_a_group(fleet: Fleet) -> None:
    world = fleet.world
    fleet.group("line", reference("ROOT"))
    assert _admit(fleet, chain=world.chain(NAME)).enrollment_id == "line"
    fleet.individual(NAME, reference("root"))
    assert not _admit(fleet, chain=world.chain(NAME)).is_group
    world.verify("fleet", "root", world.root, is_verified=False)
    for name in (NAME, "pump-2"):
        with pytest.raises(Refused, match="unknown-authority"):
            _admit(fleet, name, chain=world.chain(name))


def test_either_of_a_groups_signing_certificates(fleet: Fleet) -> None:
    world = fleet.world
    newer = world.pki.authority("factory 2", world.root)
    fleet.group("line", signing(world.factory, newer))
    for issuer in (world.factory, newer):
        assert _admit(fleet, chain=world.chain(NAME, issuer)).enrollment_id == "line"


@pytest.mark.parametrize("slot", ["primaryKey", "secondaryKey"])
def test_symmetric_keys_of_one_device_and_derived_ones(fleet: Fleet, slot: str) -> None:
    fleet.individual(NAME, SYMMETRIC)
    fleet.group("line", SYMMETRIC)
    key = fleet.keys(INDIVIDUAL, NAME)[slot]
    match = _admit(fleet, token=token(key, NAME))
    assert match.authentication == {"type": "sas", "symmetricKey": fleet.keys(INDIVIDUAL, NAME)}
    derived = _derived(fleet.keys(GROUP, "line")[slot], "pump-2")
    match = _admit(fleet, "pump-2", token=token(derived, "pump-2"))
    assert (match.enrollment_id, match.is_group) == ("line", True)
    assert derived in match.authentication["symmetricKey"].values()
    assert derived not in repr(match)


def test_an_individual_enrollment_decides_before_every_group(fleet: Fleet) -> None:
    world = fleet.world
    fleet.group("line", signing(world.factory))
    chain = world.chain(NAME)
    assert _admit(fleet, chain=chain).is_group
    fleet.individual(NAME, own(world.pki.leaf(NAME, None)))
    with pytest.raises(Refused, match="thumbprint-mismatch"):
        _admit(fleet, chain=chain)
    fleet.individual(NAME, reference("root"), provisioningStatus="disabled")
    match = _admit(fleet, chain=chain)
    with pytest.raises(Refused, match=r"disabled: individual enrollment pump-1 is disabled"):
        fleet.registry.begin(match)
    fleet.registry.enrollments.delete(INDIVIDUAL, "fleet", NAME)
    assert fleet.registry.begin(_admit(fleet, chain=chain)).status == "assigned"


def test_a_groups_records_outlive_the_group_and_a_blocking_enrollment(fleet: Fleet) -> None:
    world = fleet.world
    fleet.group("line", signing(world.factory))
    fleet.registry.begin(_admit(fleet, chain=world.chain(NAME)))
    fleet.individual(NAME, reference("root"), provisioningStatus="disabled")
    fleet.registry.enrollments.delete(INDIVIDUAL, "fleet", NAME)
    fleet.registry.enrollments.delete(GROUP, "fleet", "line")
    assert [it["registrationId"] for it in fleet.registry.list_registrations("fleet", "line")] == [NAME]


def test_an_individual_enrollment_takes_its_record_along(fleet: Fleet) -> None:
    fleet.registry.begin(_symmetric(fleet)())
    assert fleet.registry.registration("fleet", NAME)["status"] == "assigned"
    fleet.registry.enrollments.delete(INDIVIDUAL, "fleet", NAME)
    with pytest.raises(DpsError, match=r"Registration .* not found"):
        fleet.registry.registration("fleet", NAME)


def _symmetric(fleet: Fleet, **how: Any) -> Callable[[], Match]:
    fleet.individual(NAME, SYMMETRIC)
    key = fleet.keys(INDIVIDUAL, NAME)["primaryKey"]
    return lambda: _admit(fleet, token=token(key, how.pop("name", NAME), **how))


def _certified(fleet: Fleet, holder: Any, **presented: Any) -> Callable[[], Match]:
    fleet.individual(NAME, own(holder))
    return lambda: _admit(fleet, **presented)


def _tpm(fleet: Fleet, **presented: Any) -> Callable[[], Match]:
    text = Key(ec.generate_private_key(ec.SECP256R1())).text
    fleet.individual(NAME, {"type": "tpm", "tpm": {"endorsementKey": text}})
    return lambda: _admit(fleet, **presented)


def _group_key(fleet: Fleet, name: str) -> Callable[[], Match]:
    fleet.group("line", SYMMETRIC)
    key = fleet.keys(GROUP, "line")["primaryKey"]
    return lambda: _admit(fleet, name, token=token(key, name))


REFUSED: list[tuple[str, str, Callable[[Fleet, Any], Callable[[], Match]]]] = [
    ("no token", "no-credential", lambda f, _: (_symmetric(f), lambda: _admit(f))[1]),
    (
        "a certificate for a key",
        "attestation-mismatch",
        lambda f, leaf: (_symmetric(f), lambda: _admit(f, chain=[leaf.certificate]))[1],
    ),
    ("another's token", "token-for-another", lambda f, _: _symmetric(f, name="pump-2")),
    ("another scope", "token-for-another", lambda f, _: _symmetric(f, scope="0ne00000002")),
    ("an expired token", "token-expired", lambda f, _: _symmetric(f, seconds=-5)),
    ("another policy", "malformed-token", lambda f, _: _symmetric(f, policy="service")),
    ("no token at all", "malformed-token", lambda f, _: (_symmetric(f), lambda: _admit(f, token="x"))[1]),
    (
        "another key",
        "bad-signature",
        lambda f, _: (
            _symmetric(f),
            lambda: _admit(f, token=token(base64.b64encode(b"k" * 32).decode(), NAME)),
        )[1],
    ),
    ("the group's key itself", "bad-signature", lambda f, _: _group_key(f, "pump-2")),
    ("no enrollment for a token", "not-enrolled", lambda f, _: lambda: _admit(f, token=token("aGk=", NAME))),
    ("no enrollment for a TPM", "not-enrolled", lambda f, _: lambda: _admit(f, tpm=("e", "s"))),
    ("no certificate", "no-certificate", lambda f, leaf: _certified(f, leaf)),
    (
        "a token for a certificate",
        "attestation-mismatch",
        lambda f, leaf: _certified(f, leaf, token=token("aGk=", NAME)),
    ),
    (
        "another certificate",
        "thumbprint-mismatch",
        lambda f, leaf: _certified(f, leaf, chain=f.world.chain(NAME)),
    ),
    ("a TPM over MQTT", "tpm-not-over-mqtt", lambda f, _: _tpm(f)),
    ("nothing of a TPM", "attestation-mismatch", lambda f, _: _tpm(f, over_https=True)),
    ("another TPM", "endorsement-key-mismatch", lambda f, _: _tpm(f, over_https=True, tpm=("e", "s"))),
    (
        "a TPM's token before a challenge",
        "no-challenge",
        lambda f, _: _tpm(f, over_https=True, token=token("aGk=", NAME)),
    ),
    ("a wrong id scope", "wrong-id-scope", lambda f, _: lambda: f.registry.admit(NAME, Presented("0ne9"))),
    ("a bad id", "malformed-registration-id", lambda f, _: lambda: _admit(f, "-pump")),
]


@pytest.mark.parametrize(("title", "reason", "attempt"), REFUSED, ids=[it[0] for it in REFUSED])
def test_refused(fleet: Fleet, title: str, reason: str, attempt: Callable[..., Callable[[], Match]]) -> None:
    again = attempt(fleet, fleet.world.pki.leaf(NAME, None))
    with pytest.raises(Refused) as refused:
        again()
    assert refused.value.reason == reason, title


@pytest.mark.parametrize(("days", "reason"), [(31, "expired"), (0, None)])
def test_time_is_the_clocks(fleet: Fleet, days: int, reason: str | None) -> None:
    leaf = fleet.world.pki.leaf(NAME, None)
    fleet.individual(NAME, own(leaf))
    fleet.clock.advance(days * 86400)
    if reason is None:
        assert _admit(fleet, chain=[leaf.certificate]).enrollment_id == NAME
        return
    with pytest.raises(Refused, match=reason):
        _admit(fleet, chain=[leaf.certificate])


def test_a_token_ends_by_the_clock(fleet: Fleet) -> None:
    attempt = _symmetric(fleet)
    assert attempt().attestation == "symmetricKey"
    fleet.clock.advance(601)
    with pytest.raises(Refused, match="token-expired"):
        attempt()
