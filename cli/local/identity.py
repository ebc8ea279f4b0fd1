"""The secrets and certificates of the local stack: passphrases, the CA chain, a leaf for every device."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from certs import authority, durable, profiles
from certs.chain import Chain, fingerprint, load_certificates, pem, verify_leaf
from certs.errors import CertsError
from certs.issue import DEVICE, LEAF_FILE, Terms
from certs.life.books import Books
from certs.life.first import books_beside, first_device
from certs.life.renewal import Renewal, renew_device
from certs.profiles import Profile
from certs.signers import Signer
from certs.store import KeyStore
from cli.local.devices import Device, claim_folder, claims
from cli.local.errors import IdentityError
from cli.local.layout import Layout
from cli.local.progress import Step
from components.trust import load_trust
from fleet.description import X509, Fleet

_PASSPHRASE_BYTES = 32
_CLAIM_DUE = timedelta(days=30)
_FRESH = "fresh-identity"
"""Below the local state: where a device's next files are made, before they take their place."""


def ensure_passphrases(layout: Layout) -> None:
    """Make the passphrase files that are missing: random, readable by this user alone."""
    for path in (layout.pulumi_passphrase, layout.key_passphrase):
        if not path.exists():
            whole = path.with_suffix(".new")
            whole.unlink(missing_ok=True)
            with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(_PASSPHRASE_BYTES))
            whole.replace(path)


def ensure_chain(layout: Layout, fleet: Fleet, step: Step) -> Chain:
    """Return the fleet's CA chain; make it when the stack file points into the local state and none is there.

    Raises FleetError: certificates that are missing elsewhere, or that do not fit together.
    """
    root, issuers = paths(layout, fleet)
    if not layout.pki.exists() and all(path.parent == layout.pki for path in (root, *issuers.values())):
        factories = [path.stem for path in issuers.values()]
        authority.init(layout.pki, fleet.name, factories, layout.key_passphrase.read_bytes())
        step.done(f"made a root and {len(issuers)} issuer{'s' if len(issuers) > 1 else ''}")
    else:
        step.done("is there")
    return load_trust(fleet, layout.project, layout.stack_file)


def paths(layout: Layout, fleet: Fleet) -> tuple[Path, dict[str, Path]]:
    """Where the stack file says that the certificates lie, from the project's root."""
    issuers = {name: layout.project / path for name, path in fleet.identity.issuers.items()}
    return layout.project / fleet.identity.root, issuers


@dataclass(frozen=True)
class _Wanted:
    """A certificate that somebody is to have: whose, by which issuer, of what kind."""

    name: str
    issuer: str
    group: str
    days: int | None
    terms: Terms = DEVICE


