"""Which device a certificate is of, from the inventory of what was issued (`certs.life.inventory`).

The inventory knows an issuer by its name only, so a fleet whose issuers share one cannot use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography import x509

from certs.errors import InventoryError
from certs.life.inventory import Inventory, Issued
from certs.store import key_id
from operations.certificates import Certificates, IssuedCertificate, PemCertificates, Together
from operations.errors import CertificatesError

_SQLITE = b"SQLite format 3\x00"
"""How an SQLite file begins (sqlite.org/fileformat.html, "The Database Header")."""


class InventoryCertificates:
    """What an inventory knows of the certificates of some issuers. A `Certificates`.

    Raises CertificatesError when two issuers of different keys have one name.
    """

    def __init__(self, inventory: Inventory, issuers: Sequence[x509.Certificate]) -> None:
        self._inventory = inventory
        self._names = {key_id(one.public_key()): one.subject.rfc4514_string() for one in issuers}
        self._keys = {name: key for key, name in self._names.items()}
        shared = [name for name, number in Counter(self._names.values()).items() if number > 1]
        if shared:
            text = "several issuers have this name, so the inventory cannot tell them apart; give PEM files"
            raise CertificatesError([f"{name}: {text}" for name in shared])

    def by_serial(self, issuer_key: str, serial: int) -> IssuedCertificate | None:
        """The certificate with this serial."""
        name = self._names.get(issuer_key)
        if name is None:
            return None
        try:
            return _issued(self._inventory.by_serial(serial, name).issued, issuer_key)
        except InventoryError:
            return None  # it says no more than that there is none

    def of_device(self, registration_id: str) -> Sequence[IssuedCertificate]:
        """All certificates of a device that are of these issuers."""
        held = (each.issued for each in self._inventory.by_id(registration_id))
        return [_issued(each, self._keys[each.issuer]) for each in held if each.issuer in self._keys]


@contextmanager
def certificates(paths: Sequence[Path], issuers: Sequence[x509.Certificate]) -> Iterator[Certificates]:
    """What was issued, from inventories and from PEM files and folders, while the block runs.

    Raises CertificatesError, and StorageError of `certs`.
    """
    inventories = [path for path in paths if _is_inventory(path)]
    files = [path for path in paths if path not in inventories]
    with ExitStack() as stack:
        found: list[Certificates] = [
            InventoryCertificates(stack.enter_context(Inventory(path)), issuers) for path in inventories
        ]
        if files:
            found.append(PemCertificates(files, issuers))
        yield Together(found)


def _is_inventory(path: Path) -> bool:
    """Whether it is one; what cannot be read is told by who reads it as PEM."""
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _issued(each: Issued, issuer_key: str) -> IssuedCertificate:
    return IssuedCertificate(
        registration_id=each.registration_id,
        serial=each.serial,
        issuer_key=issuer_key,
        sha256=each.sha256.upper(),
        sha1="",
        not_after=each.not_after,
    )
