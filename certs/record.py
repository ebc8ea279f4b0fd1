"""An authority's record, authority.json: every certificate that it has, public, and whole in itself.

The record is what counts: a change to an authority is made when its record is replaced, in one step, and the
files beside it are written from it. `mend` writes those that a killed run left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cryptography import x509

from certs import durable
from certs.errors import AuthorityError, UnreadableError
from certs.names import ROOT
from certs.reading import fingerprint, load_certificate, parse_certificates, pem, read_bytes
from certs.store import key_id

RECORD = "authority.json"
CROSS_DIRECTORY = "cross"
CROSS, ISSUER_KINDS = "cross", ("issuer", "server-issuer")
_KINDS = {ROOT, CROSS, *ISSUER_KINDS}
_NAME = re.compile(r"[a-z0-9-]{1,64}(\.by\.[a-z0-9-]{1,64})?")
"""An entry's name is also a file's, so nothing else may stand in a record that somebody hands us."""


@dataclass(frozen=True)
class Entry:
    """One certificate: its profile's name, and the name of the entry that signed it (a root: its own)."""

    name: str
    kind: str
    signed_by: str
    certificate: x509.Certificate

    @property
    def origin(self) -> str:
        """The name of the entry whose name and key it bears: its own, if it is no cross certificate."""
        return self.name.partition(".by.")[0]

    @property
    def file(self) -> str:
        """Where it stands in the authority's directory."""
        return f"{CROSS_DIRECTORY}/{self.name}.pem" if self.kind == CROSS else f"{self.name}.pem"


@dataclass(frozen=True)
class Record:
    """All entries by name, in the order in which they were made; `made` and `changed` are moments in UTC."""

    fleet: str
    made: datetime
    changed: datetime
    entries: Mapping[str, Entry]

    def named(self, name: str, *kinds: str) -> Entry:
        """The entry of this name, when it is of one of these kinds (none: of any); raises AuthorityError."""
        found = [entry for entry in self.entries.values() if not kinds or entry.kind in kinds]
        for entry in found:
            if entry.name == name:
                return entry
        there = ", ".join(entry.name for entry in found) or "none"
        raise AuthorityError(
            f"the authority has no {' or '.join(kinds) or 'certificate'} {name!r}; it has {there}"
        )

    def roots(self) -> list[Entry]:
        """Every root, the oldest first."""
        return [entry for entry in self.entries.values() if entry.kind == ROOT]

    def with_entries(self, added: Iterable[Entry], now: datetime) -> Record:
        """The record with more entries; raises AuthorityError when a name is taken."""
        entries = dict(self.entries)
        for entry in added:
            if entry.name in entries:
                raise AuthorityError(f"the authority has a certificate {entry.name!r} already")
            entries[entry.name] = entry
        return replace(self, entries=MappingProxyType(entries), changed=now)


def new(fleet: str, entries: Iterable[Entry], now: datetime) -> Record:
    """The record of a new authority."""
    return Record(fleet, now, now, MappingProxyType({})).with_entries(entries, now)


def write(directory: Path, record: Record) -> None:
    """Replace the record, then write what files it has that are not there; raises StorageError."""
    text = json.dumps(_document(record), indent=2) + "\n"
    durable.write(directory / RECORD, text.encode(), durable.PUBLIC_FILE)
    mend(directory, record)


def mend(directory: Path, record: Record) -> None:
    """Write the certificates of the record that have no file.

    Raises AuthorityError when a file holds another certificate than the record says, UnreadableError,
    StorageError.
    """
    for entry in record.entries.values():
        path = directory / entry.file
        if not path.exists():
            durable.make_directory(path.parent, durable.PUBLIC_DIRECTORY)
            durable.write(path, pem(entry.certificate).encode("ascii"), durable.PUBLIC_FILE)
        elif load_certificate(path) != entry.certificate:
            raise AuthorityError(f"{path} is not the certificate that {RECORD} has: restore one of them")


def read(directory: Path) -> Record:
    """The record of an authority; raises AuthorityError for none, UnreadableError for a damaged one."""
    path = directory / RECORD
    if not path.is_file():
        raise AuthorityError(f"{directory} holds no authority: {RECORD} is not there")
    try:
        return _parsed(json.loads(read_bytes(path)), str(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableError(str(path), f"damaged ({error!r})", "an authority's record") from error


def describe(certificate: x509.Certificate) -> dict[str, str]:
    """What a person or a program may want to know about a certificate; all of it public."""
    return {
        "subject": certificate.subject.rfc4514_string(),
        "issuer": certificate.issuer.rfc4514_string(),
        "serial": f"{certificate.serial_number:x}",
        "notBefore": certificate.not_valid_before_utc.isoformat(),
        "notAfter": certificate.not_valid_after_utc.isoformat(),
        "sha256": fingerprint(certificate),
        "keyId": key_id(certificate.public_key()),
    }


def _document(record: Record) -> dict[str, Any]:
    return {
        "fleet": record.fleet,
        "made": record.made.isoformat(),
        "changed": record.changed.isoformat(),
        "certificates": {
            entry.name: {"kind": entry.kind, "signedBy": entry.signed_by, "file": entry.file}
            | describe(entry.certificate)
            | {"pem": pem(entry.certificate)}
            for entry in record.entries.values()
        },
    }


def _parsed(document: dict[str, Any], where: str) -> Record:
    entries = [_entry(name, each, where) for name, each in document["certificates"].items()]
    made = _moment(document["made"])
    record = new(str(document["fleet"]), entries, made)
    return replace(record, changed=_moment(document["changed"]))


def _entry(name: str, document: dict[str, Any], where: str) -> Entry:
    (certificate,) = parse_certificates(document["pem"].encode("ascii"), f"{where}, {name}")
    kind = document["kind"]
    if kind not in _KINDS or not _NAME.fullmatch(name) or fingerprint(certificate) != document["sha256"]:
        raise ValueError(f"{name} does not fit its own entry")
    return Entry(name, kind, str(document["signedBy"]), certificate)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.astimezone(UTC)
