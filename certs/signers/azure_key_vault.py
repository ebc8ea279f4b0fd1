"""Signers in Azure Key Vault or a Managed HSM (azure-keyvault-keys 4.11, API 7.6). The key cannot leave.

The reference names the key's whole identifier, `https://VAULT.vault.azure.net/keys/NAME/VERSION`: with its
version, since an authority's key never changes under its certificate. Credentials are azure-identity's
defaults; the role needed is *Key Vault Crypto User* on that key. MUSTER_PROXY and MUSTER_CA_FILE count.

Kinds: ECDSA and RSA; the service signs with no Ed25519 and no ML-DSA (SignatureAlgorithm of the client).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.keyvault.keys import KeyClient, KeyVaultKey
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from certs.errors import SignerError, SignerUnavailableError
from certs.keys import Algorithm, PublicKey, algorithm_of, supported_public
from certs.signers.references import Reference

_ALGORITHMS: Mapping[str, SignatureAlgorithm] = {
    "ec-p256": SignatureAlgorithm.es256,
    "ec-p384": SignatureAlgorithm.es384,
    "rsa-2048": SignatureAlgorithm.rs256,
    "rsa-3072": SignatureAlgorithm.rs256,
}
_CURVES: Mapping[str, tuple[str, ec.EllipticCurve]] = {
    "ec-p256": ("P-256", ec.SECP256R1()),
    "ec-p384": ("P-384", ec.SECP384R1()),
}
_KEY = re.compile(r"(?P<vault>https://[^/]+)/keys/(?P<name>[0-9A-Za-z-]{1,127})/(?P<version>[0-9a-f]{32})")


class KeyVaultSigner:
    """Signs with a key of a vault. `transport` are options of the Azure clients (proxies, trust)."""

    def __init__(self, key: str, credential: TokenCredential, **transport: Any) -> None:  # noqa: ANN401  as the client has it
        match = _KEY.fullmatch(key)
        if match is None:
            raise SignerError(f"{key!r} is no key of a vault: https://VAULT/keys/NAME/VERSION is")
        self._where = key
        with _told(key):
            client = KeyClient(match["vault"], credential, **transport)
            self._public_key = _public(client.get_key(match["name"], match["version"]))
        self._client = CryptographyClient(key, credential, **transport)

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """Sign `data` at the service; raises SignerError, SignerUnavailableError."""
        algorithm = algorithm_of(self._public_key)
        assert algorithm.hash is not None, "ECDSA and RSA sign a hash"
        digest = hashes.Hash(algorithm.hash)
        digest.update(data)
        with _told(self._where):
            signature = self._client.sign(_ALGORITHMS[algorithm.name], digest.finalize()).signature
        return _der(signature) if algorithm.name in _CURVES else signature

    def __repr__(self) -> str:
        return f"KeyVaultSigner({self._where})"


def open_signer(reference: Reference) -> KeyVaultSigner:
    """The signer that a reference names; raises SignerError, SignerUnavailableError."""
    transport = _transport()
    return KeyVaultSigner(reference["key"], DefaultAzureCredential(**transport), **transport)


def new_key(vault: str, name: str, algorithm: Algorithm) -> Reference:
    """Make a key that can only sign and verify; its reference. Raises SignerError, SignerUnavailableError."""
    if algorithm.name not in _ALGORITHMS:
        raise SignerError(f"Key Vault signs with no {algorithm.title} keys: use {', '.join(_ALGORITHMS)}")
    transport = _transport()
    client = KeyClient(vault, DefaultAzureCredential(**transport), **transport)
    with _told(vault):
        if algorithm.name in _CURVES:
            made = client.create_ec_key(
                name, curve=_CURVES[algorithm.name][0], key_operations=["sign", "verify"]
            )
        else:
            bits = int(algorithm.name.removeprefix("rsa-"))
            made = client.create_rsa_key(name, size=bits, key_operations=["sign", "verify"])
    return {"signer": "azure-key-vault", "key": str(made.id)}


def _transport() -> dict[str, Any]:
    found: dict[str, Any] = {}
    if proxy := os.environ.get("MUSTER_PROXY"):
        found["proxies"] = {"https": proxy}
    if authority := os.environ.get("MUSTER_CA_FILE"):
        found["connection_verify"] = authority
    return found


def _public(key: KeyVaultKey) -> PublicKey:
    """The JSON Web Key (RFC 7518 section 6) as a key of ours."""
    web: Any = key.key
    curve = dict(_CURVES.values()).get(str(getattr(web.crv, "value", web.crv)))
    if curve is not None:
        point = b"\x04" + web.x.rjust(curve.key_size // 8, b"\0") + web.y.rjust(curve.key_size // 8, b"\0")
        return supported_public(ec.EllipticCurvePublicKey.from_encoded_point(curve, point))
    if not (web.n and web.e):
        raise SignerError(f"{key.id}: a key of type {web.kty} does not sign certificates")
    numbers = rsa.RSAPublicNumbers(int.from_bytes(web.e, "big"), int.from_bytes(web.n, "big"))
    return supported_public(numbers.public_key())


def _der(signature: bytes) -> bytes:
    """The service gives r and s side by side (RFC 7518 section 3.4); X.509 wants them in DER."""
    half = len(signature) // 2
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except ClientAuthenticationError as error:
        raise SignerError(f"{where}: not let in: {_line(error)}") from error
    except HttpResponseError as error:
        final = error.status_code is not None and 400 <= error.status_code < 500 and error.status_code != 429
        kind = SignerError if final else SignerUnavailableError
        raise kind(f"{where}: {_line(error)}") from error
    except AzureError as error:
        raise SignerUnavailableError(f"{where}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
