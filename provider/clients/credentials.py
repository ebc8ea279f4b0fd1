"""Who we are: Entra tokens from azure-identity, or a shared access signature where the person gives one.

A shared access signature is used for the DPS data plane alone, when MUSTER_DPS_CONNECTION_STRING names the
very host; everything else takes Entra tokens. Neither a token nor a key is ever logged or put into an
error."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Generator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import httpx

from provider.clients.errors import AuthenticationError, ConfigurationError
from provider.clients.transport import proxy, trust_bundle

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

DPS_SCOPE = "https://azure-devices-provisioning.net/.default"
SIGNATURE_SECONDS = 3600
_CONNECTION_STRING = "MUSTER_DPS_CONNECTION_STRING"


class Credential(Protocol):
    """What we need of a credential of azure-identity."""

    def get_token(self, *scopes: str) -> AccessToken:
        """A token for the scopes."""

    def close(self) -> None:
        """Give back its connections."""


class Entra:
    """Tokens of the identity that DefaultAzureCredential finds (environment, workload, managed, CLI
    login…).
    """

    def __init__(self, environment: Mapping[str, str], credential: Credential | None = None) -> None:
        self._environment = environment
        self._given = credential
        self._lock = threading.Lock()

    def authentication(self, scope: str) -> httpx.Auth:
        """Authentication of requests with a token for the scope; azure-identity caches and renews it."""
        return _Header(lambda: f"Bearer {self._token(scope)}")

    def close(self) -> None:
        """Give back the connections to the token service."""
        if "_credential" in vars(self):
            self._credential.close()

    def _token(self, scope: str) -> str:
        with self._lock:
            try:
                return self._credential.get_token(scope).token
            except Exception as error:  # noqa: BLE001 - errors of msal and requests come through azure-identity
                raise _authentication_error(error) from None

    @cached_property
    def _credential(self) -> Credential:
        if self._given is not None:
            return self._given
        from azure.identity import DefaultAzureCredential  # slow, and previews do without

        return DefaultAzureCredential(**_azure_core_options(self._environment))


class SharedAccessSignature:
    """Signs for one host with one policy's key (`SharedAccessSignature sr=…&sig=…&se=…&skn=…`)."""

    def __init__(self, host: str, policy: str, key: bytes, now: Callable[[], float] = time.time) -> None:
        self._host = host
        self._policy = policy
        self._key = key
        self._now = now

    def __repr__(self) -> str:
        return f"SharedAccessSignature({self._host}, {self._policy})"

    def header(self) -> str:
        """The value of the Authorization header, good for an hour: HMAC-SHA256 over the encoded host and
        the expiry.
        """
        resource = quote(self._host, safe="")
        expiry = int(self._now()) + SIGNATURE_SECONDS
        digest = hmac.digest(self._key, f"{resource}\n{expiry}".encode(), hashlib.sha256)
        signature = quote(base64.b64encode(digest).decode(), safe="")
        policy = quote(self._policy, safe="")
        return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={policy}"


def dps_authentication(host: str, environment: Mapping[str, str], entra: Entra) -> httpx.Auth:
    """How to authenticate at this DPS host. Raises ConfigurationError for a connection string that is
    none.
    """
    text = environment.get(_CONNECTION_STRING)
    signature = connection_signature(text) if text else None
    if signature is None or signature[0] != host.lower():
        return entra.authentication(DPS_SCOPE)
    return _Header(signature[1].header)


def connection_signature(text: str) -> tuple[str, SharedAccessSignature]:
    """The host and the signer of `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`; faults do not quote
    it.
    """
    parts = dict(part.split("=", 1) for part in text.strip().split(";") if "=" in part)
    try:
        host = parts["HostName"].lower()
        key = base64.b64decode(parts["SharedAccessKey"], validate=True)
        return host, SharedAccessSignature(host, parts["SharedAccessKeyName"], key)
    except (KeyError, binascii.Error):
        raise ConfigurationError(
            f"{_CONNECTION_STRING} is no connection string; the form "
            "HostName=<service host>;SharedAccessKeyName=<policy>;SharedAccessKey=<base64> would be right"
        ) from None


class _Header(httpx.Auth):
    def __init__(self, value: Callable[[], str]) -> None:
        self._value = value

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._value()
        yield request


def _azure_core_options(environment: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if (url := proxy(environment)) is not None:
        options["proxies"] = {"http": url, "https": url}
    if (bundle := trust_bundle(environment)) is not None:
        options["connection_verify"] = bundle
    return options


def _authentication_error(error: Exception) -> AuthenticationError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines)[:600] or type(error).__name__
    return AuthenticationError(
        f"no Entra token: {said}. Log in with `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
        "AZURE_CLIENT_SECRET (on the local stack: `source .tools/env`)"
    )
