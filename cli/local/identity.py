"""The secrets and certificates of the local stack: passphrases, the CA chain, a leaf for every device."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from certs import authority
from certs.chain import Chain, fingerprint, load_certificates, verify_leaf
from certs.errors import CertsError
from certs.life.books import Books
from certs.life.first import books_beside, first_device
from certs.life.renewal import Renewal, renew_device
from certs.signers import Signer
from certs.store import KeyStore
from cli.local.devices import Device
from cli.local.errors import IdentityError
from cli.local.layout import Layout
from cli.local.progress import Step
from components.trust import load_trust
from fleet.description import Fleet

_PASSPHRASE_BYTES = 32
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


class LeafIssuer:
    """Gives every device a certificate of its group's issuer, on record in the local authority's books.

    A context: it opens each issuer's key and each authority's books once, and closes the books.
    """

    def __init__(self, layout: Layout, fleet: Fleet, chain: Chain) -> None:
        self._layout = layout
        self._days = fleet.identity.device
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
        fresh = self._layout.state / _FRESH
        try:
            shutil.rmtree(fresh, ignore_errors=True)
            self._make(device, fresh)
            if device.folder.exists():
                shutil.rmtree(device.folder)
            fresh.rename(device.folder)
        except CertsError as error:
            raise IdentityError(f"No certificate for device {device.registration_id}: {error}") from error

    def is_good(self, device: Device) -> bool:
        """Tell whether the leaf is there, by this issuer, on record, and not due for renewal."""
        if not device.leaf.exists():
            return False
        due = timedelta(days=self._days.renew_before_days)
        try:
            leaf = load_certificates(device.leaf)[0]
            verify_leaf(leaf, [self._chain.issuers[device.issuer]], self._chain.root)
        except CertsError:
            return False
        return leaf.not_valid_after_utc - due > datetime.now(UTC) and self._is_on_record(leaf, device)

    def _make(self, device: Device, out: Path) -> None:
        signer, issuer = self._signer(device.issuer), self._chain.issuers[device.issuer]
        books, name, days = self._books_of(device.issuer), device.registration_id, self._days.days
        if books is None or not _has_one_in_force(books, name):
            first_device(books, name, issuer, signer, out, days, group=device.group)
            return
        how = Renewal(days, overlap_days=0, early=True)
        renew_device(books, name, books.issuer(issuer), signer, how, out)
        books.retire_due()

    def _is_on_record(self, leaf: x509.Certificate, device: Device) -> bool:
        books = self._books_of(device.issuer)
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


def _has_one_in_force(books: Books, registration_id: str) -> bool:
    """Whether the newest certificate has not ended: it is renewed then, or, when revoked, refused."""
    held = books.inventory.by_id(registration_id)
    return bool(held) and (held[-1].fate == "revoked" or held[-1].issued.not_after > datetime.now(UTC))
