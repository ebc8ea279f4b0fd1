"""CA certificates of a provisioning service, and the proof that their owner holds the key.

ARM API 2026-11-01 (the model of azure-mgmt-iothubprovisioningservices 2.1.0: CertificateProperties,
VerificationCodeResponse, VerificationCodeRequest). The actions and the deletion need If-Match.
"""

from __future__ import annotations

import base64
from typing import Any

from provider.clients.arm import Arm

API_VERSION = "2026-11-01"


class DpsCertificates:
    """Certificates of the service with this ARM id. Documents are ARM's: {id, name, etag, properties}."""

    def __init__(self, arm: Arm, service_id: str) -> None:
        self._arm = arm
        self._service_id = service_id

    def get(self, name: str) -> dict[str, Any] | None:
        """The certificate's document, or None when there is none."""
        return self._arm.get(self._path(name), API_VERSION)

    def put(self, name: str, der: bytes, if_match: str | None = None) -> dict[str, Any]:
        """Upload a certificate, unverified: `isVerified` is never sent."""
        body = {"properties": {"certificate": base64.b64encode(der).decode()}}
        return self._arm.put(self._path(name), API_VERSION, body, if_match)

    def verification_code(self, name: str, etag: str) -> tuple[str, str]:
        """A fresh code that the CA has to sign, and the certificate's ETag after that."""
        answer = self._arm.post(
            f"{self._path(name)}/generateVerificationCode", API_VERSION, if_match=etag, repeatable=True
        )
        return str(answer["properties"]["verificationCode"]), str(answer.get("etag") or etag)

    def verify(self, name: str, proof_der: bytes, etag: str) -> dict[str, Any]:
        """Hand in the proof: a certificate with the code as its common name, issued by the CA."""
        body = {"certificate": base64.b64encode(proof_der).decode()}
        return self._arm.post(f"{self._path(name)}/verify", API_VERSION, body, if_match=etag, repeatable=True)

    def delete(self, name: str, etag: str) -> None:
        """Delete the certificate. One that is gone already is no error."""
        self._arm.delete(self._path(name), API_VERSION, if_match=etag)

    def _path(self, name: str) -> str:
        return f"{self._service_id}/certificates/{name}"
