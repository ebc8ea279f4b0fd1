"""What the services say of one device, and the documents that change it. Keys pass through, no further.

Blocking one device of a group: a disabled individual enrollment with its registration id goes before every
group, and without the device's certificate one of symmetric key will do (MicrosoftDocs/azure-docs, articles/
iot-dps/how-to-unprovision-devices.md, "To deprovision a single device from an enrollment group"; and
how-to-revoke-device-access-portal.md, "Disallow specific devices in an enrollment group"). Nobody gets to
know its key: the service makes it (SymmetricKeyAttestation, both keys optional, service.json 2021-10-01), and
it opens nothing, because the enrollment is disabled.

An enrollment goes back as it was read, with another status: so does `az iot dps enrollment update` (Azure/
azure-iot-cli-extension, iot_dps_device_enrollment_update), keys read from `attestationmechanism` included.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from operations.cloud import Cloud, Document

REGISTRATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-._:]{0,126}[A-Za-z0-9])?")
"""IndividualEnrollment.registrationId, service.json 2021-10-01."""
DEVICE_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
"""Device.deviceId, iothub.json 2021-04-12."""
STATUS_REASON_MAX: Final = 128
"""Characters ("Device identity properties", statusReason)."""

_MARK = "muster"
_READ_ONLY = ("registrationState", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "etag")


@dataclass(frozen=True)
class Seen:
    """A device as the services have it. `identities` by hub."""

    registration_id: str
    enrollment: Document | None = field(default=None, repr=False)
    registration: Document | None = field(default=None, repr=False)
    identities: dict[str, Document] = field(default_factory=dict, repr=False)

    @property
    def unknown(self) -> bool:
        """Whether nobody knows the device."""
        return self.enrollment is None and self.registration is None and not self.identities

    @property
    def assigned_hub(self) -> str:
        """The hub that the registration names, "" when none."""
        return str((self.registration or {}).get("assignedHub") or "").lower()

    @property
    def assigning(self) -> bool:
        """Whether it is being registered right now (DeviceRegistrationState.status)."""
        return str((self.registration or {}).get("status") or "").lower() == "assigning"

    @property
    def device_id(self) -> str:
        """Its id in a hub: a registration or an enrollment may name another than the registration id."""
        documents = (self.registration or {}, self.enrollment or {})
        named = (document.get("deviceId") for document in documents)
        return str(next((name for name in named if name), self.registration_id))


def look(cloud: Cloud, registration_id: str, hubs: tuple[str, ...] = ()) -> Seen:
    """Read all of it. The identity is looked for in the registration's hub, and in `hubs`.

    Without a registration it is looked for in all hubs of the cloud.
    """
    enrollment = cloud.enrollment(registration_id)
    registration = cloud.registration(registration_id)
    seen = Seen(registration_id, enrollment, registration)
    wanted = [seen.assigned_hub] if seen.assigned_hub else list(cloud.hubs)
    identities = {
        hub: found
        for hub in dict.fromkeys([*wanted, *hubs])
        if (found := cloud.identity(hub, seen.device_id)) is not None
    }
    return Seen(registration_id, enrollment, registration, identities)


def etag_of(document: Document) -> str:
    """The document's version."""
    return str(document.get("etag") or "")


def is_disabled(enrollment: Document) -> bool:
    """Whether an enrollment refuses its device."""
    return str(enrollment.get("provisioningStatus") or "enabled").lower() == "disabled"


def is_off(identity: Document) -> bool:
    """Whether a hub refuses the device."""
    return str(identity.get("status") or "enabled").lower() == "disabled"


def blocking(registration_id: str, device_id: str, operation: str) -> Document:
    """The enrollment that blocks one device of a group, marked as made by an operation."""
    return {
        "registrationId": registration_id,
        "attestation": {"type": "symmetricKey"},
        "provisioningStatus": "disabled",
        "optionalDeviceInformation": {_MARK: {"operation": operation, "blocks": registration_id}},
        **({"deviceId": device_id} if device_id != registration_id else {}),
    }


def is_blocking(enrollment: Document, operation: str) -> bool:
    """Whether an operation made this enrollment to block a device."""
    mark = (enrollment.get("optionalDeviceInformation") or {}).get(_MARK)
    return isinstance(mark, dict) and mark.get("operation") == operation


def with_status(enrollment: Document, *, enabled: bool) -> Document:
    """The enrollment to send back."""
    kept = {name: value for name, value in enrollment.items() if name not in _READ_ONLY and value is not None}
    return {**kept, "provisioningStatus": "enabled" if enabled else "disabled"}


def switched(identity: Document, *, enabled: bool, reason: str) -> Document:
    """The identity to send back: Muster's identities keep their authentication, scopes and capabilities."""
    return {**identity, "status": "enabled" if enabled else "disabled", "statusReason": reason}


def status_reason(operation: str, reason: str) -> str:
    """Why, as the hub shows it: marked with the operation, cut to what the hub takes."""
    text = f"{_marked(operation)} {reason}"
    return text if len(text) <= STATUS_REASON_MAX else text[: STATUS_REASON_MAX - 1] + "…"


def is_ours(identity: Document, operation: str) -> bool:
    """Whether an operation disabled this identity."""
    return is_off(identity) and str(identity.get("statusReason") or "").startswith(_marked(operation))


def thumbprints(identity: Document) -> tuple[str, ...]:
    """The certificates that a hub knows a device by: upper-case hex of SHA-1 or SHA-256. Of twins as well."""
    mechanism: dict[str, Any] = identity.get("authentication") or {}
    prints = mechanism.get("x509Thumbprint") or identity.get("x509Thumbprint") or {}
    names = ("primaryThumbprint", "secondaryThumbprint")
    return tuple(str(prints[name]).upper() for name in names if prints.get(name))


def _marked(operation: str) -> str:
    return f"{_MARK} {operation}:"
