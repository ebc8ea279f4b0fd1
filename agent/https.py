"""HTTPS to the cloud with the standard library: one request a connection, through the proxy if there is one.

What fails on the way raises UnavailableError or, when the server refused our certificate in the handshake,
RefusedError; an answer of any status is an answer.
"""

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import Any

from agent.credentials import Certificate
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.option_checks import Address

Json = dict[str, Any]
SECONDS = 20.0
_MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class Way:
    """How the cloud is reached and trusted (None: directly; the system's trust)."""

    proxy: Address | None
    trust_pem: str | None


@dataclass(frozen=True)
class Answer:
    """A response with a JSON object as its body; an empty or other body is an empty object."""

    status: int
    body: Json
    retry_after: float | None = None


@dataclass(frozen=True)
class Request:
    """What is asked; `token` becomes the Authorization header, `certificate` is shown in the handshake."""

    method: str
    host: str
    path: str
    body: Json | None = None
    token: str = field(default="", repr=False)
    certificate: Certificate | None = None
    if_match: str = ""

    def headers(self) -> dict[str, str]:
        """All but Host and Content-Length."""
        found = {"Accept": "application/json", "Content-Type": "application/json"}
        found |= {"Authorization": self.token} if self.token else {}
        return found | ({"If-Match": self.if_match} if self.if_match else {})


def context(way: Way, certificate: Certificate | None = None) -> ssl.SSLContext:
    """TLS to the cloud: 1.2 at least, the host's name is checked."""
    made = ssl.create_default_context(cadata=way.trust_pem)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        made.load_cert_chain(certificate.chain, certificate.key)
    return made


def send(way: Way, request: Request) -> Answer:
    """Ask, and read the whole answer. Raises CloudError."""
    try:
        return _send(way, request)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise failure(error) from error


def distrust(way: Way, host: str, port: int) -> str:
    """Why we do not trust the server there, in words; empty when we do, or when it is out of reach."""
    connection = _connection(way, host, context(way), port)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        return str(failure(error))
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
    return ""


def _send(way: Way, request: Request) -> Answer:
    connection = _connection(way, request.host, context(way, request.certificate))
    try:
        body = None if request.body is None else json.dumps(request.body).encode()
        connection.request(request.method, request.path, body, request.headers())
        response = connection.getresponse()
        raw = response.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ValueError(f"the answer has more than {_MOST_BYTES} bytes")
        return Answer(response.status, _object(raw), _seconds(response.getheader("Retry-After")))
    finally:
        connection.close()


def _connection(
    way: Way, host: str, tls: ssl.SSLContext, port: int | None = None
) -> http.client.HTTPSConnection:
    if way.proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=tls)
    made = http.client.HTTPSConnection(way.proxy.host, way.proxy.port, timeout=SECONDS, context=tls)
    made.set_tunnel(host, port or 443)
    return made


def _object(raw: bytes) -> Json:
    try:
        read = json.loads(raw) if raw else {}
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() else None


def failure(error: Exception) -> CloudError:
    """What a connection raised, in one line; a TLS alert is the server's refusal of our certificate."""
    words = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    alert = isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "")
    return RefusedError(words) if alert else UnavailableError(words)
