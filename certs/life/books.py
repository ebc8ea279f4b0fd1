"""The books of an authority: its ledger, its inventory, and where its revocation lists are. In its directory:

inventory.sqlite       every certificate that it issued, and its fate (`certs.life.inventory`)
ledger.jsonl           what was done, line by line (`certs.life.ledger`)
lists.json             the address of its lists, and how many an issuer has; none: leaves name no list
crl/<issuer>/*.crl     the lists

What is issued is entered first into the inventory, then into the ledger, and handed out after that. A line of
the ledger that tells of a change to the inventory holds its head, so each of the two proves the other whole.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from certs import durable
from certs.authority import LEDGER, Authority
from certs.errors import AuthorityError, InventoryError, IssueError, TamperedError, UnreadableError
from certs.issue import Point
from certs.life.inventory import Held, Inventory, Issued
from certs.life.ledger import Ledger
from certs.life.revocation import REASONS, Partitions, Publisher
from certs.names import ROOT
from certs.reading import read_bytes
from certs.record import ISSUER_KINDS, Entry
from certs.signers import Signer

INVENTORY, LISTS, LISTS_DIRECTORY = "inventory.sqlite", "lists.json", "crl"
MAX_PARTITIONS = 65536
_AUTHORITIES = (*ISSUER_KINDS, ROOT)


@dataclass(frozen=True)
class Audited:
    """What an audit found to be whole: how many lines and certificates, and the head to note elsewhere."""

    lines: int
    certificates: int
    head: str


class Books:
    """The books of one authority; a context that closes the inventory."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.ledger = Ledger(authority.directory / LEDGER)
        self.inventory = Inventory(authority.directory / INVENTORY)

    @classmethod
    def open(cls, directory: Path) -> Books:
        """The books of the authority in a directory; raises AuthorityError, UnreadableError, StorageError."""
        return cls(Authority.open(directory))

    def __enter__(self) -> Books:
        return self

    def __exit__(self, *_: object) -> None:
        self.inventory.close()

    def issuer(self, which: str | x509.Certificate) -> Entry:
        """The entry of an issuer, by its subject's name or its certificate; raises AuthorityError."""
        name = which if isinstance(which, str) else which.subject.rfc4514_string()
        for entry in self.authority.record.entries.values():
            if entry.kind in _AUTHORITIES and entry.certificate.subject.rfc4514_string() == name:
                return entry
        raise AuthorityError(f"{self.authority.directory} has no issuer {name!r}")

    def enter(
        self, certificate: x509.Certificate, issuer: x509.Certificate, factory: str = "", group: str = ""
    ) -> None:
        """Enter a device's first certificate, before anybody gets it.

        Raises InventoryError when the device has an active one, ClockError, TamperedError, StorageError.
        """
        self.ledger.check()
        entry = Issued.of(certificate, factory or self._factory(issuer), group)
        self.inventory.record([entry], first_at=datetime.now(UTC))
        self.authority.note_issued(certificate, issuer)

    def enter_successor(
        self, certificate: x509.Certificate, issuer: x509.Certificate, old: Held, until: datetime
    ) -> Held:
        """Enter a device's next certificate; the old one retires when the overlap ends. Gives the old one."""
        self.ledger.check()
        entry = Issued.of(certificate, self._factory(issuer), old.issued.group)
        self.inventory.record([entry])
        self.authority.note_issued(certificate, issuer)
        now = datetime.now(UTC)
        retiring = self.inventory.retiring(old.issued.serial, old.issued.issuer, until, now)
        self._note("retiring", retiring, until=retiring.detail, successor=f"{certificate.serial_number:x}")
        return retiring

    def retire_due(self, now: datetime | None = None) -> list[Held]:
        """Retire what is due; gives those."""
        self.ledger.check()
        retired = self.inventory.retire_due(now)
        for held in retired:
            self._note("retired", held)
        return retired

    def take_in(self, issued: Iterable[Issued], source: str) -> int:
        """Enter certificates that were issued in bulk, or elsewhere; gives how many are new."""
        self.ledger.check()
        count = self.inventory.record(issued)
        if count:
            self.ledger.append("imported", source=source, count=count, inventory=self.inventory.head())
        return count

    def revoke(
        self, serial: int, issuer: Entry, reason: str, signer: Callable[[], Signer] | None
    ) -> tuple[Held, Path | None]:
        """Revoke in the inventory and, with a signer and an address of lists, in its list; once more mends.

        Raises InventoryError, IssueError (no such reason), ClockError, SignerError, StorageError.
        """
        if reason not in REASONS:
            raise IssueError(f"{reason!r} is no reason to revoke; it must be one of {', '.join(REASONS)}")
        name = issuer.certificate.subject.rfc4514_string()
        held = self.inventory.by_serial(serial, name)
        if held.fate != "revoked":
            self.ledger.check()
            held = self.inventory.revoke(serial, name, reason)
            self._note("revoked", held, reason=reason)
        if signer is None or self.partitions(issuer) is None:
            return held, None
        return self.publisher(issuer, signer()).revoke(self.inventory, serial, reason)

    def publisher(self, issuer: Entry, signer: Signer) -> Publisher:
        """Who writes an issuer's lists; raises AuthorityError when they have no address, SignerError."""
        partitions = self.required_partitions(issuer)
        return Publisher(self.lists_directory(issuer), issuer.certificate, signer, partitions)

    def required_partitions(self, issuer: Entry) -> Partitions:
        """How an issuer's lists are split; raises AuthorityError when no address was set."""
        found = self.partitions(issuer)
        if found is None:
            raise AuthorityError(
                f"{self.authority.directory} has no address for revocation lists: give it one, "
                "`muster certs crl --url URL`"
            )
        return found

    def lists_directory(self, issuer: Entry) -> Path:
        """Where an issuer's lists are, which a web server hands out at their address."""
        return self.authority.directory / LISTS_DIRECTORY / issuer.name

    def partitions(self, issuer: Entry) -> Partitions | None:
        """How an issuer's lists are split and where they are; None when no address was set."""
        path = self.authority.directory / LISTS
        if not path.exists():
            return None
        try:
            found = json.loads(read_bytes(path))
            base, count = _address(str(found["baseUrl"])), _count(int(found["partitions"]))
        except (ValueError, KeyError, TypeError, IssueError) as error:
            raise UnreadableError(
                str(path), f"damaged ({error})", "an address and a count of lists"
            ) from error
        return Partitions(f"{base}/{issuer.name}", count)

    def point(self, issuer: x509.Certificate) -> Point | None:
        """What names its list in a certificate of this issuer; None when no address was set."""
        partitions = self.partitions(self.issuer(issuer))
        return partitions.point if partitions else None

    def set_lists(self, base_url: str, partitions: int) -> None:
        """Where all lists are from now on, and how many an issuer has.

        Never changed, as certificates in the field name them. Raises IssueError, AuthorityError (set
        otherwise before), StorageError.
        """
        text = json.dumps({"baseUrl": _address(base_url), "partitions": _count(partitions)}, indent=2) + "\n"
        path = self.authority.directory / LISTS
        if not path.exists():
            durable.write(path, text.encode(), durable.PUBLIC_FILE)
            self.ledger.append("lists", base_url=base_url, partitions=partitions)
        elif path.read_text() != text:
            raise AuthorityError(
                f"{path} says otherwise, and certificates in the field name it: it must stay"
            )

    def audit(self, head: str | None = None) -> Audited:
        """Check that nothing was removed from either, or changed, and that each has what the other tells of.

        With a head that was noted elsewhere, cutting the end of both is found too. Raises TamperedError,
        naming the place; InventoryError for a head that is none.
        """
        ledger_head, _, inventory_head = (head or "").partition(":")
        lines, last = self.ledger.verify(ledger_head or None)
        noted = None
        for line in self.ledger.lines():
            if line.event == "issued":
                self._must_have(line.number, line.facts)
            noted = line.facts.get("inventory", noted)
        self.inventory.audit(noted)
        whole = self.inventory.audit(inventory_head) if head else self.inventory.head()
        return Audited(lines, self.inventory.count(), f"{last}:{whole}")

    def _must_have(self, number: int, facts: dict[str, object]) -> None:
        if not self.inventory.has(int(str(facts["serial"]), 16), str(facts["sha256"])):
            raise TamperedError(
                f"{self.inventory.path}: lacks the certificate {facts['serial']} of {facts['subject']}, that "
                f"line {number} of {self.ledger.path} tells of: it was removed or changed"
            )

    def _note(self, event: str, held: Held, **facts: str) -> None:
        which = {"serial": f"{held.issued.serial:x}", "issuer": held.issued.issuer}
        device = held.issued.registration_id
        self.ledger.append(event, None, device=device, **which, **facts, inventory=self.inventory.head())

    def _factory(self, issuer: x509.Certificate) -> str:
        return self.issuer(issuer).origin