class LeafIssuer:
    """Gives every device a certificate of its group's issuer, and every claim one, on record in the local
    authority's books.

    A context: it opens each issuer's key and each authority's books once, and closes the books.
    """

    def __init__(self, layout: Layout, fleet: Fleet, chain: Chain) -> None:
        self._layout = layout
        self._profile = fleet.identity.device
        self._chain = chain
        self._files = paths(layout, fleet)[1]
        self._store = KeyStore(layout.keys, layout.key_passphrase.read_bytes())
        self._signers: dict[str, Signer] = {}
        self._books: dict[Path, Books | None] = {}
        self._open = ExitStack()

    def __enter__(self) -> LeafIssuer:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def issue(self, device: Device) -> None:
        """Make the device's folder anew with key.pem and leaf.pem; whatever it held is gone.

        A device that the books have an active certificate of gets its next one, and the old one is retired.
        Raises IdentityError: the issuer's key is missing, its passphrase is wrong, or the device's last
        certificate was revoked (then a person has to issue it the next one).
        """
        wanted = _Wanted(device.registration_id, device.issuer, device.group, self._profile.days)
        self._replace(device.folder, wanted, "device")

    def is_good(self, device: Device) -> bool:
        """Tell whether the device needs no certificate: it has a claim, or a leaf by this issuer, on record,
        and not due for renewal.
        """
        due = timedelta(days=self._profile.renew_before_days)
        return device.claim is not None or self._holds(device.leaf, device.issuer, due, profiles.DEVICE)

    def ensure_claim(self, certificate: Path, name: str, issuer: str, group: str) -> bool:
        """Make a claim certificate, its key and chain in a folder beside it; False when a good one is there.

        Raises IdentityError as `issue` does.
        """
        folder = claim_folder(certificate)
        leaf = folder / LEAF_FILE
        if certificate.exists() and self._holds(leaf, issuer, _CLAIM_DUE, profiles.CLAIM):
            return False
        certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._replace(folder, _Wanted(name, issuer, group, None, Terms(profiles.CLAIM)), "claim")
        durable.write(certificate, pem(load_certificates(leaf)[0]).encode(), durable.PUBLIC_FILE)
        return True

    def _replace(self, folder: Path, wanted: _Wanted, what: str) -> None:
        fresh = self._layout.state / _FRESH
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            self._make(wanted, fresh)
            if folder.exists():
                shutil.rmtree(folder)
            fresh.rename(folder)
        except CertsError as error:
            raise IdentityError(f"No certificate for {what} {wanted.name}: {error}") from error

    def _make(self, wanted: _Wanted, out: Path) -> None:
        signer, issuer = self._signer(wanted.issuer), self._chain.issuers[wanted.issuer]
        books, name, days, terms = self._books_of(wanted.issuer), wanted.name, wanted.days, wanted.terms
        if books is None or not _has_one_in_force(books, name):
            first_device(books, name, issuer, signer, out, days, terms=terms, group=wanted.group)
            return
        how = Renewal(days, overlap_days=0, early=True, terms=terms)
        renew_device(books, name, books.issuer(issuer), signer, how, out)
        books.retire_due()

    def _holds(self, file: Path, issuer: str, due: timedelta, profile: Profile) -> bool:
        if not file.exists():
            return False
        try:
            leaf = load_certificates(file)[0]
            verify_leaf(leaf, [self._chain.issuers[issuer]], self._chain.root, profile=profile)
        except CertsError:
            return False
        return leaf.not_valid_after_utc - due > datetime.now(UTC) and self._is_on_record(leaf, issuer)

    def _is_on_record(self, leaf: x509.Certificate, issuer: str) -> bool:
        books = self._books_of(issuer)
        return books is None or books.inventory.has(leaf.serial_number, fingerprint(leaf))

    def _signer(self, issuer: str) -> Signer:
        if issuer not in self._signers:
            self._signers[issuer] = self._store.signer_for(self._chain.issuers[issuer])
        return self._signers[issuer]

    def _books_of(self, issuer: str) -> Books | None:
        file = self._files[issuer]
        if file.parent not in self._books:
            self._books[file.parent] = self._open.enter_context(books_beside(file))
        return self._books[file.parent]


def ensure_claims(layout: Layout, fleet: Fleet, issuer: LeafIssuer) -> int:
    """Make the claim certificates that the stack file names inside the local state; returns how many.

    Those elsewhere are somebody's own, as a CA chain elsewhere is.
    """
    made = 0
    for name, group in sorted(fleet.groups.items()):
        for key, certificate in claims(layout, group).items():
            if certificate.is_relative_to(layout.state) and isinstance(group.attestation, X509):
                made += issuer.ensure_claim(
                    certificate, f"claim-{name}-{key}", group.attestation.issuer, name
                )
    return made


def _has_one_in_force(books: Books, registration_id: str) -> bool:
    """Whether the newest certificate has not ended: it is renewed then, or, when revoked, refused."""
    held = books.inventory.by_id(registration_id)
    return bool(held) and (held[-1].fate == "revoked" or held[-1].issued.not_after > datetime.now(UTC))
