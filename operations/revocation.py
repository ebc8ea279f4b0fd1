"""Disable what CRLs list. Never enables: that a serial is gone from a CRL says nothing about its device.

A device is disabled when any of its certificates is revoked, because DPS checks no revocation: whoever holds
the key of an old certificate that has not expired can register with it. One exception: what was revoked as
`superseded` says by definition that its key is not in doubt (RFC 5280 section 5.3.1), and the usual renewal
ends so. Such a device is disabled only while the hub shows that very certificate in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography import x509

from operations.actions import disable as disabling
from operations.actions.holds import IDENTITY, Holds
from operations.actions.seen import thumbprints
from operations.actions.session import OF_ONE_DEVICE, Order, Outcome, Session
from operations.audit import Entry
from operations.certificates import Certificates, IssuedCertificate
from operations.cloud import Cloud
from operations.crl import SUPERSEDED, CheckedCrl, LastSeen
from operations.errors import TooManyError

CRL: Final = "crl"
CHECKED: Final = "checked"


@dataclass(frozen=True)
class Listed:
    """A revoked certificate of a device."""

    certificate: IssuedCertificate
    reason: str
    where: str


@dataclass(frozen=True)
class Unmapped:
    """A serial that leads to no device. `authority` names the fleet's own issuer that it is of, if it is."""

    serial: int
    issuer: str
    reason: str
    where: str
    authority: str = ""


@dataclass(frozen=True)
class Mapped:
    """What CRLs say of devices, by registration id, and of nobody we know."""

    devices: dict[str, tuple[Listed, ...]]
    unmapped: tuple[Unmapped, ...]


@dataclass(frozen=True)
class Reconciled:
    """What came of it, or would. `left` are devices whose superseded certificate is not in use."""

    disabled: tuple[Outcome, ...] = ()
    already: tuple[Outcome, ...] = ()
    left: tuple[str, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


def last_seen(entries: Iterable[Entry]) -> dict[str, LastSeen]:
    """The newest CRL acted on, by its scope. Pure."""
    found: dict[str, LastSeen] = {}
    for entry in entries:
        if (entry.action, entry.event) == (CRL, CHECKED):
            moment = datetime.fromisoformat(str(entry.facts["thisUpdate"]))
            found[entry.device] = LastSeen(int(entry.facts["number"]), moment)
    return found


def mapped(
    crls: Sequence[CheckedCrl], certificates: Certificates, authorities: Sequence[x509.Certificate]
) -> Mapped:
    """Which devices the serials of CRLs are of. Pure but for the look-ups."""
    devices: dict[str, tuple[Listed, ...]] = {}
    unmapped: list[Unmapped] = []
    spelt: dict[str, str] = {}
    for crl in crls:
        for entry in crl.revoked:
            found = certificates.by_serial(crl.issuer_key, entry.serial)
            if found is None:
                unmapped.append(_unmapped(crl, entry.serial, entry.reason, authorities))
                continue
            name = spelt.setdefault(found.registration_id.lower(), found.registration_id)
            devices[name] = (*devices.get(name, ()), Listed(found, entry.reason, crl.where))
    return Mapped(devices, tuple(unmapped))


def cap(percent: float, devices: int) -> int:
    """How many devices a share of the fleet is; one may always go."""
    return max(1, int(devices * percent / 100))


def needed(number: int, devices: int) -> float:
    """What share of the fleet so many are, in percent, rounded up."""
    return min(100.0, -(-number * 1000 // max(devices, 1)) / 10)


def plan(cloud: Cloud, holds: Holds, found: Mapped, up_to_percent: float) -> Reconciled:
    """What `reconcile` would do. Raises TooManyError when it is too large a share of the fleet."""
    disabled: list[Outcome] = []
    already: list[Outcome] = []
    left: list[str] = []
    for name, listed in found.devices.items():
        outcome = disabling.plan(cloud, holds, name, unregistered=True)
        if not outcome.changed:
            already.append(outcome)
        elif _spared(outcome, listed):
            left.append(name)
        else:
            disabled.append(outcome)
    _refuse_too_many(cloud, disabled, up_to_percent)
    return Reconciled(tuple(disabled), tuple(already), tuple(left), found.unmapped)


def reconcile(
    session: Session, crls: Sequence[CheckedCrl], found: Mapped, who: str, up_to_percent: float
) -> Reconciled:
    """Disable what CRLs list, within a share of the fleet; nothing at all when it would be more.

    Raises TooManyError, and what stops all devices alike: AuditError, errors of provider.clients.
    """
    planned = plan(session.cloud, session.holds, found, up_to_percent)
    for crl in crls:
        _note(session, crl, who)
    disabled: list[Outcome] = []
    failed: dict[str, str] = {}
    for outcome in planned.disabled:
        name = outcome.registration_id
        order = Order(who, why(found.devices[name]))
        try:
            disabled.append(disabling.disable(session, name, order, unregistered=True))
        except OF_ONE_DEVICE as error:
            failed[name] = str(error)
    return Reconciled(tuple(disabled), planned.already, planned.left, planned.unmapped, failed)


def crl_order(crl: CheckedCrl, who: str) -> Order:
    """On whose word a CRL is acted on, and which."""
    return Order(who, f"CRL {crl.number} of {crl.issuer.subject.rfc4514_string()}"[:500])


def crl_facts(crl: CheckedCrl) -> dict[str, Any]:
    """What the record says of a CRL; `last_seen` reads it."""
    return {"number": crl.number, "thisUpdate": crl.this_update.isoformat(), "sha256": crl.sha256}


def why(listed: Sequence[Listed]) -> str:
    """The reason of what is done about certificates, for the record."""
    each = ", ".join(f"{one.certificate.serial:X} ({one.reason})" for one in listed)
    return f"certificate revoked: {each}"[:500]


def _unmapped(crl: CheckedCrl, serial: int, reason: str, authorities: Sequence[x509.Certificate]) -> Unmapped:
    own = (
        one.subject.rfc4514_string()
        for one in authorities
        if one.serial_number == serial and one.issuer == crl.issuer.subject
    )
    return Unmapped(serial, crl.issuer.subject.rfc4514_string(), reason, crl.where, next(own, ""))


def _spared(outcome: Outcome, listed: Sequence[Listed]) -> bool:
    """Whether all that is revoked was only superseded, and is not what the device uses."""
    if any(each.reason != SUPERSEDED for each in listed):
        return False
    used = {
        thumbprint
        for step in outcome.steps
        if step.what == IDENTITY
        for thumbprint in thumbprints(step.document)
    }
    return not any(each.certificate.thumbprints & used for each in listed)


def _refuse_too_many(cloud: Cloud, outcomes: Sequence[Outcome], up_to_percent: float) -> None:
    number = len(outcomes)
    if number <= 1 or up_to_percent >= 100:
        return
    seen = {step.hub for outcome in outcomes for step in outcome.steps if step.hub}
    fleet = sum(cloud.count(hub) for hub in sorted({*cloud.hubs, *seen}))
    allowed = cap(up_to_percent, fleet)
    if number > allowed:
        raise TooManyError(
            f"the CRLs list {number} devices that are not disabled yet, of {fleet} in the hubs; at most "
            f"{allowed} ({up_to_percent:g} %) may be disabled at once, so nothing was done. Are the CRLs a "
            f"mistake? If they shall all go: --up-to-percent {needed(number, fleet):g}"
        )


def _note(session: Session, crl: CheckedCrl, who: str) -> None:
    subject = session.subject(CRL, "", crl.scope, crl_order(crl, who))
    session.note(subject, CHECKED, **crl_facts(crl))
