"""Every error of `certs`, in one tree.

    CertsError
    ├── UnreadableError          a file or text is no certificate (or holds more than it should)
    ├── ChainError               a chain is not fit for use; `.faults` holds everything that is wrong with it
    ├── InvalidNameError         a fleet, factory or registration id breaks the rules
    ├── IssueError               a certificate cannot be issued as asked
    │   ├── CloudError           the cloud it is for would refuse it
    │   ├── RequestError         a certificate request (CSR) is unfit; `.faults` holds all that is wrong
    │   └── ClockError           the clock stands before what was made already
    ├── AuthorityError           an authority's directory is not what the command needs
    ├── TamperedError            a ledger or an inventory is not as it was written
    ├── InventoryError           the inventory cannot do what is asked (unknown certificate, revoked already)
    ├── ExistsError              the output is there already; nothing was changed
    ├── StorageError             the file system refused (full disk, no permission)
    ├── SignerError              a signer does not fit or did not sign
    │   ├── SignerUnavailableError the module or service went away; trying again may help
    │   └── UnsupportedKeyError  the key is of a kind we do not use
    ├── KeyStoreError
    │   ├── KeyNotFoundError     the store holds no key for this certificate
    │   ├── WrongPassphraseError the key is there, the passphrase does not open it
    │   ├── LoosePermissionsError others could read the key
    │   └── DamagedKeyError      the key file is not what it should be
    └── PassphraseError          no passphrase, too short, or from a file that others can read

Messages are for the person at the keyboard and never hold a key or a passphrase.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class CertsError(Exception):
    """Anything that goes wrong in `certs`."""


class UnreadableError(CertsError):
    """A file or text that should hold a certificate does not."""

    def __init__(self, where: str, wrong: str, right: str = "one X.509 certificate, PEM or DER") -> None:
        super().__init__(f"{where}: {wrong}; expected {right}")
        self.where = where
        self.wrong = wrong
        self.right = right


@dataclass(frozen=True)
class ChainFault:
    """One thing wrong with one certificate of a chain: which one, what is wrong, what would be right."""

    which: str
    wrong: str
    right: str

    def __str__(self) -> str:
        return f"{self.which}: {self.wrong}; {self.right}"


class ChainError(CertsError):
    """A chain is not fit for use; `faults` holds all that is wrong, in the order root, issuers, leaf."""

    def __init__(self, faults: Sequence[ChainFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class InvalidNameError(CertsError):
    """The name of a fleet or a factory, or a registration id, breaks the rule that the message quotes."""


class IssueError(CertsError):
    """A certificate cannot be issued as asked: the issuer is unfit, or would be outlived."""


class CloudError(IssueError):
    """The cloud that a certificate is for would refuse it; the message names the rule and its page."""


class RequestError(IssueError):
    """A certificate request is refused; `faults` holds all that is wrong with it."""

    def __init__(self, faults: Sequence[ChainFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class ClockError(IssueError):
    """The clock stands before the moment of something that the authority has made already."""


class TamperedError(CertsError):
    """A chained log was changed, cut or reordered after it was written; the message names the place."""


class InventoryError(CertsError):
    """The inventory cannot do what is asked of it: no such certificate, or it is revoked already."""


class ExistsError(CertsError):
    """The output exists already. Nothing is ever overwritten."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} exists and is not empty; {what} is never overwritten: choose another place")
        self.path = path


class AuthorityError(CertsError):
    """An authority's directory lacks what a command needs, or holds what does not belong together."""


class StorageError(CertsError):
    """The file system refused to read or write."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path}: {error.strerror or error}")
        self.path = path


class SignerError(CertsError):
    """A signer does not fit the certificate it should sign for, or its signature does not verify."""


class SignerUnavailableError(SignerError):
    """The hardware module or key service that holds the key does not answer: later it may."""


class UnsupportedKeyError(SignerError):
    """A key of a kind that we neither sign with nor certify."""

    def __init__(self, found: str, supported: Iterable[str] = ()) -> None:
        super().__init__(f"a key of kind {found} is not supported; use one of {', '.join(supported)}")


class KeyStoreError(CertsError):
    """Something about the key store; always one of the kinds below, or a store that is not there."""


class KeyNotFoundError(KeyStoreError):
    """The store holds no private key for this public key."""


class WrongPassphraseError(KeyStoreError):
    """The key is there, but this passphrase does not open it."""


class LoosePermissionsError(KeyStoreError):
    """A directory or file of the store can be read or changed by others than its owner."""


class DamagedKeyError(KeyStoreError):
    """A key file is no encrypted PKCS#8, or holds another key than its name says."""


class PassphraseError(CertsError):
    """There is no passphrase, it is too short, or it comes from a file that others can read."""
