"""An authority: a root, one issuer a factory, their keys in a key store, and a public record.

DIRECTORY/root.pem             the root's certificate; a successor is root-2.pem
DIRECTORY/<factory>.pem        one issuer a factory; a successor is <factory>-2.pem
DIRECTORY/cross/<a>.by.<b>.pem a's key and name, certified by another root b (`certs.succession`)
DIRECTORY/authority.json       the record: what was made, when, by which key, with which fingerprint
DIRECTORY/keys/<key id>.pem    encrypted private keys, mode 0600; nothing else is secret
DIRECTORY/keys/<key id>.json   where a key lives that a hardware module or a key service holds
DIRECTORY/ledger.jsonl         the log of what was made and issued, chained by hashes (`certs.life.ledger`)

An issuer is confined three times over: its path length is 0, its extended key usage allows TLS clients alone,
and its name constraints allow nothing but this fleet (`certs.profiles`, `certs.constraints`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from certs import assemble, durable, intermediates, names, passphrase, profiles, record
from certs.chain import Chain, load_chain
from certs.errors import ClockError, IssueError
from certs.intermediates import Choices
from certs.life.ledger import Ledger
from certs.names import ROOT
from certs.places import FILE, Place
from certs.reading import fingerprint
from certs.record import ISSUER_KINDS, RECORD, Entry, Record, describe
from certs.signers import Signer
from certs.store import KeyStore

__all__ = ["KEYS", "LEDGER", "RECORD", "Authority", "Choices", "describe", "init", "load"]

KEYS = "keys"
LEDGER = "ledger.jsonl"


@dataclass(frozen=True)
class Authority:
    """An authority that is there: its directory and its record."""

    directory: Path
    record: Record

    @classmethod
    def open(cls, directory: Path) -> Authority:
        """The authority in a directory; files that a killed run left out are written now.

        Raises AuthorityError (none there, or a file that is not what the record says), UnreadableError,
        StorageError.
        """
        found = record.read(directory)
        record.mend(directory, found)
        return cls(directory, found)

    def chain(self, root: str = ROOT) -> Chain:
        """A root and the issuers under it, those included that it has certified again; raises ChainError."""
        top = self.record.named(root, ROOT)
        files = {name: self.directory / entry.file for name, entry in self.issuers(root).items()}
        return load_chain(self.directory / top.file, files, profile=None)

    def issuers(self, root: str) -> dict[str, Entry]:
        """The intermediates that a root has certified, first or again (`oslo.by.root-2`), by own name."""
        under = [entry for entry in self.record.entries.values() if entry.signed_by == root]
        return {entry.origin: entry for entry in under if self.origin(entry).kind in ISSUER_KINDS}

    def origin(self, entry: Entry) -> Entry:
        """The entry whose name and key a cross certificate bears; any other is its own."""
        return self.record.named(entry.origin)

    def signer(self, name: str, key_passphrase: bytes) -> Signer:
        """The signer that holds the key of one of its certificates; raises as `KeyStore.signer_for` does."""
        return self.store(key_passphrase).signer_for(self.record.named(name).certificate)

    def store(self, key_passphrase: bytes) -> KeyStore:
        """Its key store."""
        return KeyStore(self.directory / KEYS, key_passphrase)

    def with_entries(self, added: Sequence[Entry], now: datetime) -> Authority:
        """Add certificates, on disk too: all of them or none, also when killed."""
        changed = self.record.with_entries(added, now)
        note_made(self.directory, added, now)
        record.write(self.directory, changed)
        return Authority(self.directory, changed)

    def note_issued(self, certificate: x509.Certificate, issuer: x509.Certificate) -> None:
        """Write into the ledger that a certificate was issued, before anybody gets it.

        Raises ClockError, TamperedError, StorageError.
        """
        facts = describe(certificate)
        Ledger(self.directory / LEDGER).append(
            "issued",
            subject=facts["subject"],
            serial=facts["serial"],
            sha256=facts["sha256"],
            not_after=facts["notAfter"],
            issuer_sha256=fingerprint(issuer),
        )

    def refuse_clock_set_back(self, now: datetime) -> None:
        """Raise ClockError when the authority has made something later than now (its ledger refuses as well).

        A certificate that begins and ends too early cannot be mended later, so nothing is made until the
        clock is right.
        """
        if now < self.record.changed:
            raise ClockError(
                f"the clock says {now:%Y-%m-%dT%H:%M:%SZ}, but {self.directory / RECORD} was changed at "
                f"{self.record.changed:%Y-%m-%dT%H:%M:%SZ}: set the clock right"
            )


def init(
    directory: Path,
    name: str,
    factories: Sequence[str],
    key_passphrase: bytes,
    root_days: int = profiles.ROOT.days,
    issuer_days: int = profiles.ISSUER.days,
    choices: Choices | None = None,
) -> Chain:
    """Make the authority of fleet `name` in `directory`, whole or not at all, also when killed.

    The directory must not exist, or be empty. Keys in a module or service (`choices.place`) stay there even
    when the rest fails. Raises InvalidNameError (every bad name at once), PassphraseError (too short),
    IssueError (issuers that would outlive the root), ExistsError, StorageError, SignerError.
    """
    how = choices or Choices()
    names.check_authority(name, (*factories, *how.servers))
    parts = intermediates.wanted(factories, how)
    if not 1 <= issuer_days <= root_days:
        raise IssueError(f"issuers of {issuer_days} days under a root of {root_days}: 1 <= issuers <= root")
    now = datetime.now(UTC)
    with new(directory, key_passphrase, how.place) as (scratch, store):
        signer, root = make_root(store, name, ROOT, root_days, how, now)
        entries = [root]
        for part in parts:
            key = how.place.new_signer(store, names.common_name(name, part.part), how.algorithm)
            order = part.order(name, key.public_key(), issuer_days)
            made = assemble.issued(order, signer, root.certificate, now)
            entries.append(Entry(part.part, part.profile.name, ROOT, made))
        note_made(scratch, entries, now)
        record.write(scratch, record.new(name, entries, now))
    return load(directory)


def note_made(directory: Path, made: Sequence[Entry], now: datetime) -> None:
    """Write into the ledger what an authority is about to have; raises as `Ledger.append` does."""
    for entry in made:
        facts = describe(entry.certificate)
        Ledger(directory / LEDGER).append(
            "certified",
            now,
            name=entry.name,
            kind=entry.kind,
            signed_by=entry.signed_by,
            subject=facts["subject"],
            serial=facts["serial"],
            sha256=facts["sha256"],
            key_id=facts["keyId"],
        )


@contextmanager
def new(directory: Path, key_passphrase: bytes, place: Place) -> Iterator[tuple[Path, KeyStore]]:
    """A scratch directory with a key store, which becomes `directory` when the block ends well.

    Raises PassphraseError when keys are to be kept in files under a passphrase that is too short,
    ExistsError, StorageError.
    """
    if place.kind == FILE:
        passphrase.check_strength(key_passphrase)
    with durable.new_directory(directory, durable.PUBLIC_DIRECTORY, "an authority") as scratch:
        durable.make_directory(scratch / KEYS, durable.PRIVATE_DIRECTORY)
        yield scratch, KeyStore(scratch / KEYS, key_passphrase)


def make_root(
    store: KeyStore, fleet: str, part: str, days: int, choices: Choices, now: datetime
) -> tuple[Signer, Entry]:
    """A new root, whose key the store finds from now on."""
    signer = choices.place.new_signer(store, names.common_name(fleet, part), choices.algorithm)
    order = intermediates.root_order(fleet, part, signer.public_key(), days)
    return signer, Entry(part, ROOT, part, assemble.self_signed(order, signer, now))


def load(directory: Path) -> Chain:
    """The chain of an authority: its first root and every issuer under it. Raises ChainError."""
    return Authority.open(directory).chain()
