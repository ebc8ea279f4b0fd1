"""What an enrollment says, and how that stands in a document of the DPS service API 2021-10-01."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from provider.errors import IncompleteInputError, UnsupportedResourceError
from provider.fields import prop
from provider.handlers import rules
from provider.resource import State

Document: TypeAlias = dict[str, Any]

REPROVISION: Final = {
    # The published meaning (service.json, ReprovisionPolicy): updateHubAssignment false keeps the device on
    # its hub, so migrateDeviceData no longer matters; with true, it says if the twin moves or starts afresh.
    "keep": {"updateHubAssignment": False, "migrateDeviceData": False},
    "migrate": {"updateHubAssignment": True, "migrateDeviceData": True},
    "reset": {"updateHubAssignment": True, "migrateDeviceData": False},
}
_ADDRESS = "it is part of the group's address"


@dataclass(frozen=True, kw_only=True)
class InitialTwin:
    """What a device's twin holds when the device comes for the first time."""

    tags: Mapping[str, Any] = prop("Tags, which devices do not see.", default={})
    desired: Mapping[str, Any] = prop("Desired properties, which devices read.", default={})


NO_TWIN = InitialTwin()


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the program says about the group."""

    service_host: str = prop(
        "The provisioning service's service operations host, such as contoso.azure-devices-provisioning.net.",
        replaces=_ADDRESS,
        rule=rules.service_host,
        normal=rules.lower,
    )
    enrollment_group_id: str = prop(
        "Name of the group.", replaces=_ADDRESS, rule=rules.group_id, normal=rules.lower
    )
    signing_certificate: str = prop(
        "The intermediate that issues the devices' certificates (PEM).",
        rule=rules.authority_or_fingerprint,
        normal=rules.same_certificate,
    )
    secondary_signing_certificate: str | None = prop(
        "A second intermediate, for rotation with an overlap (PEM).",
        default=None,
        rule=rules.authority_or_fingerprint,
        normal=rules.same_certificate,
    )
    allocation_policy: str = prop(
        "How a hub is picked: hashed.", default="hashed", rule=rules.choice("hashed")
    )
    iot_hubs: tuple[str, ...] = prop(
        "Host names of the linked hubs that devices may be allocated to.",
        rule=rules.every(rules.hub_host),
        normal=rules.unordered(rules.lower),
    )
    initial_twin: InitialTwin = prop("The twin of a new device.", default=NO_TWIN)  # noqa: RUF009 - prop makes the field
    reprovision: str = prop(
        "When a device comes again: keep (it stays on its hub), migrate (its twin moves with it) or reset "
        "(its twin starts afresh from initialTwin).",
        default="migrate",
        rule=rules.choice(*REPROVISION),
    )
    enabled: bool = prop("Whether devices may enrol.", default=True)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the service adds."""

    etag: str = prop("The version of the group; a change names the one it was decided on.", default="")


Group: TypeAlias = State[Inputs, Outputs]


def body(inputs: Inputs, current: Document) -> Document:
    """The document to PUT; `current` is the one that is there ({} when none is).

    Raises IncompleteInputError when a certificate is known by its fingerprint only.
    """
    given = {"primary": inputs.signing_certificate, "secondary": inputs.secondary_signing_certificate}
    certificates = {which: _certificate(which, text, current) for which, text in given.items() if text}
    made: Document = {
        "enrollmentGroupId": inputs.enrollment_group_id,
        "attestation": {"type": "x509", "x509": {"signingCertificates": certificates}},
        "provisioningStatus": "enabled" if inputs.enabled else "disabled",
        "reprovisionPolicy": REPROVISION[inputs.reprovision],
        "allocationPolicy": inputs.allocation_policy,
        "iotHubs": list(inputs.iot_hubs),
        "initialTwin": {
            "tags": dict(inputs.initial_twin.tags),
            "properties": {"desired": dict(inputs.initial_twin.desired)},
        },
    }
    # Not ours to manage (yet), so not ours to drop.
    return {**made, "capabilities": current["capabilities"]} if current.get("capabilities") else made


def _certificate(which: str, text: str, current: Document) -> Document:
    if not rules.FINGERPRINT.fullmatch(text):
        return {"certificate": text}
    kept = _signing(current).get(which) or {}
    if (
        kept.get("certificate")
        and rules.same_certificate(rules.pem_from_service(kept["certificate"])) == text
    ):
        return {"certificate": kept["certificate"]}
    raise IncompleteInputError(
        f"the {which} signing certificate is given only by its fingerprint ({text}), as `pulumi import` "
        "writes it; give its PEM text to make or change the group"
    )


def live(host: str, document: Document) -> Group:
    """A document of the service as inputs and outputs."""
    twin = document.get("initialTwin") or {}
    signing = {which: _signing_text(item) for which, item in _signing(document).items()}
    inputs = Inputs(
        service_host=host,
        enrollment_group_id=str(document.get("enrollmentGroupId", "")),
        signing_certificate=signing.get("primary") or "",
        secondary_signing_certificate=signing.get("secondary") or None,
        allocation_policy=str(document.get("allocationPolicy") or "hashed"),
        iot_hubs=tuple(document.get("iotHubs") or ()),
        initial_twin=InitialTwin(
            tags=_bare(twin.get("tags")), desired=_bare((twin.get("properties") or {}).get("desired"))
        ),
        reprovision=_reprovision(document.get("reprovisionPolicy")),
        enabled=document.get("provisioningStatus", "enabled") == "enabled",
    )
    return State(inputs, Outputs(etag=etag(document)))


def _signing(document: Document) -> Document:
    x509 = (document.get("attestation") or {}).get("x509") or {}
    return {which: item for which, item in (x509.get("signingCertificates") or {}).items() if item}


def _signing_text(item: Document) -> str:
    # The service may answer with the certificate, or only with what it knows about it.
    if item.get("certificate"):
        return rules.pem_from_service(item["certificate"])
    thumbprint = (item.get("info") or {}).get("sha256Thumbprint") or ""
    return f"sha256:{thumbprint.lower()}" if thumbprint else ""


def _bare(collection: Any) -> Document:  # noqa: ANN401 - whatever the service sent
    # Twin collections may come with the service's bookkeeping; a user's own properties never start with $.
    found = collection if isinstance(collection, dict) else {}
    return {key: value for key, value in found.items() if not key.startswith("$") and value is not None}


def _reprovision(policy: Document | None) -> str:
    settings = {"updateHubAssignment": True, "migrateDeviceData": True, **(policy or {})}
    if not settings["updateHubAssignment"]:
        return "keep"
    return "migrate" if settings["migrateDeviceData"] else "reset"


def etag(document: Document) -> str:
    """The document's version."""
    return str(document.get("etag") or "")


def refuse_foreign(resource_id: str, document: Document) -> None:
    """Raise UnsupportedResourceError for a group that the inputs cannot describe."""
    kind = str((document.get("attestation") or {}).get("type"))
    if kind != "x509" or not _signing(document):
        raise UnsupportedResourceError(
            f"enrollment group {resource_id} attests by {kind} without a signing certificate; this resource "
            "type describes groups by X.509 intermediate only"
        )
