"""What a device proves itself with: a certificate, or a symmetric key; and the tokens made of a key.

A key is a file's name until it is used. It is the device's own key: of an enrollment group's key a device
gets what is derived from it for its registration id, never the key itself
(learn.microsoft.com/azure/iot-dps/concepts-symmetric-key-attestation).
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_FEWEST_BYTES, _MOST_BYTES = 16, 64
"""Of a symmetric key: "symmetric key attestation", and "Create or update device identity" of IoT Hub."""


@dataclass(frozen=True)
class Certificate:
    """PEM files: the leaf and its issuers, and the leaf's key (the same file may hold both)."""

    chain: Path
    key: Path


@dataclass(frozen=True)
class SymmetricKey:
    """A file with a key in base64."""

    file: Path

    def read(self) -> str:
        """The key. Raises OSError, or ValueError with words that do not show it."""
        key = self.file.read_bytes().strip()
        try:
            size = len(base64.b64decode(key, validate=True))
        except binascii.Error:
            raise ValueError("holds no key in base64") from None
        if not _FEWEST_BYTES <= size <= _MOST_BYTES:
            raise ValueError(f"holds a key of {size} bytes, not {_FEWEST_BYTES} to {_MOST_BYTES}")
        return key.decode("ascii")


Credential = Certificate | SymmetricKey


def token(resource: str, key: str, expires: int, policy: str = "") -> str:
    """A shared access signature for `resource` until `expires` (seconds since 1970): HMAC-SHA256 over both
    (learn.microsoft.com/azure/iot-hub/authenticate-authorize-sas). `key` is in base64.
    """
    subject = quote(resource, safe="")
    code = hmac.new(base64.b64decode(key), f"{subject}\n{expires}".encode(), hashlib.sha256)
    signature = quote(base64.b64encode(code.digest()), safe="")
    named = f"&skn={policy}" if policy else ""
    return f"SharedAccessSignature sr={subject}&sig={signature}&se={expires}{named}"
