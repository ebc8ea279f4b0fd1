"""Private keys at rest: one age envelope a batch (age-encryption.org/v1, X25519), to the factory line's key.

One envelope costs one key agreement and ChaCha20-Poly1305 over the rest, where a passphrase's derivation for
each key would cost more than the key itself. The recipient is public, so the machine that issues cannot read
back what it wrote; the identity that opens it lives on the line, in a file of mode 0600.
"""

from __future__ import annotations

import os
from pathlib import Path

import pyrage  # type: ignore[import-untyped]  # has no types

from certs import durable
from certs.bulk.errors import SealError

_MAX_BYTES = 1 << 16


class Sealer:
    """Seals for one recipient (`age1…`); raises SealError when it is none."""

    def __init__(self, recipient: str) -> None:
        try:
            self._recipient = pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError as error:
            raise SealError(
                f"{recipient[:80]!r} is no age recipient; one looks like age1… (`muster certs line-key`)"
            ) from error

    def seal(self, clear: bytes) -> bytes:
        """The envelope."""
        return bytes(pyrage.encrypt(clear, [self._recipient]))


class Opener:
    """Opens what was sealed for one identity, which it never shows."""

    def __init__(self, identity: Path) -> None:
        self._where = identity
        self._identities = [_identity(line, identity) for line in _lines(identity)]

    def __repr__(self) -> str:
        return f"Opener({str(self._where)!r})"

    @property
    def recipients(self) -> tuple[str, ...]:
        """The public halves."""
        return tuple(str(each.to_public()) for each in self._identities)

    def open(self, envelope: bytes, what: str) -> bytes:
        """What is inside; raises SealError, naming `what`, when it is for another or was changed."""
        try:
            return bytes(pyrage.decrypt(envelope, self._identities))
        except pyrage.DecryptError as error:
            raise SealError(f"{what}: the identity in {self._where} does not open its keys") from error


def new_identity(path: Path) -> str:
    """Make an identity in a file of mode 0600; returns its recipient. Raises ExistsError, StorageError."""
    made = pyrage.x25519.Identity.generate()
    recipient = str(made.to_public())
    text = f"# public key: {recipient}\n{made}\n".encode("ascii")
    durable.new_file(path, text, durable.PRIVATE_FILE, "an identity")
    return recipient


def _lines(path: Path) -> list[str]:
    """The lines of an identity file as age writes it; raises SealError when others can read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            data = file.read(_MAX_BYTES)
    except OSError as error:
        raise SealError(f"identity {path}: {error.strerror or 'cannot be read'}") from error
    if mode & 0o077:
        raise SealError(f"identity {path} has mode {mode:04o}, so others can read it: chmod 600 {path}")
    text = data.decode("utf-8", errors="replace").splitlines()
    found = [line.strip() for line in text if line.strip() and not line.startswith("#")]
    if not found:
        raise SealError(f"identity {path} holds no age identity (AGE-SECRET-KEY-1…)")
    return found


def _identity(line: str, path: Path) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(line)
    except pyrage.IdentityError:
        # `from None`: the library may quote the line.
        raise SealError(f"identity {path} holds a line that is no age identity") from None
