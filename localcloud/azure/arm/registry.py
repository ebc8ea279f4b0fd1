"""Microsoft.DeviceRegistry (API 2025-11-01-preview): namespaces, their credential, and its policies.

A credential is the root CA of a namespace, a policy an issuing CA below it
(learn.microsoft.com/azure/iot-hub/iot-hub-certificate-management-overview). Both are made by
`localcloud.azure.adr` when their resource is made.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from localcloud.azure import adr
from localcloud.azure.arm.identity import check_identity
from localcloud.azure.arm.kept import fixed, keep, within
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.registry_links import check_links, forget, linked
from localcloud.azure.arm.resources import GROUP, SUBSCRIPTION, Draft, NameRule, ResourceType, World
from localcloud.azure.arm.written import REGISTRY_NAMESPACE
from localcloud.calls import Answer, Call
from localcloud.store import Document

_NAMESPACE = "Microsoft.DeviceRegistry/namespaces"
_MODELS = "azure.mgmt.deviceregistry"
_LINKING = ("2026-11-02-preview", "2026-11-01-preview")
_VERSIONS = (*_LINKING, "2026-03-01-preview", "2025-11-01-preview", "2025-10-01", "2025-07-01-preview")
_AUTHORITIES = ("2025-11-01-preview",)
_LEAF = ("properties", "certificate", "leafCertificateConfiguration", "validityPeriodInDays")


def _check_namespace(world: World, draft: Draft) -> None:
    check_identity(world, draft)
    check_links(world, draft)


def _namespace(world: World, draft: Draft) -> Mapping[str, Any]:
    return {"uuid": draft.was("properties", "uuid") or str(uuid.uuid4()), **linked(world, draft)}


def _credential(world: World, draft: Draft) -> Mapping[str, Any]:
    adr.ensure_root(world.store, world.clock, _namespace_of(draft.id))
    return {}


def _check_policy(_world: World, draft: Draft) -> None:
    within(draft, ".".join(_LEAF), 1, adr.LONGEST_LEAF_DAYS, "days")
    fixed(draft, "properties.certificate.certificateAuthorityConfiguration.keyType")
    if draft.at(
        "properties", "certificate", "certificateAuthorityConfiguration", "bringYourOwnRoot", "enabled"
    ):
        where = "properties.certificate.certificateAuthorityConfiguration.bringYourOwnRoot"
        draft.wrong(where, "is not served by the local cloud: its root is the namespace's own")


def _policy(world: World, draft: Draft) -> Mapping[str, Any]:
    days = draft.at(*_LEAF) or adr.USUAL_LEAF_DAYS
    issuing = adr.ensure_policy(world.store, world.clock, _namespace_of(draft.id), draft.name, days)
    given = draft.properties.get("certificate") or {}
    authority = {"keyType": "ECC", **(given.get("certificateAuthorityConfiguration") or {})}
    authority |= {
        "subject": issuing.subject.rfc4514_string(),
        "validityNotBefore": issuing.not_valid_before_utc.isoformat(),
        "validityNotAfter": issuing.not_valid_after_utc.isoformat(),
    }
    leaf = {"validityPeriodInDays": days}
    return {
        "certificate": {
            "certificateAuthorityConfiguration": authority,
            "leafCertificateConfiguration": leaf,
        }
    }


def _namespace_of(resource_id: str) -> str:
    return "/".join(resource_id.split("/")[:9])


def _credential_removed(world: World, document: Document) -> None:
    adr.forget_root(world.store, _namespace_of(document["id"]))


def _policy_removed(world: World, document: Document) -> None:
    adr.forget_policy(world.store, _namespace_of(document["id"]), document["name"])


def _revoke_issuer(world: World, document: Document, _call: Call, _names: Mapping[str, str]) -> Answer:
    """A new issuing CA takes the place of the old one; what that one issued is trusted no longer."""
    days = document["properties"]["certificate"]["leafCertificateConfiguration"]["validityPeriodInDays"]
    adr.forget_policy(world.store, _namespace_of(document["id"]), document["name"])
    adr.ensure_policy(world.store, world.clock, _namespace_of(document["id"]), document["name"], days)
    return Answer()


def _synchronize(_world: World, _document: Document, _call: Call, _names: Mapping[str, str]) -> Answer:
    """Linked hubs trust the issuing CAs at once here; in Azure this pushes them there."""
    return Answer()


NAMESPACE = ResourceType(
    type=_NAMESPACE,
    path=f"{GROUP}/providers/{_NAMESPACE}/{{name}}",
    listed_below=f"{SUBSCRIPTION}/providers/{_NAMESPACE}",
    versions=_VERSIONS,
    shape=Published(_MODELS, "Namespace"),
    name=NameRule(
        re.compile(r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]"), "3 to 64 lower-case letters, digits and hyphens"
    ),
    build=keep(computed=_namespace),
    shapes=dict.fromkeys(_LINKING, REGISTRY_NAMESPACE),
    merged=frozenset(_LINKING),
    check=_check_namespace,
    removed=forget,
    etag=False,
)
CREDENTIAL = ResourceType(
    type=f"{_NAMESPACE}/credentials",
    path=f"{GROUP}/providers/{_NAMESPACE}/{{namespace}}/credentials/{{name}}",
    versions=_AUTHORITIES,
    shape=Published(_MODELS, "Credential"),
    name=NameRule(re.compile("default"), "the name default: a namespace has one credential"),
    build=keep(computed=_credential),
    removed=_credential_removed,
    actions={"synchronize": _synchronize},
    etag=False,
)
POLICY = ResourceType(
    type=f"{_NAMESPACE}/credentials/policies",
    path=f"{GROUP}/providers/{_NAMESPACE}/{{namespace}}/credentials/default/policies/{{name}}",
    versions=_AUTHORITIES,
    shape=Published(_MODELS, "Policy", tracked=True),
    name=NameRule(re.compile(r"[0-9a-zA-Z][a-zA-Z0-9-]{2,62}"), "3 to 63 letters, digits and hyphens"),
    build=keep(computed=_policy),
    check=_check_policy,
    removed=_policy_removed,
    actions={"revokeIssuer": _revoke_issuer},
    etag=False,
)
