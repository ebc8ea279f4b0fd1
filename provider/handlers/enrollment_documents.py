"""How an enrollment stands in a document of the DPS service API, and back. No symmetric key goes through here
but in `attestation`, on its way from the service to the service.

Shapes: EnrollmentGroup, IndividualEnrollment and AttestationMechanism of service.json (see
enrollment_inputs.py for the path)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from provider.errors import IncompleteInputError, UnsupportedResourceError
from provider.fields import attribute
from provider.handlers import rules
from provider.handlers.enrollment_inputs import (
    REPROVISION,
    Capabilities,
    Enrollment,
    InitialTwin,
    Kind,
    Registry,
)
from provider.versioned import Document

E = TypeVar("E", bound=Enrollment)

SYMMETRIC: Final = {"type": "symmetricKey"}
"""Without keys: the service makes them (SymmetricKeyAttestation, both keys optional)."""

_REGISTRY = ("namespaceName", "certificateAuthorityName", "certificatePolicyName")


def body(kind: Kind, inputs: Enrollment, current: Document) -> Document:
    """The document to PUT; `current` is the one that is there, with its keys ({} when none is).

    Raises IncompleteInputError when a certificate is known by its fingerprint only.
    """
    made: Document = {
        kind.identifier: getattr(inputs, attribute(kind.identifier)),
        "attestation": attestation(kind, inputs, current),
        "provisioningStatus": "enabled" if inputs.enabled else "disabled",
        "reprovisionPolicy": REPROVISION[inputs.reprovision],
        "allocationPolicy": inputs.allocation_policy,
        "iotHubs": list(inputs.iot_hubs),
        "capabilities": {"iotEdge": inputs.capabilities.iot_edge},
        "initialTwin": {
            "tags": dict(inputs.initial_twin.tags),
            "properties": {"desired": dict(inputs.initial_twin.desired)},
        },
    }
    return {**made, **_webhook(inputs), **_registry(inputs)}


def attestation(kind: Kind, inputs: Enrollment, current: Document) -> Document:
    """The attestation to PUT. Symmetric keys stay those that the service has."""
    if inputs.symmetric_key:
        held: Document = current.get("attestation") or {}
        return held if held.get("type") == "symmetricKey" else dict(SYMMETRIC)
    if (key := getattr(inputs, "endorsement_key", None)) is not None:
        return {"type": "tpm", "tpm": {"endorsementKey": rules.compact(key)}}
    if inputs.authority_reference is not None:
        given = {"primary": inputs.authority_reference, "secondary": inputs.secondary_authority_reference}
        return {"type": "x509", "x509": {"caReferences": _present(given)}}
    given = {"primary": _value(inputs, kind.certificate), "secondary": _value(inputs, kind.secondary)}
    found = {slot: _certificate(kind, slot, text, current) for slot, text in _present(given).items()}
    return {"type": "x509", "x509": {kind.certificates: found}}


def merged(kind: Kind, inputs: E, document: Document) -> E:
    """The inputs as a document of the service says; what it does not tell stays as it is."""
    twin = document.get("initialTwin") or {}
    webhook = document.get("customAllocationDefinition") or {}
    return replace(
        inputs,
        **_attested(kind, inputs, document.get("attestation") or {}),
        allocation_policy=str(document.get("allocationPolicy") or "hashed"),
        iot_hubs=tuple(document.get("iotHubs") or ()),
        webhook_url=webhook.get("webhookUrl"),
        webhook_api_version=str(webhook.get("apiVersion") or inputs.webhook_api_version),
        initial_twin=InitialTwin(
            tags=bare(twin.get("tags")), desired=bare((twin.get("properties") or {}).get("desired"))
        ),
        reprovision=_reprovision(document.get("reprovisionPolicy")),
        capabilities=Capabilities(iot_edge=(document.get("capabilities") or {}).get("iotEdge") is True),
        registry=_live_registry(document),
        enabled=document.get("provisioningStatus", "enabled") == "enabled",
    )


def etag(document: Document) -> str:
    """The document's version."""
    return str(document.get("etag") or "")


