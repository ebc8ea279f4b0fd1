"""What an offline root has made, carried over and put where the issuers' keys are (`certs.ceremony`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from certs import checks, durable, record
from certs.authority import KEYS, Authority, note_made
from certs.errors import AuthorityError, ChainError, ChainFault, ExistsError
from certs.minutes import ungrouped
from certs.names import ROOT
from certs.reading import fingerprint
from certs.record import ISSUER_KINDS, RECORD, Entry, Record
from certs.store import KeyStore


def install(directory: Path, granted: Path, root_sha256: str | None = None) -> Authority:
    """Put what the offline root has certified beside the issuers' keys, if it is the root on paper.

    `root_sha256` is what was written down; a root that is here already needs none. Of cross certificates,
    those are taken whose issuer is here. A root that succeeds another is believed when that has certified
    it. Raises AuthorityError (another root, another fleet, a key that is not here),
    ChainError, ExistsError, UnreadableError, StorageError.
    """
    found = record.read(granted)
    there = Authority.open(directory) if (directory / RECORD).exists() else None
    known = there.record.entries if there else {}
    _refuse_other_root(granted, found, root_sha256, there.record.roots() if there else [])
    faults = [*_faults(found, datetime.now(UTC))]
    if faults:
        raise ChainError(faults)
    if there:
        _refuse_contradiction(there, found)
    added = [each for each in found.entries.values() if each.name not in known]
    added = [each for each in added if each.origin in {*known, *found.entries}]
    _refuse_without_key(directory, [each for each in added if each.kind in ISSUER_KINDS])
    if not added:
        raise ExistsError(directory / RECORD, "an authority")
    if there:
        return there.with_entries(added, datetime.now(UTC))
    note_made(directory, added, datetime.now(UTC))
    record.write(directory, record.new(found.fleet, added, found.changed))
    return Authority.open(directory)


def export(made: Authority, names_of: Sequence[str], out: Path) -> None:
    """Some certificates of an authority, in a new directory to carry to where `install` puts them."""
    chosen = [made.record.named(name) for name in names_of]
    with durable.new_directory(out, durable.PUBLIC_DIRECTORY, "what was certified") as scratch:
        record.write(scratch, record.new(made.record.fleet, chosen, made.record.changed))


def _refuse_other_root(granted: Path, found: Record, given: str | None, here: Sequence[Entry]) -> None:
    """The root that comes must be one that is here, or the one whose fingerprint somebody wrote down."""
    first = next(iter(found.roots()), None)
    digest = fingerprint(first.certificate) if first else "none"
    known = {fingerprint(each.certificate) for each in here}
    if digest in known and (given is None or ungrouped(given) in known):
        return
    if given is None:
        raise AuthorityError(f"{granted}: its root is new here: give the SHA-256 that was written down")
    if ungrouped(given) != digest:
        raise AuthorityError(
            f"{granted}: the root's SHA-256 is {digest}, which is not what was given: compare it with the "
            "ceremony's written record"
        )


def _faults(found: Record, at: datetime) -> Iterator[ChainFault]:
    """Certificates that are no valid authorities, and roots that nobody speaks for."""
    first = found.roots()[0]
    for entry in found.entries.values():
        above = found.named(entry.signed_by)
        yield from checks.authority_faults(entry.certificate, entry.name, below=0)
        yield from checks.time_faults(entry.certificate, entry.name, at)
        yield from checks.signature_faults(entry.certificate, entry.name, above.certificate, above.name)
        if entry.kind == ROOT and entry is not first and f"{entry.name}.by.{first.name}" not in found.entries:
            yield ChainFault(entry.name, f"not certified by {first.name}", "bring its cross certificate too")


def _refuse_contradiction(there: Authority, found: Record) -> None:
    if there.record.fleet != found.fleet:
        raise AuthorityError(
            f"{there.directory} is the authority of fleet {there.record.fleet!r}, not of {found.fleet!r}"
        )
    for name, entry in found.entries.items():
        if name in there.record.entries and there.record.entries[name].certificate != entry.certificate:
            raise ExistsError(there.directory / entry.file, "another certificate of this name")


def _refuse_without_key(directory: Path, entries: Sequence[Entry]) -> None:
    store = KeyStore(directory / KEYS, b"")
    lost = [entry.name for entry in entries if not store.holds(entry.certificate)]
    if lost:
        raise AuthorityError(
            f"{directory / KEYS} has no key of {', '.join(lost)}: install where the requests were made"
        )
