"""A server in the shape of Key Vault's keys (azure-keyvault-keys 4.11, API 7.6), behind its own CONNECT door.

Served: create key, get key, sign; Bearer challenge and token as the service has them. The keys live here, as
they do in a vault. Model: Azure/azure-rest-api-specs, specification/keyvault, Security.KeyVault.Keys.
"""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.x509.oid import NameOID

HOST = "muster.vault.azure.net"
_CURVES: dict[str, tuple[ec.EllipticCurve, hashes.HashAlgorithm, str]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256(), "ES256"),
    "P-384": (ec.SECP384R1(), hashes.SHA384(), "ES384"),
}


class Vault(ThreadingHTTPServer):
    """The keys and the token that is let in; `failing` makes signing answer 500."""

    daemon_threads = True

    def __init__(self, certificate: Path, key: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.keys: dict[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = {}
        self.token = secrets.token_urlsafe(16)
        self.failing = False
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, key)

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Vault

    def do_CONNECT(self) -> None:
        assert self.path == f"{HOST}:443", self.path
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        self._served()

    def do_POST(self) -> None:
        self._served()

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def log_message(self, *_: object) -> None:
        return

    def _served(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        if self.headers.get("authorization") != f"Bearer {self.server.token}":
            challenge = 'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"'
            self._answer(401, {"error": {"code": "Unauthorized", "message": "no token"}}, challenge)
            return
        parts = self.path.partition("?")[0].strip("/").split("/")
        self._answer(*self._found(parts, body))

    def _found(self, parts: list[str], body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if parts[2:] == ["create"]:
            made = f"{parts[1]}/{secrets.token_hex(16)}"
            self.server.keys[made] = _new(body)
            return 200, _bundle(made, self.server.keys[made])
        name = "/".join(parts[1:3])
        if name not in self.server.keys:
            return 404, {
                "error": {"code": "KeyNotFound", "message": f"A key with (name/id) {name} was not found"}
            }
        if parts[3:] != ["sign"]:
            return 200, _bundle(name, self.server.keys[name])
        if self.server.failing:
            return 500, {"error": {"code": "InternalServerError", "message": "later"}}
        signature = _sign(self.server.keys[name], body["alg"], _unpacked(body["value"]))
        return 200, {"kid": f"https://{HOST}/keys/{name}", "value": _packed(signature)}

    def _answer(self, status: int, body: dict[str, Any], challenge: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if challenge:
            self.send_header("www-authenticate", challenge)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running(folder: Path) -> Iterator[Vault]:
    """A vault, trusted by `folder`/ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "server.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    with Vault(folder / "ca.pem", folder / "server.key") as vault:
        thread = threading.Thread(target=vault.serve_forever)
        thread.start()
        try:
            yield vault
        finally:
            vault.shutdown()
            thread.join()


def _new(body: dict[str, Any]) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    if body["kty"] == "EC":
        return ec.generate_private_key(_CURVES[body["crv"]][0])
    return rsa.generate_private_key(65537, body["key_size"])


def _bundle(name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> dict[str, Any]:
    web: dict[str, Any] = {"kid": f"https://{HOST}/keys/{name}", "key_ops": ["sign", "verify"]}
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        web |= {"kty": "RSA", "n": _number(numbers.n, key.key_size // 8), "e": _number(numbers.e, 3)}
    else:
        point = key.public_key().public_numbers()
        curve = next(name for name, (kind, *_) in _CURVES.items() if kind.name == key.curve.name)
        size = key.curve.key_size // 8
        web |= {"kty": "EC", "crv": curve, "x": _number(point.x, size), "y": _number(point.y, size)}
    return {"key": web, "attributes": {"enabled": True, "created": 1, "updated": 1}}


def _sign(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str, digest: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        assert algorithm == "RS256"
        return key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
    kind = next(kind for kind in _CURVES.values() if kind[2] == algorithm)
    r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(kind[1]))))
    size = key.curve.key_size // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def _number(value: int, size: int) -> str:
    return _packed(value.to_bytes(size, "big"))


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
