"""The ceremony of an offline root: its key is on a machine without a network, the issuers' keys are not.

1. offline  `make_root`  the root and its key;
2. online   `request`    keys of issuers, and a request for each;
3. offline  `sign`       the requests become certificates, with a written record;
4. online   `handover.install`  the certificates beside their keys, when the root is the one on paper.

Only public files travel: requests one way, certificates and records the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from certs import assemble, authority, csr, durable, intermediates, names, record
from certs.authority import Authority
from certs.errors import AuthorityError, ChainFault, ExistsError, InvalidNameError, RequestError
from certs.intermediates import Choices, Wanted
from certs.keys import PublicKey
from certs.minutes import Minutes
from certs.names import ROOT
from certs.record import RECORD, Entry, Record
from certs.store import KeyStore

REQUESTS = "requests"


def make_root(
    directory: Path, fleet: str, key_passphrase: bytes, days: int, choices: Choices, operator: str
) -> Authority:
    """A root alone, in a new directory. Raises what `authority.init` does."""
    names.check_authority(fleet, (), least=0)
    now = datetime.now(UTC)
    with authority.new(directory, key_passphrase, choices.place) as (scratch, store):
        _, root = authority.make_root(store, fleet, ROOT, days, choices, now)
        authority.note_made(scratch, [root], now)
        record.write(scratch, record.new(fleet, [root], now))
        Minutes("root-made", fleet, operator, now, root, [root]).keep(scratch)
    return Authority.open(directory)


def request(
    directory: Path, fleet: str, factories: Sequence[str], key_passphrase: bytes, choices: Choices
) -> dict[str, Path]:
    """Keys for issuers, and their requests by name: in a new directory, or in that of an authority.

    Raises InvalidNameError, PassphraseError, AuthorityError (the authority is another fleet's), ExistsError
    (an issuer or a request of that name is there), StorageError, SignerError.
    """
    parts = [wanted.part for wanted in intermediates.wanted(factories, choices)]
    names.check_authority(fleet, tuple(parts))
    if not (directory / RECORD).exists():
        with authority.new(directory, key_passphrase, choices.place) as (scratch, store):
            _make_requests(scratch, store, fleet, parts, choices)
    else:
        there = Authority.open(directory)
        _refuse_taken(there.record, fleet, parts, directory)
        _make_requests(directory, there.store(key_passphrase), fleet, parts, choices)
    return {part: _request_file(directory, part) for part in parts}


def sign(
    offline: Authority,
    requests: Mapping[str, x509.CertificateSigningRequest],
    out: Path,
    key_passphrase: bytes,
    days: int,
    choices: Choices,
    operator: str,
) -> tuple[list[Entry], Path]:
    """Certify requests (by where they came from) with the newest root, into a new directory to carry over.

    What an issuer may do is said here (`choices.servers`, `choices.confined`), never by its request. All or
    none. Returns what was made, and the written record. Raises RequestError with the faults of every request,
    IssueError, ClockError, ExistsError, StorageError, SignerError.
    """
    now = datetime.now(UTC)
    offline.refuse_clock_set_back(now)
    keys = _judged(offline.record, requests, choices)
    root = offline.record.roots()[-1]
    signer = offline.signer(root.name, key_passphrase)
    entries = []
    for wanted, key in keys:
        order = wanted.order(offline.record.fleet, key, days)
        made = assemble.issued(order, signer, root.certificate, now)
        entries.append(Entry(wanted.part, wanted.profile.name, root.name, made))
    minutes = Minutes("requests-signed", offline.record.fleet, operator, now, root, entries)
    with durable.new_directory(out, durable.PUBLIC_DIRECTORY, "what was certified") as scratch:
        record.write(scratch, record.new(offline.record.fleet, [root, *entries], now))
        minutes.keep(scratch)
    offline.with_entries(entries, now)
    return entries, minutes.keep(offline.directory)


def _judged(
    offline: Record, requests: Mapping[str, x509.CertificateSigningRequest], choices: Choices
) -> list[tuple[Wanted, PublicKey]]:
    """What each request is to become, and its key; every fault of every request in one RequestError."""
    parts = {where: _part(offline.fleet, each) for where, each in requests.items()}
    factories = [part for part in parts.values() if part and part not in choices.servers]
    wanted = {each.part: each for each in intermediates.wanted(factories, choices)}
    faults: list[ChainFault] = []
    judged = []
    for where, each in requests.items():
        own = list(_name_faults(offline, parts, where))
        try:
            key = csr.prove(each, own)
        except RequestError as error:
            faults += [ChainFault(where, fault.wrong, fault.right) for fault in error.faults]
        else:
            judged.append((wanted[parts[where]], key))
    if faults:
        raise RequestError(faults)
    return judged


def _name_faults(offline: Record, parts: Mapping[str, str], where: str) -> list[ChainFault]:
    part = parts[where]
    if not part:
        right = f"O={offline.fleet}, CN={offline.fleet} and a factory's name, as `request` makes it"
        return [ChainFault(where, "its subject is none of this fleet's issuers", right)]
    if part in offline.entries:
        return [ChainFault(where, f"{part!r} is certified already", "name its successor otherwise")]
    if list(parts.values()).count(part) > 1:
        return [ChainFault(where, f"{part!r} is asked for twice", "give one request for each issuer")]
    return []


def _part(fleet: str, found: x509.CertificateSigningRequest) -> str:
    """The factory that a request is for; empty when its subject is not one that this fleet gives."""
    titles = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    part = str(titles[-1].value).removeprefix(f"{fleet} ") if titles else ""
    try:
        names.check_authority(fleet, (part,))
    except InvalidNameError:
        return ""
    return part if found.subject == intermediates.subject(fleet, part) else ""


def _make_requests(
    directory: Path, store: KeyStore, fleet: str, parts: Sequence[str], choices: Choices
) -> None:
    for part in parts:
        signer = choices.place.new_signer(store, names.common_name(fleet, part), choices.algorithm)
        made = csr.make(signer, intermediates.subject(fleet, part))
        text = made.public_bytes(serialization.Encoding.PEM)
        durable.new_file(_request_file(directory, part), text, durable.PUBLIC_FILE, "a request")


def _refuse_taken(there: Record, fleet: str, parts: Sequence[str], directory: Path) -> None:
    if there.fleet != fleet:
        raise AuthorityError(f"{directory} is the authority of fleet {there.fleet!r}, not of {fleet!r}")
    for part in parts:
        if part in there.entries:
            raise ExistsError(directory / there.entries[part].file, "an issuer")


def _request_file(directory: Path, part: str) -> Path:
    return directory / REQUESTS / f"{part}.csr"
