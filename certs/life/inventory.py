"""Every certificate that was issued, and its fate, in one SQLite file: what expires when, who has which.

Two tables are only ever appended to: `issued`, and `fates` (retiring, retired, revoked). Each row carries a
SHA-256 that covers it and the row before, so that `audit` finds whatever was changed, removed or inserted;
against cutting the end, note the head elsewhere and give it to `audit`. A certificate is known by its
issuer's name and its serial. Lookups by registration id, serial or end are by index.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs import durable
from certs.checks import common_name
from certs.errors import ClockError, InventoryError, StorageError, TamperedError
from certs.life import statements

Fate: TypeAlias = Literal["active", "retiring", "retired", "revoked"]
By: TypeAlias = Literal["factory", "group", "issuer"]

_START: Final = bytes(32)
_PATIENCE_SECONDS: Final = 30
"""How long to wait for another process that is writing."""


@dataclass(frozen=True)
class Issued:
    """A certificate as the inventory keeps it: its issuer's name by RFC 4514, the SHA-256 of its DER."""

    registration_id: str
    serial: int
    issuer: str
    not_before: datetime
    not_after: datetime
    sha256: str
    factory: str = ""
    group: str = ""

    @classmethod
    def of(cls, certificate: x509.Certificate, factory: str = "", group: str = "") -> Issued:
        """The entry of a certificate: its common name is the registration id."""
        return cls(
            common_name(certificate),
            certificate.serial_number,
            certificate.issuer.rfc4514_string(),
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            certificate.fingerprint(hashes.SHA256()).hex(),
            factory,
            group,
        )


@dataclass(frozen=True)
class Held:
    """An entry with its fate: since when (None: active), and the reason or the end of an overlap."""

    issued: Issued
    fate: Fate
    since: datetime | None
    detail: str


@dataclass(frozen=True)
class Expiry:
    """How many active certificates of one factory, group or issuer end soon, and the first end."""

    which: str
    count: int
    first: datetime


