"""Enrollments as documents: what a service client may write, and what it gets back. Pure.

Shapes and defaults: IndividualEnrollment and EnrollmentGroup of Azure/azure-rest-api-specs,
deviceprovisioningservices data plane, service.json 2021-10-01 and 2026-11-01.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.azure.dps import attestation
from localcloud.azure.dps.bodies import SHAPES
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import INDIVIDUAL, Document, Kind
from localcloud.azure.dps.versions import NEWEST, REGISTRY_MEMBERS, issues_certificates
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.twins import new_twin
from localcloud.azure.shapes import Fault

# "Registration ID" and "Enrollment group ID", learn.microsoft.com/azure/iot-dps/concepts-service.
IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-._:]{0,126}[A-Za-z0-9])?")
# "Device identity properties", learn.microsoft.com/azure/iot-hub/iot-hub-devguide-identity-registry.
_DEVICE_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_WEBHOOK = re.compile(r"https://[A-Za-z0-9\-.]+(?::\d+)?(?:/\S*)?")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?")
_OLDEST_WEBHOOK_VERSION = "2018-09-01"
_KEPT_AS_GIVEN = (
    "deviceId",
    "optionalDeviceInformation",
    "iotHubHostName",
    "allocationPolicy",
    "customAllocationDefinition",
    *REGISTRY_MEMBERS,
)


@dataclass(frozen=True)
class Surroundings:
    """What an enrollment is checked against: its service's hubs, certificates and namespaces (lower case)."""

    hosts: frozenset[str]
    authorities: frozenset[str]
    namespaces: frozenset[str]
    now: datetime
    version: str = NEWEST


def checked(
    kind: Kind, identifier: str, body: object, before: Document | None, around: Surroundings
) -> Document:
    """The document to keep, without times and etag. Raises DpsError 400 that names every fault.

    `before` is the stored one: a certificate that the client left out, as it read it, is kept; so are keys.
    """
    shape_faults: list[Fault] = []
    cleaned = SHAPES[kind].check(body, "", shape_faults)
    words = [str(it) for it in shape_faults]
    if not isinstance(cleaned, dict):
        raise DpsError(400, 400000, "; ".join(words))
    wrong = {re.split(r"[.\[]", it.target)[0] for it in shape_faults}
    sound = {key: value for key, value in cleaned.items() if key not in wrong}
    if "attestation" in sound:
        stored = (before or {}).get("attestation") or {}
        checking = attestation.Checking(kind, identifier, stored, around.authorities, around.now, words)
        sound["attestation"] = attestation.checked(sound["attestation"], checking)
    words.extend(_faults(kind, identifier, cleaned, sound, around))
    if words:
        raise DpsError(400, 400000, "; ".join(words))
    return _document(kind, identifier, sound)


def _document(kind: Kind, identifier: str, body: Document) -> Document:
    policy = body.get("reprovisionPolicy") or {"updateHubAssignment": True, "migrateDeviceData": True}
    return {
        kind.member: identifier,
        "attestation": body["attestation"],
        "capabilities": body.get("capabilities") or {"iotEdge": False},
        "initialTwin": body.get("initialTwin") or {"tags": {}, "properties": {"desired": {}}},
        "reprovisionPolicy": policy,
        "provisioningStatus": body.get("provisioningStatus") or "enabled",
        "iotHubs": body.get("iotHubs") or [],
        **{name: body[name] for name in _KEPT_AS_GIVEN if name in body},
    }


def shown(document: Document, version: str = NEWEST) -> Document:
    """The enrollment as a version of the service gives it back."""
    hidden = () if issues_certificates(version) else REGISTRY_MEMBERS
    seen = {name: value for name, value in document.items() if name not in hidden}
    return {**seen, "attestation": attestation.shown(document["attestation"])}


def hosts_of(document: Document) -> list[str]:
    """The hubs that the enrollment names; none means all of the service's."""
    legacy = [document["iotHubHostName"]] if document.get("iotHubHostName") else []
    return [str(host).lower() for host in document["iotHubs"] or legacy]