def bare(collection: Any) -> Document:  # noqa: ANN401 - whatever the service sent
    """A twin collection without the service's bookkeeping; a user's own properties never start with $."""
    found = collection if isinstance(collection, dict) else {}
    return {key: value for key, value in found.items() if not key.startswith("$") and value is not None}


def kind_of(document: Document) -> str:
    """How the document attests: tpm, symmetricKey, or the member of `x509` that is filled; "" for none."""
    mechanism = document.get("attestation") or {}
    if mechanism.get("type") != "x509":
        return str(mechanism.get("type") or "")
    return next((name for name, value in (mechanism.get("x509") or {}).items() if value), "")


def refuse_foreign(kind: Kind, resource_id: str, document: Document) -> None:
    """Raise UnsupportedResourceError for an enrollment that the inputs cannot describe."""
    right = {kind.certificates, "caReferences", "symmetricKey"}
    right |= {"tpm"} if "endorsementKey" in kind.attestations else set()
    if (found := kind_of(document)) not in right:
        raise UnsupportedResourceError(
            f"{kind.title} {resource_id} attests by {found or 'nothing'}; this resource type describes "
            f"{', '.join(sorted(right))} only"
        )


def _attested(kind: Kind, inputs: Enrollment, mechanism: Document) -> Document:
    x509 = mechanism.get("x509") or {}
    certificates, authorities = x509.get(kind.certificates) or {}, x509.get("caReferences") or {}
    found: Document = {
        attribute(kind.certificate): _certificate_text(certificates.get("primary")),
        attribute(kind.secondary): _certificate_text(certificates.get("secondary")),
        "authority_reference": authorities.get("primary") or None,
        "secondary_authority_reference": authorities.get("secondary") or None,
        "symmetric_key": mechanism.get("type") == "symmetricKey",
    }
    if "endorsementKey" in kind.attestations:
        told = (mechanism.get("tpm") or {}).get("endorsementKey")
        known = getattr(inputs, "endorsement_key", None) if mechanism.get("type") == "tpm" else None
        found["endorsement_key"] = told or known
    return found


def _certificate(kind: Kind, slot: str, text: str, current: Document) -> Document:
    if not rules.FINGERPRINT.fullmatch(text):
        return {"certificate": text}
    held = ((current.get("attestation") or {}).get("x509") or {}).get(kind.certificates) or {}
    kept = (held.get(slot) or {}).get("certificate")
    if kept and rules.same_certificate(rules.pem_from_service(kept)) == text:
        return {"certificate": kept}
    raise IncompleteInputError(
        f"the {slot} certificate is given only by its fingerprint ({text}), as `pulumi import` writes it; "
        f"give its PEM text to make or change the {kind.title}"
    )


def _certificate_text(item: Document | None) -> str | None:
    # The service may answer with the certificate, or only with what it knows about it.
    if item and item.get("certificate"):
        return rules.pem_from_service(item["certificate"])
    thumbprint = ((item or {}).get("info") or {}).get("sha256Thumbprint") or ""
    return f"sha256:{thumbprint.lower()}" if thumbprint else None


def _webhook(inputs: Enrollment) -> Document:
    if inputs.allocation_policy != "custom":
        return {}
    webhook = {"webhookUrl": inputs.webhook_url, "apiVersion": inputs.webhook_api_version}
    return {"customAllocationDefinition": webhook}


def _registry(inputs: Enrollment) -> Document:
    return {} if inputs.registry is None else {name: _value(inputs.registry, name) for name in _REGISTRY}


def _live_registry(document: Document) -> Registry | None:
    if not document.get(_REGISTRY[0]):
        return None
    return Registry(**{attribute(name): str(document.get(name) or "") for name in _REGISTRY})


def _reprovision(policy: Document | None) -> str:
    settings = {"updateHubAssignment": True, "migrateDeviceData": True, **(policy or {})}
    if not settings["updateHubAssignment"]:
        return "keep"
    return "migrate" if settings["migrateDeviceData"] else "reset"


def _value(instance: object, name: str) -> Any:  # noqa: ANN401 - whatever the property holds
    return getattr(instance, attribute(name))


def _present(given: Mapping[str, str | None]) -> dict[str, str]:
    return {slot: text for slot, text in given.items() if text}
