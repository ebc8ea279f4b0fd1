"""The secrets and certificates of the local stack: passphrases, the CA chain, a leaf for every device."""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certs import authority, issue
from certs.chain import Chain, load_certificates, verify_leaf
from certs.errors import CertsError
from certs.signers import Signer
from certs.store import KeyStore
from cli.local.errors import IdentityError
from cli.local.layout import Layout
from cli.local.progress import Step
from components.trust import load_trust
from fleet.description import Fleet

_PASSPHRASE_BYTES = 32


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
    """Gives every device a certificate of its group's issuer; opens each issuer's key once."""

    def __init__(self, layout: Layout, fleet: Fleet, chain: Chain) -> None:
        self._fleet = fleet
        self._chain = chain
        self._store = KeyStore(layout.keys, layout.key_passphrase.read_bytes())
        self._signers: dict[str, Signer] = {}

    def issue(self, folder: Path, registration_id: str, issuer: str) -> None:
        """Make the folder anew with key.pem and leaf.pem; whatever it held is gone.

        Raises IdentityError when the issuer's key is missing or its passphrase is wrong.
        """
        try:
            days = self._fleet.identity.device.days
            certificate = self._chain.issuers[issuer]
            identity = issue.issue_device(self._signer(issuer), certificate, registration_id, days)
            if folder.exists():
                shutil.rmtree(folder)
            identity.write(folder)
        except CertsError as error:
            raise IdentityError(f"No certificate for device {registration_id}: {error}") from error

    def _signer(self, issuer: str) -> Signer:
        if issuer not in self._signers:
            self._signers[issuer] = self._store.signer_for(self._chain.issuers[issuer])
        return self._signers[issuer]

    def is_good(self, leaf_file: Path, issuer: str) -> bool:
        """Tell whether the leaf is there, was issued by this issuer, and is not due for renewal."""
        if not leaf_file.exists():
            return False
        due = timedelta(days=self._fleet.identity.device.renew_before_days)
        try:
            leaf = load_certificates(leaf_file)[0]
            verify_leaf(leaf, [self._chain.issuers[issuer]], self._chain.root)
        except CertsError:
            return False
        return leaf.not_valid_after_utc - due > datetime.now(UTC)
