"""What CRLs list is shut out on AWS. Never lets in again: that a serial is gone from a CRL says nothing.

Two steps, in this order. First the serials of the issuers of each group with just-in-time registration go
into the group's table, where its function looks (components/aws/functions/registration): who was never here
does not come in. Then the certificates of devices that are in AWS IoT already become INACTIVE, which ends
their connections "within a few minutes" (botocore iot 2015-05-28, UpdateCertificate).

INACTIVE and not REVOKED: it shuts the device out just as well, and a CRL of a mistake can be undone by
whoever may set a status. REVOKED is for a person to say.

A certificate has a status of its own here, a device may have several: so one that was only `superseded` is
shut out, too, and its device goes on with the new one. A table knows serials alone. Of a group with two
issuers, what the one revoked bars the same serial of the other: with serials of 64 random bits (CA/Browser
Forum Baseline Requirements 7.1) there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from operations.actions.session import OF_ONE_DEVICE, Order, new_operation
from operations.audit import Subject, Writer
from operations.aws import KEY, portions
from operations.crl import CheckedCrl
from operations.errors import TooManyError
from operations.revocation import CHECKED, CRL, Listed, Mapped, cap, crl_facts, crl_order, needed, why

REVOKE: Final = "revoke"
BEFORE, AFTER, FAILED = "before", "after", "failed"
INACTIVE: Final = "INACTIVE"
AT_ONCE: Final = 1000
"""Serials of a table that one pair of lines on record stands for."""
_OPEN: Final = ("ACTIVE", "PENDING_ACTIVATION")


class Cloud(Protocol):
    """What is needed of AWS; `operations.aws.AwsCloud`."""

    service: str

    def missing(self, table: str, serials: Sequence[str]) -> tuple[str, ...]:
        """Those that are not in a table."""

    def put(self, table: str, items: Sequence[Mapping[str, str]]) -> None:
        """Put items in a table."""

    def status(self, certificate_id: str) -> str | None:
        """What a certificate is in, None when it is not there."""

    def deactivate(self, certificate_id: str) -> None:
        """Make it INACTIVE."""

    def things(self, kinds: Sequence[str], enough: int) -> int:
        """How many things of some types there are, counted as far as `enough`."""


@dataclass(frozen=True)
class Table:
    """The table of a group, and the keys of the issuers that it is for (`certs.store.key_id`)."""

    group: str
    name: str
    issuers: frozenset[str]


@dataclass(frozen=True)
class Place:
    """What a stack has on AWS: tables, and the types of its things."""

    tables: tuple[Table, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Filling:
    """What a table lacks."""

    table: Table
    items: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Shut:
    """A certificate that is listed, and what AWS IoT has it in."""

    registration_id: str
    certificate_id: str
    status: str
    listed: Listed


@dataclass(frozen=True)
class OnAws:
    """What came of it, or would. `absent` are listed certificates that AWS IoT has not."""

    filled: tuple[Filling, ...] = ()
    shut: tuple[Shut, ...] = ()
    already: tuple[Shut, ...] = ()
    absent: tuple[Listed, ...] = ()
    failed: dict[str, str] = field(default_factory=dict)


def spelt(serial: int) -> str:
    """A serial as the function looks it up: the number's octets in DER, read without a sign."""
    size = (serial if serial >= 0 else ~serial).bit_length() // 8 + 1
    return f"{int.from_bytes(serial.to_bytes(size, 'big', signed=True), 'big'):x}"


def plan(
    cloud: Cloud, place: Place, crls: Sequence[CheckedCrl], found: Mapped, up_to_percent: float
) -> OnAws:
    """What `reconcile` would do. Raises TooManyError when it is too large a share of the fleet."""
    planned = _certificates(cloud, found)
    _refuse_too_many(cloud, place, len(planned.shut), up_to_percent)
    fillings = (_filling(cloud, table, crls) for table in place.tables)
    return replace(planned, filled=tuple(each for each in fillings if each.items))


