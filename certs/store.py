"""The key store: a directory of encrypted private keys, or of where they live, each found by its public key.

A file is named by the SHA-256 of the key's SubjectPublicKeyInfo, so that whoever has the certificate finds
the key, and no path ever needs to be written down. Files have mode 0600 in a directory of mode 0700; looser
ones are refused, as ssh does it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from certs import durable, pkcs8
from certs import passphrase as passphrases
from certs.errors import (
    DamagedKeyError,
    KeyNotFoundError,
    KeyStoreError,
    LoosePermissionsError,
    StorageError,
)
from certs.keys import PrivateKey, supported_private, supported_public
from certs.signers import Signer, references
from certs.signers.file import FileSigner
from certs.signers.references import Reference

DIRECTORY_VARIABLE = "MUSTER_KEY_STORE"


def key_id(public_key: PublicKeyTypes) -> str:
    """The name of a key: SHA-256 over its SubjectPublicKeyInfo, in lower-case hex."""
    info = public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(info).hexdigest()


class KeyStore:
    """A directory of encrypted private keys, opened with one passphrase."""

    def __init__(self, directory: Path, passphrase: bytes) -> None:
        self._directory = directory
        self._passphrase = passphrase

    def __repr__(self) -> str:
        return f"KeyStore({str(self._directory)!r})"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> KeyStore:
        """The store in MUSTER_KEY_STORE, opened by MUSTER_KEY_PASSPHRASE_FILE or MUSTER_KEY_PASSPHRASE.

        Raises KeyStoreError when no store is named, PassphraseError when no passphrase can be had.
        """
        variables = os.environ if environment is None else environment
        directory = variables.get(DIRECTORY_VARIABLE)
        if not directory:
            raise KeyStoreError(f"no key store: set {DIRECTORY_VARIABLE} to its directory")
        return cls(Path(directory), passphrases.read(environment=variables))

    def add(self, private_key: PrivateKey) -> str:
        """Encrypt and keep a key; returns its id. A key that is there already is left as it is.

        Raises PassphraseError for a short passphrase, UnsupportedKeyError, LoosePermissionsError,
        StorageError.
        """
        passphrases.check_strength(self._passphrase)
        name = key_id(supported_private(private_key).public_key())
        self._make_directory()
        path = self._path(name)
        if not path.exists():
            durable.write(path, pkcs8.encrypt(private_key, self._passphrase), durable.PRIVATE_FILE)
        return name

    def signer_for(self, certificate: x509.Certificate) -> Signer:
        """The signer that holds this certificate's private key.

        Raises KeyNotFoundError, WrongPassphraseError, LoosePermissionsError, DamagedKeyError,
        UnsupportedKeyError.
        """
        name = key_id(certificate.public_key())
        subject = certificate.subject.rfc4514_string()
        what = f"the key of {subject!r} ({name[:16]}…)"
        if (reference := self._reference(name)) is not None:
            return self._elsewhere(reference, name, what)
        key = self._open(self._path(name), what)
        if key_id(key.public_key()) != name:
            raise DamagedKeyError(
                f"{self._path(name)} holds another key than its name says: restore it from a backup"
            )
        return FileSigner(supported_private(key))

    def refer(self, public_key: PublicKeyTypes, reference: Reference) -> str:
        """Keep the place of a key that a hardware module or a key service holds; returns the key's id.

        Raises SignerError for half a reference, LoosePermissionsError, StorageError.
        """
        name = key_id(supported_public(public_key))
        self._make_directory()
        text = json.dumps(dict(references.check(reference)), indent=2) + "\n"
        durable.write(self._reference_path(name), text.encode(), durable.PRIVATE_FILE)
        return name

    def holds(self, certificate: x509.Certificate) -> bool:
        """Whether the store has this certificate's key, or knows where it lives."""
        return self.is_elsewhere(certificate) or self._path(key_id(certificate.public_key())).exists()

    def is_elsewhere(self, certificate: x509.Certificate) -> bool:
        """Whether a module or service holds this certificate's key, so that no passphrase is needed."""
        return self._reference_path(key_id(certificate.public_key())).exists()

    def _reference(self, name: str) -> Reference | None:
        path = self._reference_path(name)
        try:
            text = path.read_bytes()
            _refuse_loose(self._directory, durable.PRIVATE_DIRECTORY)
            found = json.loads(text)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(path, error) from error
        except ValueError as error:
            raise DamagedKeyError(f"{path}: no JSON; restore it from a backup") from error
        if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
            raise DamagedKeyError(f"{path}: no reference to a key; restore it from a backup")
        return found

    def _elsewhere(self, reference: Reference, name: str, what: str) -> Signer:
        signer = references.open_reference(reference)
        if key_id(signer.public_key()) != name:
            raise DamagedKeyError(f"{self._reference_path(name)} leads to another key than {what}")
        return signer

    def _open(self, path: Path, what: str) -> PrivateKeyTypes:
        try:
            _refuse_loose(self._directory, durable.PRIVATE_DIRECTORY)
            _refuse_loose(path, durable.PRIVATE_FILE)
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise KeyNotFoundError(f"{what} is not in the key store {self._directory}") from error
        except OSError as error:
            raise StorageError(path, error) from error
        return pkcs8.decrypt(data, self._passphrase, f"{what} in {path}")

    def _make_directory(self) -> None:
        try:
            self._directory.mkdir(mode=durable.PRIVATE_DIRECTORY, parents=True, exist_ok=True)
            _refuse_loose(self._directory, durable.PRIVATE_DIRECTORY)
        except OSError as error:
            raise StorageError(self._directory, error) from error

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.pem"

    def _reference_path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def _refuse_loose(path: Path, right: int) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise LoosePermissionsError(
            f"{path} has mode {mode:04o}, so others can reach the keys: chmod {right:o} {path}"
        )
