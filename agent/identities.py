"""A device's certificates from its cloud: a numbered folder each, the highest that is whole is in use.

    {folder}/0000000007/key.pem  chain.pem  assignment.json

A folder appears under its number with all of its files or not at all (written beside it, synced, renamed), so
a device that is killed at any moment never uses a key without its certificate. What is half made is removed
with the next one. Files have mode 0600, folders 0700.
"""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent import certificates, files
from agent.assignment import Assignment
from agent.credentials import Certificate

_KEY, _CHAIN, _ASSIGNMENT = "key.pem", "chain.pem", "assignment.json"
_UNFINISHED = "unfinished"


class Identities:
    """The certificates of one device. `now` is its wall clock. Where certificates are not `named` after their
    device (AWS chooses the name in what it issues), whose they are is only written beside them.
    """

    def __init__(
        self, folder: Path, registration_id: str, now: Callable[[], datetime], *, named: bool = True
    ) -> None:
        self._folder = folder
        self._registration_id = registration_id
        self._now = now
        self._common_name = registration_id if named else None
        self._lock = threading.Lock()

    def known(self) -> Assignment | None:
        """The assignment of the newest certificate that is whole and not over."""
        found = self._newest()
        return None if found is None else found[1]

    def in_use(self) -> Certificate | None:
        """The files of that certificate."""
        found = self._newest()
        return None if found is None else Certificate(found[0] / _CHAIN, found[0] / _KEY)

    def keep(
        self, identity: certificates.Identity, hub: str, device_id: str, unless: threading.Event
    ) -> Assignment | None:
        """Write it down, to be used from now on; None when `unless` is set by then. Raises OSError."""
        with self._lock:
            if unless.is_set():
                return None
            scratch = self._folder / _UNFINISHED
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(mode=0o700)
            files.write_new(scratch / _KEY, identity.key_pem())
            files.write_new(scratch / _CHAIN, identity.chain_pem())
            told = {"hub": hub, "deviceId": device_id, "registrationId": self._registration_id}
            files.write_new(scratch / _ASSIGNMENT, json.dumps(told).encode())
            files.sync(scratch)
            number = max(self._numbers(), default=0) + 1
            scratch.rename(self._folder / f"{number:010}")
            files.sync(self._folder)
        return Assignment(hub, device_id, identity.validity)

    def retire(self) -> None:
        """Remove all but the newest, and what was left half made. Raises OSError."""
        with self._lock:
            for number in sorted(self._numbers())[:-1]:
                shutil.rmtree(self._folder / f"{number:010}")
            shutil.rmtree(self._folder / _UNFINISHED, ignore_errors=True)

    def _newest(self) -> tuple[Path, Assignment] | None:
        for number in sorted(self._numbers(), reverse=True):
            folder = self._folder / f"{number:010}"
            try:
                return folder, self._read(folder)
            except (OSError, ValueError, TypeError):
                continue  # damaged, of another device, or over: an older one, or a new one
        return None

    def _read(self, folder: Path) -> Assignment:
        key = load_pem_private_key((folder / _KEY).read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("no key that a device makes")
        chain = x509.load_pem_x509_certificates((folder / _CHAIN).read_bytes())
        identity = certificates.checked(chain, key, self._common_name, self._now())
        told: Any = json.loads((folder / _ASSIGNMENT).read_bytes())
        kept = Assignment(str(told["hub"]), str(told["deviceId"]), identity.validity)
        if told.get("registrationId", self._registration_id) != self._registration_id:
            raise ValueError("the certificate was kept for another device")
        return kept

    def _numbers(self) -> Iterator[int]:
        for entry in self._folder.iterdir() if self._folder.is_dir() else ():
            if len(entry.name) == 10 and entry.name.isascii() and entry.name.isdigit():
                yield int(entry.name)


def has_any(folder: Path) -> bool:
    """Whether a certificate was kept there, fit to be used or not."""
    return any(folder.glob(f"{'[0-9]' * 10}/{_CHAIN}"))
