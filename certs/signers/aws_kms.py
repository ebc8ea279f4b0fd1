"""Signers in AWS KMS (boto3; service model 2014-11-01). The key is made there and cannot leave.

The reference names the key's ARN or id and the region; credentials are found as boto3 finds them
(environment, profile, role). The role needs `kms:GetPublicKey` and `kms:Sign` on that key, and nothing else;
to make one it needs `kms:CreateKey` and `kms:TagResource`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import hashes, serialization

from certs.errors import SignerError, SignerUnavailableError
from certs.keys import Algorithm, PublicKey, algorithm_of, supported_public
from certs.signers.references import Reference

_SPECS: Mapping[str, tuple[str, str]] = {
    "ec-p256": ("ECC_NIST_P256", "ECDSA_SHA_256"),
    "ec-p384": ("ECC_NIST_P384", "ECDSA_SHA_384"),
    "rsa-2048": ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"),
    "rsa-3072": ("RSA_3072", "RSASSA_PKCS1_V1_5_SHA_256"),
    "ed25519": ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512"),
    "ml-dsa-44": ("ML_DSA_44", "ML_DSA_SHAKE_256"),
    "ml-dsa-65": ("ML_DSA_65", "ML_DSA_SHAKE_256"),
}
"""Our kinds: (KeySpec, SigningAlgorithm) of the service model."""

_DENIED = frozenset(
    {
        "AccessDeniedException",
        "NotFoundException",
        "DisabledException",
        "InvalidKeyUsageException",
        "KMSInvalidStateException",
        "UnsupportedOperationException",
        "ValidationException",
        "InvalidSignatureException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
    }
)
"""Answers that trying again does not mend."""


class KmsSigner:
    """Signs with a key of KMS."""

    def __init__(self, client: Any, key: str) -> None:  # noqa: ANN401  boto3's clients have no static type
        self._client = client
        self._key = key
        with _told(key):
            answer = client.get_public_key(KeyId=key)
        self._public_key = supported_public(serialization.load_der_public_key(answer["PublicKey"]))

    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """Sign `data` at the service; raises SignerError, SignerUnavailableError."""
        algorithm = algorithm_of(self._public_key)
        message = {"Message": data, "MessageType": "RAW"}
        if algorithm.hash is not None:  # a digest, since the service takes at most 4,096 bytes as they are
            digest = hashes.Hash(algorithm.hash)
            digest.update(data)
            message = {"Message": digest.finalize(), "MessageType": "DIGEST"}
        with _told(self._key):
            signature: bytes = self._client.sign(
                KeyId=self._key, SigningAlgorithm=_SPECS[algorithm.name][1], **message
            )["Signature"]
        return signature

    def __repr__(self) -> str:
        return f"KmsSigner({self._key})"


def open_signer(reference: Reference) -> KmsSigner:
    """The signer that a reference names; raises SignerError, SignerUnavailableError."""
    return KmsSigner(_client(reference["region"]), reference["key"])


def new_key(region: str, label: str, algorithm: Algorithm) -> Reference:
    """Make a key for signing; its reference. Raises SignerError, SignerUnavailableError."""
    with _told(label):
        made = _client(region).create_key(
            KeySpec=_SPECS[algorithm.name][0],
            KeyUsage="SIGN_VERIFY",
            Description=f"Muster authority: {label}",
            Tags=[{"TagKey": "muster-authority", "TagValue": label}],
        )
    return {"signer": "aws-kms", "key": made["KeyMetadata"]["Arn"], "region": region}


def _client(region: str) -> Any:  # noqa: ANN401  as above
    with _told(region):
        return boto3.client("kms", region_name=region)


@contextmanager
def _told(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code, text = (str(error.response.get("Error", {}).get(it, "")) for it in ("Code", "Message"))
        kind = SignerError if code in _DENIED else SignerUnavailableError
        raise kind(f"KMS key {key}: {code}: {text}") from error
    except BotoCoreError as error:
        raise SignerUnavailableError(f"KMS key {key}: {error}") from error
