"""Succession: a new root or a new intermediate beside the old, so that both chains are valid for a while.

A new root is certified by the old one, the old one by the new one, and the issuers (same names, same keys) by
the new root as well. So whoever trusts either root can verify every device, old or new, and no device has to
change anything until its own certificate is renewed:

    cross/root-2.by.root.pem   for who trusts the old root and meets what the new one has issued
    cross/root.by.root-2.pem   for who trusts the new root and meets what the old one has issued
    cross/oslo.by.root-2.pem   the issuer oslo under the new root

A new intermediate has a name and key of its own; the old one stays until its last device is renewed
(`certs.inventory` tells whose those are).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cryptography import x509

from certs import assemble, authority, intermediates, names, profiles
from certs.authority import Authority
from certs.checks import extension
from certs.errors import IssueError
from certs.intermediates import Choices
from certs.keys import supported_public
from certs.minutes import Minutes
from certs.names import ROOT
from certs.profiles import PROFILES, Profile
from certs.record import CROSS, ISSUER_KINDS, Entry, Record
from certs.signers import Signer


def succeed_root(
    there: Authority, key_passphrase: bytes, days: int, choices: Choices, operator: str, now: datetime
) -> tuple[Authority, list[Entry]]:
    """A new root beside the newest, cross-certified both ways, and its issuers under it as well.

    All of it appears at once, or nothing. Raises ClockError, SignerError, KeyStoreError, IssueError (the old
    root has ended), StorageError.
    """
    there.refuse_clock_set_back(now)
    old = there.record.roots()[-1]
    part = _successor(there.record, old)
    names.check_length(names.common_name(there.record.fleet, part))
    _common_days(old.certificate.not_valid_after_utc, now, old)  # before a key is made
    old_signer = there.signer(old.name, key_passphrase)
    store = there.store(key_passphrase)
    signer, new = authority.make_root(store, there.record.fleet, part, days, choices, now)
    added = [
        new,
        _certified_again(new, old, old_signer, profiles.CROSS, now),
        _certified_again(old, new, signer, profiles.CROSS, now),
    ]
    issuers = map(there.origin, there.issuers(old.name).values())
    added += [
        _certified_again(each, new, signer, PROFILES[each.kind], now)
        for each in issuers
        if each.certificate.not_valid_after_utc > now
    ]
    return _added(there, added, Minutes("root-succeeded", there.record.fleet, operator, now, old, added))


def succeed_issuer(
    there: Authority,
    name: str,
    key_passphrase: bytes,
    days: int,
    choices: Choices,
    operator: str,
    now: datetime,
) -> tuple[Authority, list[Entry]]:
    """A new intermediate of the same kind, confined alike, beside the old, under the newest root.

    Raises ClockError, AuthorityError (no such intermediate), SignerError, KeyStoreError, IssueError.
    """
    there.refuse_clock_set_back(now)
    old = there.record.named(name, *ISSUER_KINDS)
    root = there.record.roots()[-1]
    part = _successor(there.record, old)
    fleet = there.record.fleet
    names.check_length(names.common_name(fleet, part))
    root_signer = there.signer(root.name, key_passphrase)
    title = names.common_name(fleet, part)
    profile, subject = PROFILES[old.kind], intermediates.subject(fleet, part)
    order = assemble.Order(profile, subject, root_signer.public_key(), days, more=_own(old))
    assemble.check(order, root_signer, root.certificate, now)  # before a key is made
    signer = choices.place.new_signer(there.store(key_passphrase), title, choices.algorithm)
    order = replace(order, public_key=signer.public_key())
    made = assemble.issued(order, root_signer, root.certificate, now)
    added = [Entry(part, old.kind, root.name, made)]
    return _added(there, added, Minutes("issuer-succeeded", fleet, operator, now, root, added))


def _added(there: Authority, added: list[Entry], minutes: Minutes) -> tuple[Authority, list[Entry]]:
    changed = there.with_entries(added, minutes.at)
    minutes.keep(there.directory)
    return changed, added


def _certified_again(entry: Entry, by: Entry, signer: Signer, profile: Profile, now: datetime) -> Entry:
    """The same name and key under another root, until the first of the two ends (or the profile's days)."""
    ends = min(entry.certificate.not_valid_after_utc, by.certificate.not_valid_after_utc)
    days = min(_common_days(ends, now, entry), profile.days)
    certificate = entry.certificate
    order = assemble.Order(
        profile, certificate.subject, supported_public(certificate.public_key()), days, more=_own(entry)
    )
    made = assemble.issued(order, signer, by.certificate, now)
    return Entry(f"{entry.name}.by.{by.name}", CROSS, by.name, made)


def _common_days(ends: datetime, now: datetime, entry: Entry) -> int:
    """For how many days a certificate that ends then can be certified again."""
    days = (ends - now).days
    if days < 1:
        raise IssueError(
            f"{entry.name} ends within a day, {ends:%Y-%m-%dT%H:%M:%SZ}: too late to certify it again"
        )
    return days


def _own(entry: Entry) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    """What an intermediate is confined to, which its like shall be too."""
    confined = extension(entry.certificate, x509.NameConstraints)
    return ((confined, True),) if confined is not None else ()


def _successor(record: Record, entry: Entry) -> str:
    """The name of the next of its line: oslo, oslo-2, oslo-3."""
    line, _, number = entry.name.rpartition("-")
    if not (number.isdigit() and (line == ROOT or line in record.entries)):
        line = entry.name
    count = 2
    while f"{line}-{count}" in record.entries:
        count += 1
    return f"{line}-{count}"