def is_registry_issued(document: Document) -> bool:
    """Whether its devices get certificates from a CSR."""
    return "certificatePolicyName" in document


def _faults(
    kind: Kind, identifier: str, given: Document, sound: Document, around: Surroundings
) -> Iterator[str]:
    if not IDENTIFIER.fullmatch(identifier):
        yield f"{kind.member} {identifier[:140]!r} must be letters, digits and inner - . _ :, at most 128"
    named = given.get(kind.member, identifier)
    if str(named).lower() != identifier.lower():
        yield f"{kind.member} {named!r} differs from {identifier!r} in the address"
    if kind is INDIVIDUAL and "deviceId" in sound and not _DEVICE_ID.fullmatch(sound["deviceId"]):
        yield f"deviceId {sound['deviceId'][:140]!r} must match {_DEVICE_ID.pattern}"
    yield from _hub_faults(sound, around)
    yield from _allocation_faults(sound)
    yield from _registry_faults(given, sound, around)
    yield from _twin_faults(sound)


def _hub_faults(sound: Document, around: Surroundings) -> Iterator[str]:
    named = [("iotHubs", host) for host in sound.get("iotHubs", ())]
    if "iotHubHostName" in sound:
        named.append(("iotHubHostName", sound["iotHubHostName"]))
    for member, host in named:
        if host.lower() not in around.hosts:
            linked = ", ".join(sorted(around.hosts)) or "none"
            yield f"{member}: {host!r} is not linked to this service; linked are {linked}"


def _allocation_faults(sound: Document) -> Iterator[str]:
    policy, webhook = sound.get("allocationPolicy"), sound.get("customAllocationDefinition")
    named = set(sound.get("iotHubs") or filter(None, [sound.get("iotHubHostName")]))
    if policy == "static" and len(named) != 1:
        yield f"allocationPolicy 'static' needs exactly one hub in iotHubs, not {len(named)}"
    if policy == "custom" and not webhook:
        yield "allocationPolicy 'custom' needs customAllocationDefinition with webhookUrl and apiVersion"
    if webhook and policy != "custom":
        yield f"customAllocationDefinition goes with allocationPolicy 'custom', not {policy!r}"
    if webhook:
        yield from _webhook_faults(webhook)


def _webhook_faults(webhook: Document) -> Iterator[str]:
    """The URL itself stays out of the words: its query may carry a key."""
    if not _WEBHOOK.fullmatch(webhook["webhookUrl"]):
        yield "customAllocationDefinition.webhookUrl must be an https address"
    version = webhook["apiVersion"]
    if not _VERSION.fullmatch(version) or version < _OLDEST_WEBHOOK_VERSION:
        yield f"customAllocationDefinition.apiVersion {version[:30]!r} must be 2018-09-01-preview or later"


def _registry_faults(given: Document, sound: Document, around: Surroundings) -> Iterator[str]:
    named = [name for name in REGISTRY_MEMBERS if name in given]
    if not named:
        return
    if not issues_certificates(around.version):
        yield (
            f"{', '.join(named)}: certificates from Azure Device Registry need api-version {NEWEST}; "
            f"this call is of {around.version}"
        )
        return
    for name in REGISTRY_MEMBERS:
        if name not in given:
            yield f"{name} is required with {', '.join(named)}"
    namespace = sound.get("namespaceName")
    if namespace and namespace.lower() not in around.namespaces:
        linked = ", ".join(sorted(around.namespaces)) or "none"
        yield f"namespaceName: {namespace!r} is not linked to this service; linked are {linked}"


def _twin_faults(sound: Document) -> Iterator[str]:
    twin: dict[str, Any] | None = sound.get("initialTwin")
    try:
        new_twin("check", twin)
    except HubError as fault:
        yield f"initialTwin: {fault.message}"