def one(found: Iterable[Held], registration_id: str, at: datetime) -> Held:
    """The newest certificate of a device that is active and in force; raises InventoryError."""
    held = list(found)
    if not held:
        raise InventoryError(f"{registration_id!r} has no certificate of ours")
    active = [each for each in held if each.fate == "active"]
    if not active:
        last = held[-1]
        raise InventoryError(
            f"{registration_id!r} has no active certificate: the last, {last.issued.serial:x}, is "
            f"{last.fate} since {last.since:%Y-%m-%dT%H:%M:%SZ}"
        )
    if active[-1].issued.not_after <= at:
        ended = active[-1].issued.not_after
        raise InventoryError(
            f"the last certificate of {registration_id!r} ended at {ended:%Y-%m-%dT%H:%M:%SZ}"
        )
    return active[-1]


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise IssueError(f"{text!r} is no address for lists: http://HOST/PATH, without a query")
    if not text.isascii() or any(each.isspace() for each in text):
        raise IssueError(f"{text!r} is no address for lists: ASCII without spaces")
    return text.rstrip("/")


def _count(count: int) -> int:
    if not 1 <= count <= MAX_PARTITIONS:
        raise IssueError(f"{count} lists an issuer: 1 to {MAX_PARTITIONS}")
    return count
