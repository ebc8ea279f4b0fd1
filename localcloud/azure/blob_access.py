"""Who may read and write a blob: a token for https://storage.azure.com, a key of the account, or a signature.

A key signs the request ("Authorize with Shared Key", Blob service, 2015-02-21 and later), unless the account
takes no keys. A shared access signature is a service SAS of version 2018-11-09 for one blob ("Create a
service SAS"): what the local cloud's hubs give devices to upload files. It is signed with a key of the
account and good though the account takes none: in its place Azure's hubs use a user delegation key, which is
not served here.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from localcloud.azure.entra import STORAGE
from localcloud.azure.gate import KEYS, Gate, UnauthorizedError
from localcloud.calls import Call
from localcloud.clock import Clock
from localcloud.store import Document, Store

SAS_VERSION = "2018-11-09"
_MOST_SKEW_SECONDS = 15 * 60
_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_SAS_LINES = (
    "sp",
    "st",
    "se",
    "",
    "si",
    "sip",
    "spr",
    "sv",
    "sr",
    "snapshot",
    "rscc",
    "rscd",
    "rsce",
    "rscl",
    "rsct",
)
_NEEDED = {"GET": "r", "HEAD": "r", "PUT": "wc", "DELETE": "d"}


class BlobError(Exception):
    """A refused call: the published code and a sentence (Blob service error codes)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class Access:
    """Decides from the Authorization header, or the signature in the query."""

    def __init__(self, store: Store, gate: Gate, clock: Clock) -> None:
        self._store = store
        self._gate = gate
        self._clock = clock

    def admit(self, call: Call, account: Document) -> None:
        """Let the caller in. Raises BlobError, UnauthorizedError."""
        header = call.header("authorization") or ""
        if header.startswith("SharedKey "):
            self._check_key(call, account, header.removeprefix("SharedKey "))
        elif not header and "sig" in call.query:
            self._check_signature(call, account)
        else:
            self._gate.admit_bearer(call, STORAGE)

    def _check_key(self, call: Call, account: Document, given: str) -> None:
        if account["properties"].get("allowSharedKeyAccess") is False:
            message = (
                "Key based authentication is not permitted on this storage account (allowSharedKeyAccess)."
            )
            raise BlobError(403, "KeyBasedAuthenticationNotPermitted", message)
        self._check_time(call)
        made = [shared_key(call, account["name"], key) for key in self._keys(account)]
        if not any(hmac.compare_digest(given.encode(), it.encode()) for it in made):
            raise UnauthorizedError("the signature does not match a key of the account")

    def _check_time(self, call: Call) -> None:
        try:
            at = parsedate_to_datetime(call.header("x-ms-date") or call.header("date") or "")
            behind = (self._clock.now() - at).total_seconds()
        except (ValueError, TypeError):
            raise UnauthorizedError("x-ms-date must be a time of RFC 1123") from None
        # A clock that was moved leaves its clients behind.
        if not -_MOST_SKEW_SECONDS <= behind <= self._clock.moved_seconds + _MOST_SKEW_SECONDS:
            raise UnauthorizedError("x-ms-date is more than 15 minutes from now")

    def _check_signature(self, call: Call, account: Document) -> None:
        given = call.query
        if (given.get("sv"), given.get("sr")) != (SAS_VERSION, "b"):
            raise UnauthorizedError(f"served are shared access signatures of sv={SAS_VERSION} and sr=b")
        signed = [signature(call, account["name"], key) for key in self._keys(account)]
        if not any(hmac.compare_digest(given["sig"].encode(), it.encode()) for it in signed):
            raise UnauthorizedError("the shared access signature does not match a key of the account")
        if not self._lives(given.get("st"), given.get("se")):
            raise UnauthorizedError("the shared access signature is not valid at this time")
        if not set(_NEEDED.get(call.method, "")) & set(given.get("sp", "")):
            message = f"The signature's permissions ({given.get('sp')}) do not allow {call.method}."
            raise BlobError(403, "AuthorizationPermissionMismatch", message)

    def _lives(self, start: str | None, end: str | None) -> bool:
        now = self._clock.now()
        try:
            begun = not start or datetime.fromisoformat(start) <= now
            return begun and datetime.fromisoformat(end or "") > now
        except (ValueError, TypeError):
            return False

    def _keys(self, account: Document) -> list[str]:
        kept = self._store.get(KEYS, account["id"].lower()) or {"keys": []}
        return [it["value"] for it in kept["keys"]]


def shared_key(call: Call, account: str, key: str) -> str:
    """`{account}:{signature}` for a call."""
    lines = [call.method, *(_signed(call, name) for name in _SIGNED_HEADERS)]
    own = sorted(
        (name, " ".join(it.split())) for name, it in call.headers.items() if name.startswith("x-ms-")
    )
    lines += [f"{name}:{it}" for name, it in own]
    lines.append(f"/{account}{call.path}")
    lines += [f"{name.lower()}:{unquote(it)}" for name, it in sorted(call.query.items())]
    return f"{account}:{_hmac(key, lines)}"


def signature(call: Call, account: str, key: str) -> str:
    """The `sig` that a service SAS with the call's other parameters has, for the call's blob."""
    place = {"": f"/blob/{account}{unquote(call.path)}"}
    return _hmac(key, [place.get(name) or call.query.get(name, "") for name in _SAS_LINES])


def _hmac(key: str, lines: list[str]) -> str:
    made = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    return base64.b64encode(made).decode()


def _signed(call: Call, name: str) -> str:
    value = call.header(name) or ""
    if name == "content-length" and value == "0":
        return ""
    return "" if name == "date" and call.header("x-ms-date") else value
