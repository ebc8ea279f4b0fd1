"""The data plane of DPS: groups and individual enrollments, by lower-case id."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.provider.memory.answers import fault, new_etag

Document = dict[str, Any]


def make_key() -> str:
    """A symmetric key as the service makes one."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


@dataclass
class DpsMemory:
    """Enrollments. `keys` are the symmetric keys, which only `attestationmechanism` tells."""

    groups: dict[str, Document] = field(default_factory=dict)
    individuals: dict[str, Document] = field(default_factory=dict)
    keys: dict[str, Document] = field(default_factory=dict)
    shows_certificate: bool = True
    before_put: Callable[[], None] = lambda: None

    def dps(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        _, collection, name, *rest = unquote(request.url.path).lower().split("/")
        documents = self.groups if collection == "enrollmentgroups" else self.individuals
        if request.method == "PUT":
            self.before_put()
            return self._put_enrollment(documents, name, request)
        current = documents.get(name)
        if current is None:
            return httpx.Response(
                404, json={"errorCode": 404201, "trackingId": "t-1", "message": "not found"}
            )
        if rest == ["attestationmechanism"]:
            return httpx.Response(200, json={**current["attestation"], **self.keys.get(name, {})})
        if request.method == "DELETE":
            del documents[name]
            self.keys.pop(name, None)
            return httpx.Response(204)
        return httpx.Response(200, json=self._shown_enrollment(current))

    def _put_enrollment(
        self, documents: dict[str, Document], name: str, request: httpx.Request
    ) -> httpx.Response:
        current, body = documents.get(name), json.loads(request.content)
        if request.headers.get("if-match") not in (None, (current or {}).get("etag")):
            return fault(412, "PreconditionFailed")
        if body["attestation"]["type"] == "symmetricKey":
            given = body["attestation"].pop("symmetricKey", None)
            made = given or {"primaryKey": make_key(), "secondaryKey": make_key()}
            self.keys[name] = {"symmetricKey": made}
        documents[name] = {**body, "etag": new_etag()}
        return httpx.Response(200, json=self._shown_enrollment(documents[name]))

    def _shown_enrollment(self, document: Document) -> Document:
        if self.shows_certificate:
            return document
        shown: Document = json.loads(json.dumps(document))
        for certificates in (shown["attestation"].get("x509") or {}).values():
            for slot in certificates.values():
                found = x509.load_pem_x509_certificate(slot.pop("certificate").encode())
                slot["info"] = {"sha256Thumbprint": found.fingerprint(hashes.SHA256()).hex().upper()}
        return shown
