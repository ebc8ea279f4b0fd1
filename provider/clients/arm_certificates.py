"""CA certificates of a provisioning service or a hub, and the proof that their owner holds the key.

ARM API 2026-11-01 for services, 2023-06-30 for hubs (the models of azure-mgmt-iothubprovisioningservices
2.1.0 and azure-mgmt-iothub 4.0.0: the same paths, bodies and actions below the owner's id). The actions and
the deletion need If-Match.
"""

from __future__ import annotations

import base64
from typing import Any

from provider.clients.arm import Arm

SERVICE_API_VERSION = "2026-11-01"
HUB_API_VERSION = "2023-06-30"


class Certificates:
    """Certificates of the owner with this ARM id. Documents are ARM's: {id, name, etag, properties}."""

    def __init__(self, arm: Arm, owner_id: str, api_version: str) -> None:
        self._arm = arm
        self._owner_id = owner_id
        self._version = api_version

    def get(self, name: str) -> dict[str, Any] | None:
        """The certificate's document, or None when there is none."""
        return self._arm.get(self._path(name), self._version)

    def put(self, name: str, der: bytes, if_match: str | None = None) -> dict[str, Any]:
        """Upload a certificate, unverified: `isVerified` is never sent."""
        body = {"properties": {"certificate": base64.b64encode(der).decode()}}
        return self._arm.put(self._path(name), self._version, body, if_match)

    def verification_code(self, name: str, etag: str) -> tuple[str, str]:
        """A fresh code that the CA has to sign, and the certificate's ETag after that."""
        answer = self._arm.post(
            f"{self._path(name)}/generateVerificationCode", self._version, if_match=etag, repeatable=True
        )
        return str(answer["properties"]["verificationCode"]), str(answer.get("etag") or etag)

    def verify(self, name: str, proof_der: bytes, etag: str) -> dict[str, Any]:
        """Hand in the proof: a certificate with the code as its common name, issued by the CA."""
        body = {"certificate": base64.b64encode(proof_der).decode()}
        return self._arm.post(
            f"{self._path(name)}/verify", self._version, body, if_match=etag, repeatable=True
        )

    def delete(self, name: str, etag: str) -> None:
        """Delete the certificate. One that is gone already is no error."""
        self._arm.delete(self._path(name), self._version, if_match=etag)

    def _path(self, name: str) -> str:
        return f"{self._owner_id}/certificates/{name}"