class Inventory:
    """One inventory file, made when missing (mode 0600). Not for several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=durable.PRIVATE_FILE)
            self._database = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(path, _as_os(error)) from error
        with self._told():
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=FULL")
            self._database.execute(f"PRAGMA cache_size=-{statements.CACHE_KIB}")
            self._database.executescript(statements.SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> Inventory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(self, issued: Iterable[Issued], first_at: datetime | None = None) -> int:
        """Append certificates, all or none; gives how many are new. What is there already stays.

        With `first_at` a device that has an active certificate at that moment gets no other one. Raises
        InventoryError for that, or when another certificate with this serial and issuer is there,
        StorageError.
        """
        with self._told(), self._transaction():
            number, last = self._end("issued")
            begin = number
            for each in issued:
                row = _row(each)
                if self._known(each, row):
                    continue
                if first_at is not None:
                    self._refuse_second(each, first_at)
                number, last = number + 1, _chained(last, row)
                self._database.execute(statements.INSERT["issued"], (number, *row, last))
            return number - begin

    def revoke(self, serial: int, issuer: str, reason: str, now: datetime | None = None) -> Held:
        """Revoke a certificate; raises InventoryError (unknown, or revoked already), ClockError."""
        found = self.by_serial(serial, issuer)
        if found.fate == "revoked":
            raise InventoryError(
                f"{_named(found.issued)} is revoked already, since {found.since} ({found.detail})"
            )
        return self._decide(found, "revoked", reason, now)

    def revoke_all(self, found: Iterable[Held], reason: str, now: datetime | None = None) -> int:
        """Revoke many at once, all or none; gives how many were not revoked before. Raises ClockError."""
        at, count = (now or datetime.now(UTC)).astimezone(UTC), 0
        with self._told(), self._transaction():
            for held in found:
                if held.fate != "revoked":
                    self._append(held, "revoked", reason, at)
                    count += 1
        return count

    def retiring(self, serial: int, issuer: str, until: datetime, now: datetime | None = None) -> Held:
        """A successor was issued: this certificate stays good until the overlap ends; raises as `revoke`."""
        found = self.by_serial(serial, issuer)
        if found.fate != "active":
            raise InventoryError(f"{_named(found.issued)} is {found.fate} already, since {found.since}")
        return self._decide(found, "retiring", until.astimezone(UTC).isoformat(timespec="seconds"), now)

    def retire_due(self, now: datetime | None = None) -> list[Held]:
        """Retire every certificate whose overlap has ended; gives those."""
        moment = (now or datetime.now(UTC)).astimezone(UTC)
        due = [held for held in self.held("retiring") if datetime.fromisoformat(held.detail) <= moment]
        with self._told(), self._transaction():
            return [self._append(held, "retired", "its successor took over", moment) for held in due]

    def by_serial(self, serial: int, issuer: str) -> Held:
        """One certificate; raises InventoryError when it is unknown."""
        found = list(self._select("serial", (_bytes(serial), issuer)))
        if not found:
            raise InventoryError(f"no certificate {serial:x} of {issuer!r} is in the inventory {self.path}")
        return found[0]

    def by_id(self, registration_id: str) -> list[Held]:
        """Every certificate of a device, the newest last; case is ignored, as DPS does."""
        return list(self._select("id", (registration_id,)))

    def held(self, fate: Fate, issuer: str = "") -> Iterator[Held]:
        """Every certificate of this fate (but active), of one issuer if named, in order of decision."""
        with self._told(), closing(self._database.cursor()) as cursor:
            for row in cursor.execute(statements.DECIDED, (fate, issuer)):
                yield _held(row[:8], row[8:])

    def has(self, serial: int, sha256: str) -> bool:
        """Whether the certificate with this serial and this SHA-256 (hex) is there."""
        with self._told():
            found = self._database.execute(statements.HAS, (_bytes(serial), bytes.fromhex(sha256))).fetchone()
        return found is not None

    def count(self) -> int:
        """How many certificates there are."""
        with self._told():
            return self._end("issued")[0]

    def all(self) -> Iterator[Held]:
        """Every certificate, in the order of issue."""
        return self._select("all", ())

    def ids_in_force(self, at: datetime) -> Iterator[str]:
        """The devices with a certificate that has not ended, and was neither retired nor revoked."""
        with self._told(), closing(self._database.cursor()) as cursor:
            for (registration_id,) in cursor.execute(statements.IDS_IN_FORCE, (_seconds(at),)):
                yield registration_id

    def expiring(self, before: datetime, by: By = "factory", now: datetime | None = None) -> list[Expiry]:
        """Certificates in force that end before a moment, counted; those with the earliest end first."""
        begin = _seconds(now or datetime.now(UTC))
        with self._told():
            rows = self._database.execute(statements.EXPIRING, (by, begin, _seconds(before))).fetchall()
        return [Expiry(which, count, _moment(first)) for which, count, first in rows]

    def ending(self, begin: datetime, before: datetime) -> Iterator[Held]:
        """Active certificates that end in a time, the earliest first."""
        found = self._select("end", (_seconds(begin), _seconds(before)))
        return (held for held in found if held.fate == "active")

    def head(self) -> str:
        """What to note elsewhere: how many rows there are in both chains, and their last hashes."""
        with self._told():
            ends = [self._end(table) for table in ("issued", "fates")]
        return "/".join(f"{number}-{last.hex()}" for number, last in ends)

    def audit(self, head: str | None = None) -> str:
        """Check both chains, row by row, and that a head noted before is in them; gives the present head.

        Raises TamperedError, naming the table and row.
        """
        noted = _heads(head)
        for table in ("issued", "fates"):
            self._audit(table, noted.get(table))
        return self.head()

    def _audit(self, table: str, noted: tuple[int, str] | None) -> None:
        last, expected = _START, 0
        with self._told():
            rows = self._database.execute(statements.ROWS[table])
            for expected, (number, stored, *row) in enumerate(rows, start=1):
                if number != expected:
                    raise TamperedError(f"{self.path}: {table} lacks row {expected}: it was removed")
                last = _chained(last, tuple(row))
                if last != stored:
                    raise TamperedError(
                        f"{self.path}: {table}, row {number} was changed, or is not in its place"
                    )
                if noted and noted[0] == number and noted[1] != last.hex():
                    raise TamperedError(
                        f"{self.path}: {table}, row {number} is not the one whose hash was noted"
                    )
        if noted and noted[0] > expected:
            raise TamperedError(
                f"{self.path}: {table} has {expected} rows, and had {noted[0]}: its end was cut off"
            )

    def _known(self, each: Issued, row: tuple[Any, ...]) -> bool:
        found = self._database.execute(
            statements.SELECT + statements.WHERE["serial"], (row[0], row[2])
        ).fetchone()
        if found is not None and (found[:3], found[5:]) != (row[:3], row[5:]):  # but factory and group
            raise InventoryError(f"another certificate has the serial and issuer of {_named(each)}")
        return found is not None

    def _refuse_second(self, each: Issued, at: datetime) -> None:
        for held in self.by_id(each.registration_id):
            if held.fate == "active" and held.issued.not_after > at:
                raise InventoryError(
                    f"{each.registration_id!r} has a certificate already: {held.issued.serial:x} of "
                    f"{held.issued.issuer!r}, until {held.issued.not_after:%Y-%m-%d}; renew it, or revoke it"
                )

    def _decide(self, held: Held, fate: Fate, detail: str, now: datetime | None) -> Held:
        with self._told(), self._transaction():
            return self._append(held, fate, detail, (now or datetime.now(UTC)).astimezone(UTC))

    def _append(self, held: Held, fate: Fate, detail: str, at: datetime) -> Held:
        if held.since is not None and _seconds(at) < _seconds(held.since):
            raise ClockError(
                f"the clock says {at:%Y-%m-%dT%H:%M:%SZ}, before {held.since:%Y-%m-%dT%H:%M:%SZ}"
            )
        row = (_bytes(held.issued.serial), held.issued.issuer, _seconds(at), fate, detail)
        number, last = self._end("fates")
        self._database.execute(statements.INSERT["fates"], (number + 1, *row, _chained(last, row)))
        return Held(held.issued, fate, at.replace(microsecond=0), detail)

    def _select(self, where: str, values: Sequence[object]) -> Iterator[Held]:
        with self._told(), closing(self._database.cursor()) as cursor:
            for row in cursor.execute(statements.SELECT + statements.WHERE[where], values):
                yield _held(row, self._database.execute(statements.FATE, (row[0], row[2])).fetchone())

    def _end(self, table: str) -> tuple[int, bytes]:
        found: tuple[int, bytes] | None = self._database.execute(statements.END[table]).fetchone()
        return found or (0, _START)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(self.path, _as_os(error)) from error


def _row(each: Issued) -> tuple[Any, ...]:
    begin, end = _seconds(each.not_before), _seconds(each.not_after)
    names = (each.registration_id, each.issuer, each.factory, each.group)
    return (_bytes(each.serial), *names, begin, end, bytes.fromhex(each.sha256))


def _held(row: Sequence[Any], fate: tuple[Fate, int, str] | None) -> Held:
    serial, registration_id, issuer, factory, group, begin, end, sha256 = row
    ends = _moment(begin), _moment(end)
    issued = Issued(
        registration_id, int.from_bytes(serial, "big"), issuer, *ends, sha256.hex(), factory, group
    )
    if fate is None:
        return Held(issued, "active", None, "")
    return Held(issued, fate[0], _moment(fate[1]), fate[2])


def _chained(last: bytes, row: tuple[Any, ...]) -> bytes:
    """The row's hash: over the hash before it and every value with its length."""
    digest = hashlib.sha256(last)
    for value in row:
        data = value if isinstance(value, bytes) else str(value).encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()


def _heads(head: str | None) -> dict[str, tuple[int, str]]:
    if head is None:
        return {}
    try:
        parts = [part.split("-") for part in head.split("/")]
        (issued, first), (fates, second) = parts
        return {"issued": (int(issued), first), "fates": (int(fates), second)}
    except ValueError as error:
        raise InventoryError(
            f"{head!r} is no head of an inventory: N-HASH/N-HASH, as `audit` prints it"
        ) from error


def _bytes(serial: int) -> bytes:
    return serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big")


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _named(issued: Issued) -> str:
    return f"the certificate {issued.serial:x} of {issued.registration_id!r}"


def _as_os(error: Exception) -> OSError:
    return error if isinstance(error, OSError) else OSError(0, str(error))
