"""Where a registering device goes: allocation the first time, the reprovision policy after that.

Policy: learn.microsoft.com/azure/iot-dps/concepts-device-reprovision. keep = updateHubAssignment false;
migrate = both true, the twin moves along; reset = migrateDeviceData false, the twin starts anew from the
enrollment.
"""

from typing import Any, Protocol

from cryptography import x509

from localcloud.azure.dps import allocation
from localcloud.azure.dps.enrollments import Group
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.records import Match, Record, Substatus, new_record
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.twins import now_text


class Directory(Protocol):
    """What DPS asks of the ARM read model (`localcloud.azure.directory.Directory`)."""

    def dps_by_id_scope(self, id_scope: str) -> dict[str, Any] | None:
        """The provisioning service with this id scope."""

    def dps_by_name(self, name: str) -> dict[str, Any] | None:
        """The provisioning service with this name."""

    def hub_by_host(self, host: str) -> dict[str, Any] | None:
        """The hub with this host name."""

    def linked_hubs(self, dps: dict[str, Any]) -> list[dict[str, Any]]:
        """The hubs linked to a provisioning service."""

    def verified_authorities(self, dps: dict[str, Any]) -> list[x509.Certificate]:
        """The certificates whose owner has proved possession of the key."""


class Placement:
    """Puts devices into hubs."""

    def __init__(self, directory: Directory, hubs: HubRegistry) -> None:
        self._directory = directory
        self._hubs = hubs

    def place(self, match: Match, service: dict[str, Any], group: Group, record: Record | None) -> Record:
        """Put the device where it belongs; gives its new record. DpsError when no hub is to be had."""
        now = now_text()
        if record is None or self._directory.hub_by_host(record["assignedHub"]) is None:
            host = self._picked(match, service, group)
            self._ensure_device(host, match.registration_id, match, group)
            created = record["createdDateTimeUtc"] if record else now
            return new_record(match, host, match.registration_id, "initialAssignment", created, now)
        host, substatus = self._placed_again(match, service, group, record)
        return new_record(match, host, record["deviceId"], substatus, record["createdDateTimeUtc"], now)

    def _placed_again(
        self, match: Match, service: dict[str, Any], group: Group, record: Record
    ) -> tuple[str, Substatus]:
        """Substatus as DeviceRegistrationState defines it: Migrated and Reset only when the hub changed."""
        old, device_id, policy = record["assignedHub"], record["deviceId"], group["reprovisionPolicy"]
        if not policy["updateHubAssignment"]:
            self._renew_certificate(old, device_id, match)
            return old, "reprovisionedToInitialAssignment"
        new = self._picked(match, service, group)
        if new != old:
            return new, self._moved(old, new, device_id, match, group)
        existed = self._ensure_device(old, device_id, match, group)
        if existed and not policy["migrateDeviceData"]:
            self._hubs.reset_twin(old, device_id, group["initialTwin"])
        return old, "reprovisionedToInitialAssignment"

    def _moved(self, old: str, new: str, device_id: str, match: Match, group: Group) -> Substatus:
        there = self._renew_certificate(old, device_id, match)
        if there and group["reprovisionPolicy"]["migrateDeviceData"]:
            self._hubs.move_device(old, new, device_id)
            return "deviceDataMigrated"
        if there:
            self._hubs.delete_device(old, device_id)
        if self._ensure_device(new, device_id, match, group):
            self._hubs.reset_twin(new, device_id, group["initialTwin"])
        return "deviceDataReset"

    def _ensure_device(self, host: str, device_id: str, match: Match, group: Group) -> bool:
        """Create the device, or renew its thumbprint if it exists; True when it did. Its status is let be."""
        if self._renew_certificate(host, device_id, match):
            return True
        body = {
            "deviceId": device_id,
            "authentication": _authentication(match),
            "capabilities": group["capabilities"],
        }
        self._hubs.create_device(host, body, group["initialTwin"])
        return False

    def _renew_certificate(self, host: str, device_id: str, match: Match) -> bool:
        """Have the hub know the leaf that DPS has just checked; False when the device is not there."""
        try:
            device = self._hubs.get_device(host, device_id)
        except HubError:
            return False
        known = device["authentication"]
        if known["type"] != "selfSigned" or known["x509Thumbprint"]["primaryThumbprint"] != match.thumbprint:
            self._hubs.update_device(host, device_id, {"authentication": _authentication(match)})
        return True

    def _picked(self, match: Match, service: dict[str, Any], group: Group) -> str:
        host = allocation.pick(match.registration_id, self._usable_weights(service, group))
        if host is None:
            raise DpsError(400, 400000, f"Enrollment group {match.group_id} has no linked hub to allocate.")
        return host

    def _usable_weights(self, service: dict[str, Any], group: Group) -> dict[str, int]:
        """Linked hubs that exist and that the group names; naming none means all that allocation may use."""
        named = {host.lower() for host in group["iotHubs"]}
        weights: dict[str, int] = {}
        for hub in self._directory.linked_hubs(service):
            host = str(hub["name"]).lower()
            wanted = host in named if named else hub.get("applyAllocationPolicy") is not False
            if wanted and self._directory.hub_by_host(host) is not None:
                weight = hub.get("allocationWeight")
                weights[host] = 1 if weight is None else int(weight)
        return weights


def _authentication(match: Match) -> dict[str, Any]:
    return {"type": "selfSigned", "x509Thumbprint": {"primaryThumbprint": match.thumbprint}}
