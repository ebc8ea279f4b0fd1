"""The reconciler: which devices, which not, how many at once, never back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from cryptography import x509

from certs.store import key_id
from operations import crl, revocation
from operations.actions.session import Session
from operations.audit import AuditLog
from operations.certificates import IssuedCertificate, issued
from operations.errors import TooManyError
from operations.revocation import Mapped, Reconciled, cap, last_seen, mapped
from tests.operations.conftest import NOW, Authority, opened, thumbprint
from tests.operations.memory import HUB, MemoryCloud


@dataclass
class Inventory:
    """A `Certificates` from a list, as somebody else might realise it."""

    known: list[IssuedCertificate]

    def by_serial(self, issuer_key: str, serial: int) -> IssuedCertificate | None:
        return next((it for it in self.known if (it.issuer_key, it.serial) == (issuer_key, serial)), None)

    def of_device(self, registration_id: str) -> list[IssuedCertificate]:
        return [it for it in self.known if it.registration_id == registration_id]


@dataclass
class Fleet:
    """Ten devices of one issuer, in a hub."""

    cloud: MemoryCloud
    issuer: Authority
    leaves: dict[str, x509.Certificate]

    def mapped(self, *names: str, certificates: list[x509.Certificate] | None = None, **how: Any) -> Mapped:
        revoked = certificates or [self.leaves[name] for name in names]
        found = self.crl(revoked, **how)
        leaves = {*self.leaves.values(), *revoked} - {self.issuer.certificate}
        known = [issued(leaf, self.issuer.certificate) for leaf in leaves]
        return mapped([found], Inventory(known), [self.issuer.certificate])

    def crl(self, revoked: list[x509.Certificate], **how: Any) -> crl.CheckedCrl:
        made = self.issuer.crl([leaf.serial_number for leaf in revoked], **how)
        return crl.check(made, "a.crl", [self.issuer.certificate], NOW, {})

    def off(self) -> set[str]:
        return {name for name in self.leaves if self.cloud.may(name) == (False, [])}


@pytest.fixture
def fleet(cloud: MemoryCloud, oslo: Authority) -> Fleet:
    leaves = {f"reefer-{number}": oslo.leaf(f"reefer-{number}") for number in range(10)}
    for name, leaf in leaves.items():
        cloud.register(name, thumbprint=thumbprint(leaf))
    return Fleet(cloud, oslo, leaves)


def reconcile(session: Session, fleet: Fleet, found: Mapped, percent: float = 100) -> Reconciled:
    return revocation.reconcile(session, [fleet.crl([])], found, "ada", percent)


def names(result: Reconciled) -> list[str]:
    return [outcome.registration_id for outcome in result.disabled]


def test_what_is_listed_is_disabled_and_nothing_else(fleet: Fleet, session: Session) -> None:
    found = fleet.mapped("reefer-1", "reefer-4", reason="keyCompromise")
    result = reconcile(session, fleet, found)
    assert names(result) == ["reefer-1", "reefer-4"]
    assert fleet.off() == {"reefer-1", "reefer-4"}
    serial = f"{fleet.leaves['reefer-1'].serial_number:X}"
    reasons = {entry.reason for entry in session.writer.entries if entry.device == "reefer-1"}
    assert reasons == {f"certificate revoked: {serial} (keyCompromise)"}
    again = reconcile(session, fleet, found)
    assert (names(again), [each.registration_id for each in again.already]) == ([], ["reefer-1", "reefer-4"])


def test_what_is_off_the_list_again_stays_disabled(fleet: Fleet, session: Session) -> None:
    reconcile(session, fleet, fleet.mapped("reefer-1"))
    reconcile(session, fleet, fleet.mapped())
    assert fleet.off() == {"reefer-1"}


def test_serials_of_nobody_and_of_an_issuer_are_told(
    fleet: Fleet, session: Session, oslo: Authority, bergen: Authority
) -> None:
    found = fleet.mapped("reefer-1", certificates=[fleet.leaves["reefer-1"], oslo.certificate])
    assert [each.authority for each in found.unmapped] == ["CN=coldchain oslo"]
    stranger = crl.check(bergen.crl([7]), "b.crl", [bergen.certificate], NOW, {})
    unknown = mapped([stranger], Inventory([]), [oslo.certificate])
    assert [(each.serial, each.authority) for each in unknown.unmapped] == [(7, "")]
    assert unknown.devices == {}
    assert names(reconcile(session, fleet, found)) == ["reefer-1"]


def test_a_serial_is_of_its_issuer_only(fleet: Fleet, bergen: Authority) -> None:
    leaf = fleet.leaves["reefer-1"]
    other = crl.check(bergen.crl([leaf.serial_number]), "b.crl", [bergen.certificate], NOW, {})
    known = Inventory([issued(leaf, fleet.issuer.certificate)])
    assert mapped([other], known, []).devices == {}


@pytest.mark.parametrize(
    ("reason", "in_use", "goes"),
    [
        ("superseded", False, False),
        ("superseded", True, True),
        ("keyCompromise", False, True),
        ("cessationOfOperation", False, True),
        (None, False, True),
    ],
)
def test_a_superseded_certificate_counts_while_it_is_in_use(
    fleet: Fleet, session: Session, oslo: Authority, reason: str | None, in_use: bool, goes: bool
) -> None:
    old = fleet.leaves["reefer-1"] if in_use else oslo.leaf("reefer-1")
    result = reconcile(session, fleet, fleet.mapped(certificates=[old], reason=reason))
    assert fleet.off() == ({"reefer-1"} if goes else set())
    assert list(result.left) == ([] if goes else ["reefer-1"])


def test_a_device_that_never_registered_is_kept_out(fleet: Fleet, session: Session, oslo: Authority) -> None:
    result = reconcile(session, fleet, fleet.mapped(certificates=[oslo.leaf("stolen-1")]))
    assert names(result) == ["stolen-1"]
    assert fleet.cloud.may("stolen-1") == (False, [])


def test_too_large_a_share_of_the_fleet_stops_everything(fleet: Fleet, session: Session) -> None:
    found = fleet.mapped("reefer-1", "reefer-2", "reefer-3")
    with pytest.raises(TooManyError, match=r"3 devices.* of 10 in the hubs.*--up-to-percent 30\b"):
        reconcile(session, fleet, found, 20)
    assert (fleet.off(), session.writer.entries) == (set(), [])
    assert len(names(reconcile(session, fleet, found, 30))) == 3


def test_who_is_disabled_already_does_not_count(fleet: Fleet, session: Session) -> None:
    for number in range(5):
        reconcile(session, fleet, fleet.mapped(f"reefer-{number}"), 1)
    found = fleet.mapped(*(f"reefer-{number}" for number in range(6)))
    assert names(reconcile(session, fleet, found, 1)) == ["reefer-5"]


def test_the_share_is_never_less_than_one_device() -> None:
    assert [cap(5, devices) for devices in (0, 10, 39, 40, 1_000_000)] == [1, 1, 1, 2, 50_000]
    assert cap(0, 1_000_000) == 1


def test_one_failure_does_not_stop_the_others(fleet: Fleet, session: Session) -> None:
    def somebody(call: str) -> None:
        if call == "put identity":
            fleet.cloud.devices[HUB, "reefer-1"]["etag"] += "x"

    fleet.cloud.before = somebody
    result = reconcile(session, fleet, fleet.mapped("reefer-1", "reefer-2"))
    assert (list(result.failed), names(result)) == (["reefer-1"], ["reefer-2"])
    fleet.cloud.before = lambda _: None
    assert names(reconcile(session, fleet, fleet.mapped("reefer-1", "reefer-2"))) == ["reefer-1"]
    assert fleet.off() == {"reefer-1", "reefer-2"}


def test_the_newest_crl_acted_on_is_remembered(fleet: Fleet, log: AuditLog) -> None:
    with opened(fleet.cloud, log) as session:
        revocation.reconcile(session, [fleet.crl([], number=9)], fleet.mapped(), "ada", 5)
    seen = last_seen(log.entries())
    assert seen[key_id(fleet.issuer.key.public_key())].number == 9