def reconcile(cloud: Cloud, writer: Writer, crls: Sequence[CheckedCrl], planned: OnAws, who: str) -> OnAws:
    """Do what was planned, on record before and after each step. Raises what stops all devices alike."""
    for crl in crls:
        order = crl_order(crl, who)
        subject = Subject(
            action=CRL,
            operation="",
            service=cloud.service,
            device=crl.scope,
            who=order.who,
            reason=order.reason,
        )
        writer.append(subject, CHECKED, **crl_facts(crl))
    operation = new_operation()
    for filling in planned.filled:
        _fill(cloud, writer, operation, filling, who)
    shut: list[Shut] = []
    failed = dict(planned.failed)
    for each in planned.shut:
        try:
            _shut(cloud, writer, operation, each, who)
            shut.append(each)
        except OF_ONE_DEVICE as error:
            failed[each.registration_id] = str(error)
    return replace(planned, shut=tuple(shut), failed=failed)


def _certificates(cloud: Cloud, found: Mapped) -> OnAws:
    shut: list[Shut] = []
    already: list[Shut] = []
    absent: list[Listed] = []
    failed: dict[str, str] = {}
    for name, listed in _each(found):
        identity = listed.certificate.sha256.lower()
        try:
            status = cloud.status(identity)
        except OF_ONE_DEVICE as error:
            failed[name] = str(error)
            continue
        if status is None:
            absent.append(listed)
        else:
            (shut if status in _OPEN else already).append(Shut(name, identity, status, listed))
    return OnAws((), tuple(shut), tuple(already), tuple(absent), failed)


def _each(found: Mapped) -> Iterator[tuple[str, Listed]]:
    """Each certificate once, however many CRLs list it."""
    for name, listed in found.devices.items():
        for one in {each.certificate.sha256: each for each in listed}.values():
            yield name, one


def _filling(cloud: Cloud, table: Table, crls: Sequence[CheckedCrl]) -> Filling:
    items = {
        spelt(entry.serial): {
            KEY: spelt(entry.serial),
            "reason": entry.reason,
            "issuer": crl.issuer.subject.rfc4514_string(),
        }
        for crl in crls
        if crl.issuer_key in table.issuers
        for entry in crl.revoked
    }
    return Filling(table, tuple(items[serial] for serial in cloud.missing(table.name, tuple(items))))


def _refuse_too_many(cloud: Cloud, place: Place, number: int, up_to_percent: float) -> None:
    if number <= 1 or up_to_percent >= 100:
        return
    # As many things as make `number` a small enough share: beyond them nobody needs to count.
    enough = -(-number * 100 // up_to_percent) if up_to_percent else float("inf")
    fleet = cloud.things(place.kinds, int(min(enough + 1, 1 << 62)))
    allowed = cap(up_to_percent, fleet)
    if number > allowed:
        raise TooManyError(
            f"the CRLs list {number} certificates that are not shut out on AWS yet, of {fleet} things; at "
            f"most {allowed} ({up_to_percent:g} %) may be at once, so nothing was done. Are the CRLs a "
            f"mistake? If they shall all go: --up-to-percent {needed(number, fleet):g}"
        )


def _fill(cloud: Cloud, writer: Writer, operation: str, filling: Filling, who: str) -> None:
    table = filling.table
    subject = Subject(
        action=REVOKE,
        operation=operation,
        service=cloud.service,
        device="",
        who=who,
        reason=f"serials that CRLs list, for the group {table.group}",
    )
    for some in portions(filling.items, AT_ONCE):
        facts = {"table": table.name, "serials": len(some), "first": some[0][KEY], "last": some[-1][KEY]}
        writer.append(subject, BEFORE, **facts)
        cloud.put(table.name, some)
        writer.append(subject, AFTER, **facts)


def _shut(cloud: Cloud, writer: Writer, operation: str, each: Shut, who: str) -> None:
    order = Order(who, why([each.listed]))
    subject = Subject(
        action=REVOKE,
        operation=operation,
        service=cloud.service,
        device=each.registration_id,
        who=order.who,
        reason=order.reason,
    )
    writer.append(subject, BEFORE, certificate=each.certificate_id, status=each.status)
    try:
        cloud.deactivate(each.certificate_id)
    except OF_ONE_DEVICE as error:
        writer.append(subject, FAILED, certificate=each.certificate_id, error=str(error))
        raise
    writer.append(subject, AFTER, certificate=each.certificate_id, status=INACTIVE)
