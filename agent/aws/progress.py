"""How far a device has come with a claim, on disk: killed at any moment, it goes on from there. No SDK.

    {folder}/claim/key.pem       the device's own key, made before anything is asked
    {folder}/claim/created.json  the certificate that AWS made for it, and the token to register it with
    {folder}/claim/leaf.pem      the same certificate, to be shown

The token is AWS' `certificateOwnershipToken`: it holds for an hour, and a certificate that is not registered
by then is deleted ("CreateCertificateFromCsr", fleet-provision-api). All files have mode 0600.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent import certificates, files
from agent.credentials import Certificate

TOKEN_LIFE = timedelta(minutes=55)
"""An hour, less what a request and a clock may be off."""

_FOLDER, _KEY, _CREATED, _LEAF = "claim", "key.pem", "created.json", "leaf.pem"


@dataclass(frozen=True)
class Created:
    """A certificate that AWS made; until when it may be registered. The token is shown by no repr."""

    pem: str
    token: str = field(repr=False)
    until: datetime


class Progress:
    """One device's way from a claim to a certificate of its own. `now` is its wall clock."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder = folder / _FOLDER
        self._now = now

    def key(self) -> certificates.Key:
        """The device's own key: the one that was made before, or a new one, which is kept. Raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        try:
            found = serialization.load_pem_private_key((self._folder / _KEY).read_bytes(), None)
        except (FileNotFoundError, ValueError):
            found = None
        if isinstance(found, ec.EllipticCurvePrivateKey):
            return found
        made = certificates.new_key()
        files.replace(self._folder / _KEY, _pem(made))
        self.forget()
        return made

    def created(self, key: certificates.Key) -> Created | None:
        """The certificate that was made for this key, registered or not, and not to be forgotten."""
        try:
            told: Any = json.loads((self._folder / _CREATED).read_bytes())
            until = datetime.fromisoformat(told["until"])
            if until > self._now() + TOKEN_LIFE:
                until = self._now()  # the clock was set back: how old it is cannot be known
            found = Created(str(told["pem"]), str(told["token"]), until)
            leaf = x509.load_pem_x509_certificate(found.pem.encode())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if leaf.public_key() == key.public_key() else None

    def keep(self, pem: str, token: str) -> Created:
        """Write down what AWS made. Raises OSError."""
        made = Created(pem, token, self._now() + TOKEN_LIFE)
        told = {"pem": pem, "token": token, "until": made.until.isoformat()}
        files.replace(self._folder / _LEAF, pem.encode())
        files.replace(self._folder / _CREATED, json.dumps(told).encode())
        return made

    def credential(self) -> Certificate:
        """The files of what was made, to show it."""
        return Certificate(self._folder / _LEAF, self._folder / _KEY)

    def forget(self) -> None:
        """What was made cannot be registered any more. Raises OSError."""
        (self._folder / _CREATED).unlink(missing_ok=True)

    def end(self) -> None:
        """The device has its own certificate, and its own copy of the key. Raises OSError."""
        if self._folder.exists():
            shutil.rmtree(self._folder)


def _pem(key: certificates.Key) -> bytes:
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, plain)
