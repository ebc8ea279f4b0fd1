"""Signers in a hardware module, through PKCS#11 (python-pkcs11; tested against SoftHSM2).

Keys are made in the module, marked sensitive and not extractable: nobody can take them out, we included. The
reference names the module's library, the token's label and the key's CKA_ID in hex; the PIN comes from
MUSTER_PKCS11_PIN_FILE (mode 0600) or MUSTER_PKCS11_PIN. Kinds: ECDSA and RSA.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pkcs11
from cryptography.hazmat.primitives import hashes, serialization
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature, encode_named_curve_parameters
from pkcs11.util.rsa import encode_rsa_public_key

from certs import passphrase
from certs.errors import SignerError, SignerUnavailableError
from certs.keys import Algorithm, PublicKey, algorithm_of, supported_public
from certs.signers.references import Reference

PIN_FILE_VARIABLE, PIN_VARIABLE = "MUSTER_PKCS11_PIN_FILE", "MUSTER_PKCS11_PIN"
_CURVES = {"ec-p256": "secp256r1", "ec-p384": "secp384r1"}
_SECRET = {pkcs11.Attribute.SENSITIVE: True, pkcs11.Attribute.EXTRACTABLE: False}


class Pkcs11Signer:
    """Signs with a key of a token, one thread at a time."""

    def __init__(self, session: pkcs11.Session, key_id: bytes, where: str) -> None:
        self._session = session
        self._where = where
        self._lock = threading.Lock()
        with _told(where):
            self._key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, id=key_id)
            public = session.get_key(object_class=pkcs11.ObjectClass.PUBLIC_KEY, id=key_id)
            self._public_key = _public(public)

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """Sign `data` in the module; raises SignerUnavailableError when it went away."""
        with self._lock, _told(self._where):
            return _signed(self._key, algorithm_of(self._public_key), data)

    def __repr__(self) -> str:
        return f"Pkcs11Signer({self._where})"


def open_signer(reference: Reference) -> Pkcs11Signer:
    """The signer that a reference names; raises SignerError, SignerUnavailableError, PassphraseError."""
    where = f"key {reference['key']} of token {reference['token']!r}"
    try:
        key_id = bytes.fromhex(reference["key"])
    except ValueError as error:
        raise SignerError(f"{where}: a key is named by its CKA_ID in hex") from error
    return Pkcs11Signer(_session(reference["module"], reference["token"]), key_id, where)


def new_key(module: Path, token: str, label: str, algorithm: Algorithm) -> Reference:
    """Make a key in the token, where it stays; its reference.

    Raises SignerError for a kind that the module cannot make, SignerUnavailableError, PassphraseError.
    """
    session = _session(str(module), token)
    key_id = hashlib.sha256(f"{token}/{label}".encode()).digest()[:20]
    with _told(f"token {token!r}"):
        if list(session.get_objects({pkcs11.Attribute.ID: key_id})):
            raise SignerError(f"token {token!r} has a key for {label!r} already (CKA_ID {key_id.hex()})")
        _maker(session, algorithm)(key_id, label)
    return {"signer": "pkcs11", "module": str(module), "token": token, "key": key_id.hex()}


def _maker(session: pkcs11.Session, algorithm: Algorithm) -> Callable[[bytes, str], object]:
    if algorithm.name.startswith("rsa-"):
        bits = int(algorithm.name.removeprefix("rsa-"))
        return lambda key_id, label: session.generate_keypair(
            pkcs11.KeyType.RSA, bits, id=key_id, label=label, store=True, private_template=_SECRET
        )
    if algorithm.name not in _CURVES:
        raise SignerError(
            f"{algorithm.title} keys in a hardware module are not supported: use {', '.join(_CURVES)}"
        )
    curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVES[algorithm.name])}
    parameters = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
    return lambda key_id, label: parameters.generate_keypair(
        id=key_id, label=label, store=True, private_template=_SECRET
    )


def _signed(key: Any, algorithm: Algorithm, data: bytes) -> bytes:  # noqa: ANN401  the binding names no class that signs
    assert algorithm.hash is not None, "ECDSA and RSA sign a hash"
    if algorithm.name.startswith("rsa-"):
        signature: bytes = key.sign(data, mechanism=pkcs11.Mechanism.SHA256_RSA_PKCS)
        return signature
    digest = hashes.Hash(algorithm.hash)
    digest.update(data)
    return encode_ecdsa_signature(key.sign(digest.finalize(), mechanism=pkcs11.Mechanism.ECDSA))


def _public(key: Any) -> PublicKey:  # noqa: ANN401  as above
    encode = encode_rsa_public_key if key.key_type == pkcs11.KeyType.RSA else encode_ec_public_key
    found = serialization.load_der_public_key(encode(key))
    return supported_public(found)


@lru_cache
def _library(module: str) -> Any:  # noqa: ANN401  the binding calls a function what is a class
    return pkcs11.lib(module)


@lru_cache
def _session(module: str, token: str) -> pkcs11.Session:
    """The session with a token: one a process, as a log-in is the whole process's (PKCS#11 v2.40)."""
    pin = passphrase.read_named(PIN_FILE_VARIABLE, PIN_VARIABLE, "PIN of the token")
    with _told(f"token {token!r} of {module}"):
        session: pkcs11.Session = (
            _library(module).get_token(token_label=token).open(user_pin=pin.decode(), rw=True)
        )
        return session


@contextmanager
def _told(where: str) -> Iterator[None]:
    """The module's errors as ours. They carry no text, so their names are what can be told."""
    try:
        yield
    except (pkcs11.NoSuchKey, pkcs11.NoSuchToken) as error:
        raise SignerError(f"{where}: there is none") from error
    except pkcs11.MultipleObjectsReturned as error:
        raise SignerError(f"{where}: there is more than one of this id") from error
    except (pkcs11.PinIncorrect, pkcs11.PinLocked, pkcs11.PinLenRange) as error:
        raise SignerError(f"{where}: the PIN does not open it ({type(error).__name__})") from error
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise SignerUnavailableError(f"{where}: the module failed ({type(error).__name__})") from error
