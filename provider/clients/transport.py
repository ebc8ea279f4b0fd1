"""The way to the cloud: the only place that reads MUSTER_PROXY and MUSTER_CA_FILE.

MUSTER_PROXY    an HTTP CONNECT proxy for all cloud traffic; unset: direct, or what HTTPS_PROXY says
MUSTER_CA_FILE  a PEM file with one more trust anchor beside the usual ones (a company proxy's, the local
cloud's)

TLS is always verified, and is 1.2 at least.
"""

from __future__ import annotations

import atexit
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

import certifi
import httpx

from provider.clients.errors import ConfigurationError

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0


def proxy(environment: Mapping[str, str]) -> str | None:
    """The proxy's URL. Raises ConfigurationError when it is none."""
    url = environment.get("MUSTER_PROXY") or None
    if url is not None and not url.startswith(("http://", "https://")):
        raise ConfigurationError("MUSTER_PROXY is no URL; one such as http://127.0.0.1:18443 would be right")
    return url


def extra_anchor(environment: Mapping[str, str]) -> Path | None:
    """The file with the extra trust anchor. Raises ConfigurationError when it is missing or holds no
    certificate.
    """
    name = environment.get("MUSTER_CA_FILE")
    if not name:
        return None
    path = Path(name)
    try:
        ssl.create_default_context().load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"MUSTER_CA_FILE is {name}, which cannot be used ({error}); the path of a PEM file with a CA "
            "certificate would be right (on the local stack: the local cloud makes it when it starts)"
        ) from error
    return path


def ssl_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """A verifying client context: certifi's anchors and the extra one."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if (anchor := extra_anchor(environment)) is not None:
        context.load_verify_locations(cafile=anchor)
    return context


def trust_bundle(environment: Mapping[str, str]) -> str | None:
    """One file with all anchors, for libraries that take nothing else; None when the usual ones are enough.

    It holds public certificates only and goes away with the process.
    """
    anchor = extra_anchor(environment)
    if anchor is None:
        return None
    with tempfile.NamedTemporaryFile("w", prefix="muster-trust-", suffix=".pem", delete=False) as file:
        file.write(certifi.contents() + "\n" + anchor.read_text())
    bundle = Path(file.name)
    atexit.register(bundle.unlink, missing_ok=True)
    return str(bundle)


def http_client(environment: Mapping[str, str]) -> httpx.Client:
    """The HTTP client for every service. Redirects are not followed: no Azure service needs that, tokens
    leak by it.
    """
    return httpx.Client(
        verify=ssl_context(environment),
        proxy=proxy(environment),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        headers={"User-Agent": "muster", "Accept": "application/json"},
    )
