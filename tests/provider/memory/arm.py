"""Azure Resource Manager: documents by lower-case id; certificates and their proof of possession."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.provider.memory.answers import fault, merge, new_etag


@dataclass
class ArmMemory:
    """ARM documents."""

    arm: dict[str, dict[str, Any]] = field(default_factory=dict)
    accepts_proof: bool = True
    links_end_as: str = "Succeeded"
    before_put: Callable[[], None] = lambda: None

    def resource_manager(self, request: httpx.Request) -> httpx.Response:
        """One call."""
        path = request.url.path.lower()
        if request.method == "POST":
            return self._action(request, path)
        current = self.arm.get(path)
        if request.method == "PUT":
            self.before_put()
            current = self.arm.get(path)
            if request.headers.get("if-match") not in (None, (current or {}).get("etag")):
                return fault(412, "PreconditionFailed")
            return httpx.Response(200, json=self._put(path, current or {}, json.loads(request.content)))
        if current is None:
            return fault(404, "ResourceNotFound")
        if request.method == "PATCH":
            merge(current, json.loads(request.content))
            self._link(current)
            return httpx.Response(200, json=current)
        if request.method == "DELETE":
            del self.arm[path]
            return httpx.Response(204)
        return httpx.Response(200, json=current)

    def _link(self, namespace: dict[str, Any]) -> None:
        for section in ("provisioning", "messaging"):
            for entry in namespace["properties"].get(section, {}).get("endpoints", {}).values():
                entry.setdefault("linkingState", self.links_end_as)

    def _put(self, path: str, current: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        computed: dict[str, Any] = {}
        if "/certificates/" in path:
            certificate = x509.load_der_x509_certificate(base64.b64decode(body["properties"]["certificate"]))
            computed = {
                "thumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - the field of the API
                "subject": certificate.subject.rfc4514_string(),
                "expiry": format_datetime(certificate.not_valid_after_utc, usegmt=True),
                "isVerified": False,
            }
        elif hubs := body["properties"].get("iotHubs"):
            for hub in hubs:
                hub["name"] = (
                    hub.get("hostName") or re.findall(r"HostName=([^;]+)", hub["connectionString"])[0]
                )
        self.arm[path] = {
            **{key: current[key] for key in ("id", "name", "type") if key in current},
            **body,
            "etag": new_etag(),
            "properties": {**body["properties"], **computed},
        }
        return self.arm[path]

    def _action(self, request: httpx.Request, path: str) -> httpx.Response:
        path, _, action = path.rpartition("/")
        document = self.arm[path]
        if request.headers.get("if-match") != document["etag"]:
            return fault(412, "PreconditionFailed")
        document["etag"] = new_etag()
        if action == "generateverificationcode":
            document["code"] = secrets.token_hex(8)
            properties = {**document["properties"], "verificationCode": document["code"]}
            return httpx.Response(200, json={"etag": document["etag"], "properties": properties})
        proof = x509.load_der_x509_certificate(base64.b64decode(json.loads(request.content)["certificate"]))
        ca = x509.load_der_x509_certificate(base64.b64decode(document["properties"]["certificate"]))
        proof.verify_directly_issued_by(ca)
        assert proof.subject.rfc4514_string() == f"CN={document['code']}"
        if not self.accepts_proof:
            return fault(400, "InvalidProof")
        document["properties"]["isVerified"] = True
        return httpx.Response(200, json=document)
