"""AWS IoT in memory, as far as a manifest asks for it; tests may read and edit it."""
# ruff: noqa: N803 - parameters have the names that AWS gives them

from __future__ import annotations

import hashlib
import json
import ssl
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from provider.clients.errors import ConflictingError, ForbiddenError, NotFoundError, ServiceError

ARN = "arn:aws:iot:eu-west-1:111122223333:cert/"


@dataclass
class MemoryIot:
    """`things` by name, `certificates` by id; `fails` says how often an operation fails, and how."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    certificates: dict[str, dict[str, Any]] = field(default_factory=dict)
    principals: dict[str, list[str]] = field(default_factory=dict)
    policies: dict[str, list[str]] = field(default_factory=dict)
    shadows: dict[str, Any] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    fails: dict[str, tuple[int, str]] = field(default_factory=dict)

    def call(self, operation: str, **given: Any) -> dict[str, Any]:
        self.calls[operation] += 1
        if operation in self.fails:
            status, code = self.fails.pop(operation)
            kind = ForbiddenError if status == 403 else ServiceError
            raise kind(f"AWS answered {status} {code}", status, code, "")
        answer: dict[str, Any] = getattr(self, f"_{operation}")(**given) or {}
        return answer

    def find(self, operation: str, **given: Any) -> dict[str, Any] | None:
        try:
            return self.call(operation, **given)
        except NotFoundError:
            return None

    def _thing(self, name: str) -> dict[str, Any]:
        if name not in self.things:
            raise NotFoundError("no such thing", 404, "ResourceNotFoundException", "")
        return self.things[name]

    def _describe_thing(self, thingName: str) -> dict[str, Any]:
        return {"thingName": thingName, **self._thing(thingName)}

    def _create_thing(self, thingName: str, thingTypeName: str, attributePayload: Any) -> None:
        if thingName in self.things:
            raise ConflictingError("it exists", 409, "ResourceAlreadyExistsException", "")
        made = {"attributes": dict(attributePayload["attributes"]), "version": 1}
        self.things[thingName] = {"thingTypeName": thingTypeName, **made}

    def _update_thing(
        self, thingName: str, attributePayload: Any, expectedVersion: int | None = None
    ) -> None:
        thing = self._thing(thingName)
        if expectedVersion not in (None, thing["version"]):
            raise ConflictingError("another version", 409, "VersionConflictException", "")
        assert attributePayload["merge"] is True
        thing["attributes"] |= attributePayload["attributes"]
        thing["version"] += 1

    def _delete_thing(self, thingName: str) -> None:
        assert not self.principals.get(thingName)
        del self.things[thingName]

    def _list_things(self, attributeName: str, attributeValue: str, **_: Any) -> dict[str, Any]:
        found = [
            name for name, it in self.things.items() if it["attributes"].get(attributeName) == attributeValue
        ]
        return {"things": [self._describe_thing(name) for name in found]}

    def _add_thing_to_thing_group(self, thingName: str, thingGroupName: str) -> None:
        self._thing(thingName)["group"] = thingGroupName

    def _describe_certificate(self, certificateId: str) -> dict[str, Any]:
        if certificateId not in self.certificates:
            raise NotFoundError("no such certificate", 404, "ResourceNotFoundException", "")
        return {"certificateDescription": self.certificates[certificateId]}

    def _register_certificate_without_ca(self, certificatePem: str, status: str) -> dict[str, Any]:
        made = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificatePem)).hexdigest()
        self.certificates[made] = {"certificateId": made, "certificateArn": ARN + made, "status": status}
        return self.certificates[made]

    def _update_certificate(self, certificateId: str, newStatus: str) -> None:
        self.certificates[certificateId]["status"] = newStatus

    def _delete_certificate(self, certificateId: str) -> None:
        assert self.certificates[certificateId]["status"] == "INACTIVE"
        assert not self.policies.get(ARN + certificateId)
        del self.certificates[certificateId]

    def _attach_policy(self, policyName: str, target: str) -> None:
        known = self.policies.setdefault(target, [])
        known += [] if policyName in known else [policyName]

    def _detach_policy(self, policyName: str, target: str) -> None:
        self.policies[target].remove(policyName)

    def _list_attached_policies(self, target: str) -> dict[str, Any]:
        return {"policies": [{"policyName": each} for each in list(self.policies.get(target, []))]}

    def _attach_thing_principal(self, thingName: str, principal: str) -> None:
        known = self.principals.setdefault(thingName, [])
        known += [] if principal in known else [principal]

    def _detach_thing_principal(self, thingName: str, principal: str) -> None:
        self.principals[thingName].remove(principal)

    def _list_thing_principals(self, thingName: str) -> dict[str, Any]:
        return {"principals": list(self.principals.get(thingName, []))}

    def _list_principal_things(self, principal: str) -> dict[str, Any]:
        return {"things": [name for name, held in self.principals.items() if principal in held]}

    def _get_thing_shadow(self, thingName: str) -> dict[str, Any]:
        if thingName not in self.shadows:
            raise NotFoundError("no shadow", 404, "ResourceNotFoundException", "")
        return {"payload": self.shadows[thingName]}

    def _update_thing_shadow(self, thingName: str, payload: bytes) -> None:
        self.shadows[thingName] = json.loads(payload)

    def _delete_thing_shadow(self, thingName: str) -> None:
        self._get_thing_shadow(thingName)
        del self.shadows[thingName]
