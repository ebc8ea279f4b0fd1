"""Make an authority: a root, one issuer a factory, their keys in a key store, and a public record.

DIRECTORY/root.pem             the root's certificate
DIRECTORY/<factory>.pem        one issuer a factory
DIRECTORY/authority.json       the record: what was made, when, by which key, with which fingerprint
DIRECTORY/keys/<key id>.pem    encrypted private keys, mode 0600; nothing else is secret
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs import assemble, durable, names, passphrase, profiles
from certs.chain import Chain, load_chain
from certs.errors import IssueError
from certs.issue import new_key
from certs.names import ROOT
from certs.reading import fingerprint, pem
from certs.signers import Signer
from certs.signers.file import FileSigner
from certs.store import KeyStore, key_id

KEYS = "keys"
RECORD = "authority.json"


def init(
    directory: Path,
    name: str,
    factories: Sequence[str],
    key_passphrase: bytes,
    root_days: int = profiles.ROOT.days,
    issuer_days: int = profiles.ISSUER.days,
) -> Chain:
    """Make the authority of fleet `name` in `directory`, whole or not at all, also when killed.

    The directory must not exist, or be empty. Raises InvalidNameError (every bad name at once),
    PassphraseError (too short), IssueError (issuers that would outlive the root), ExistsError, StorageError.
    """
    names.check_authority(name, tuple(factories))
    passphrase.check_strength(key_passphrase)
    if not 1 <= issuer_days <= root_days:
        raise IssueError(f"issuers of {issuer_days} days under a root of {root_days}: 1 <= issuers <= root")
    with durable.new_directory(directory, durable.PUBLIC_DIRECTORY, "an authority") as scratch:
        chain = _make(KeyStore(scratch / KEYS, key_passphrase), name, factories, (root_days, issuer_days))
        _write(scratch, name, chain)
    return chain


def load(directory: Path) -> Chain:
    """The chain of an authority that `init` made: the root and every issuer beside it. Raises ChainError."""
    files = {path.stem: path for path in sorted(directory.glob("*.pem"))}
    root = files.pop(ROOT, directory / f"{ROOT}.pem")
    return load_chain(root, files)


def _make(store: KeyStore, name: str, factories: Sequence[str], days: tuple[int, int]) -> Chain:
    now = datetime.now(UTC)
    root_signer = _new_signer(store)
    root = assemble.self_signed(_order(profiles.ROOT, name, ROOT, root_signer, days[0]), root_signer, now)
    issuers = {}
    for factory in factories:
        signer = _new_signer(store)
        order = _order(profiles.ISSUER, name, factory, signer, days[1])
        issuers[factory] = assemble.issued(order, root_signer, root, now)
    return Chain(root, issuers)


def _new_signer(store: KeyStore) -> Signer:
    key = new_key()
    store.add(key)
    return FileSigner(key)


def _order(profile: profiles.Profile, name: str, part: str, signer: Signer, days: int) -> assemble.Order:
    fleet = x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)
    subject = assemble.subject(names.common_name(name, part), [fleet])
    return assemble.Order(profile, subject, signer.public_key(), days)


def _write(directory: Path, name: str, chain: Chain) -> None:
    certificates = {ROOT: chain.root, **chain.issuers}
    for which, certificate in certificates.items():
        durable.write(directory / f"{which}.pem", pem(certificate).encode("ascii"), durable.PUBLIC_FILE)
    record = {
        "fleet": name,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "certificates": {which: describe(certificate) for which, certificate in certificates.items()},
    }
    text = json.dumps(record, indent=2) + "\n"
    durable.write(directory / RECORD, text.encode(), durable.PUBLIC_FILE)


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
