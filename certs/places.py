"""Where an authority's keys are made and stay: in encrypted files, a hardware module or a key service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from certs.errors import SignerError
from certs.keys import Algorithm
from certs.signers import Signer, references
from certs.signers.file import FileSigner
from certs.store import KeyStore

FILE = "file"
KINDS = (FILE, *references.KINDS)


@dataclass(frozen=True)
class Place:
    """A kind of place, and what says which one: a module and a token, a region, a vault."""

    kind: str = FILE
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind != FILE:
            references.check_place(self.kind, self.parameters)
        elif self.parameters:
            raise SignerError(f"keys in files need no {', '.join(sorted(self.parameters))}")

    def new_signer(self, store: KeyStore, label: str, algorithm: Algorithm) -> Signer:
        """Make a key and let the store find it: encrypted in it, or where it lives. The signer that holds it.

        A key that a module or service has made stays there, whatever happens after. Raises SignerError,
        SignerUnavailableError, PassphraseError, StorageError.
        """
        if self.kind == FILE:
            key = algorithm.generate()
            store.add(key)
            return FileSigner(key)
        name = re.sub(r"[^0-9A-Za-z-]+", "-", label)  # the narrowest of them, Key Vault's, has no more
        reference = references.new_key(self.kind, self.parameters, name, algorithm)
        signer = references.open_reference(reference)
        store.refer(signer.public_key(), reference)
        return signer


FILES = Place()
