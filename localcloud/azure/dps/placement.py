"""Where a registering device goes: allocation the first time, the reprovision policy after that.

Policy: learn.microsoft.com/azure/iot-dps/concepts-device-reprovision. keep = updateHubAssignment false;
migrate = both true, the twin moves along; reset = migrateDeviceData false, the twin starts anew from the
enrollment.
"""

from typing import Any, Protocol

from cryptography import x509

from localcloud.azure.dps import allocation
from localcloud.azure.dps.allocation import Hub
from localcloud.azure.dps.custom import Choice
from localcloud.azure.dps.enrollments import hosts_of
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import Document
from localcloud.azure.dps.records import Match, Record, Substatus, new_record
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry


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

    def policy(self, service: Document, enrollment: Document) -> str:
        """The allocation policy: the enrollment's, or else the service's."""
        own = enrollment.get("allocationPolicy") or service["properties"].get("allocationPolicy")
        return str(own or "hashed").lower()

    def stays(self, enrollment: Document, record: Record | None) -> bool:
        """Whether the device keeps its hub without asking anybody."""
        keeps = not enrollment["reprovisionPolicy"]["updateHubAssignment"]
        return keeps and record is not None and self._is_placed(enrollment, record)

    def hosts(self, service: Document, enrollment: Document) -> list[str]:
        """The hubs that may get devices of the enrollment."""
        return [hub.host for hub in self._usable(service, enrollment)]

    def choose(self, match: Match, service: Document, enrollment: Document) -> Choice:
        """The hub, by a policy other than custom. Raises DpsError when none is to be had."""
        hubs = self._usable(service, enrollment)
        policy, here = self.policy(service, enrollment), str(service.get("location", ""))
        host = allocation.choose(policy, match.registration_id, hubs, here)
        if host is None:
            words = f"{match.what} has no linked hub to allocate by the policy {policy}."
            raise DpsError(400, 400000, words[0].upper() + words[1:], "allocation-failed")
        return Choice(host)

    def place(
        self, match: Match, enrollment: Document, record: Record | None, choice: Choice | None, now: str
    ) -> Record:
        """Put the device where it belongs; gives its new record. `choice` is None when it `stays`."""
        device_id = self._device_id(match, enrollment, record)
        if record is None or choice is None or not self._is_placed(enrollment, record):
            return self._placed(match, enrollment, record, choice, now)
        old, new = record["assignedHub"], choice.host
        if new == old:
            self._placed_again(old, device_id, match, enrollment, choice)
            substatus: Substatus = "reprovisionedToInitialAssignment"
        else:
            substatus = self._moved(old, new, device_id, match, enrollment, choice)
        return new_record(match, new, device_id, substatus, record["createdDateTimeUtc"], now)

    def _placed(
        self, match: Match, enrollment: Document, record: Record | None, choice: Choice | None, now: str
    ) -> Record:
        """The first assignment, or one that is kept."""
        created = record["createdDateTimeUtc"] if record else now
        device_id = self._device_id(match, enrollment, record)
        if choice is None:
            host = record["assignedHub"] if record else ""
            self._renew_authentication(host, device_id, match)
            return new_record(match, host, device_id, "reprovisionedToInitialAssignment", created, now)
        existed = self._ensure_device(choice.host, device_id, match, enrollment, choice)
        if existed and choice.initial_twin is not None:
            self._hubs.reset_twin(choice.host, device_id, choice.initial_twin)
        return new_record(match, choice.host, device_id, "initialAssignment", created, now)

    def _placed_again(
        self, host: str, device_id: str, match: Match, enrollment: Document, choice: Choice
    ) -> None:
        """Substatus as DeviceRegistrationState defines it: Migrated and Reset only when the hub changed."""
        existed = self._ensure_device(host, device_id, match, enrollment, choice)
        migrates = enrollment["reprovisionPolicy"]["migrateDeviceData"] and choice.initial_twin is None
        if existed and not migrates:
            self._hubs.reset_twin(host, device_id, _twin(enrollment, choice))

    def _moved(
        self, old: str, new: str, device_id: str, match: Match, enrollment: Document, choice: Choice
    ) -> Substatus:
        there = self._renew_authentication(old, device_id, match)
        migrates = enrollment["reprovisionPolicy"]["migrateDeviceData"] and choice.initial_twin is None
        if there and migrates:
            self._hubs.move_device(old, new, device_id)
            return "deviceDataMigrated"
        if there:
            self._hubs.delete_device(old, device_id)
        if self._ensure_device(new, device_id, match, enrollment, choice):
            self._hubs.reset_twin(new, device_id, _twin(enrollment, choice))
        return "deviceDataReset"

    def _is_placed(self, enrollment: Document, record: Record) -> bool:
        """Whether the record's assignment still counts: its hub exists, and the device's name is the same.

        What happens to a device whose enrollment names another deviceId is not published: here the new name
        is assigned anew, and the device of the old one is let be.
        """
        named, host = enrollment.get("deviceId"), record.get("assignedHub")
        same = named is None or named == record.get("deviceId")
        return bool(host) and same and self._directory.hub_by_host(str(host)) is not None

    def _device_id(self, match: Match, enrollment: Document, record: Record | None) -> str:
        known = (record or {}).get("deviceId")
        return str(enrollment.get("deviceId") or known or match.registration_id)

    def _ensure_device(
        self, host: str, device_id: str, match: Match, enrollment: Document, choice: Choice
    ) -> bool:
        """Create the device, or renew its proof if it exists; True when it did. Its status is let be."""
        if self._renew_authentication(host, device_id, match):
            return True
        body = {
            "deviceId": device_id,
            "authentication": match.authentication,
            "capabilities": enrollment["capabilities"],
        }
        self._hubs.create_device(host, body, _twin(enrollment, choice))
        return False

    def _renew_authentication(self, host: str, device_id: str, match: Match) -> bool:
        """Have the hub know what DPS has just checked; False when the device is not there."""
        try:
            known = self._hubs.get_device(host, device_id)["authentication"]
        except HubError:
            return False
        wanted = match.authentication
        if not all(_covers(known.get(name), value) for name, value in wanted.items()):
            self._hubs.update_device(host, device_id, {"authentication": wanted})
        return True

    def _usable(self, service: Document, enrollment: Document) -> list[Hub]:
        """Linked hubs that exist and that the enrollment names; naming none means all for allocation."""
        named = hosts_of(enrollment)
        hubs: list[Hub] = []
        for hub in self._directory.linked_hubs(service):
            host = str(hub["name"]).lower()
            wanted = host in named if named else hub.get("applyAllocationPolicy") is not False
            if wanted and self._directory.hub_by_host(host) is not None:
                weight = hub.get("allocationWeight")
                hubs.append(Hub(host, 1 if weight is None else int(weight), str(hub.get("location", ""))))
        return hubs


def _twin(enrollment: Document, choice: Choice) -> Document:
    return choice.initial_twin if choice.initial_twin is not None else dict(enrollment["initialTwin"])


def _covers(known: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a hub knows what is wanted, and not a second thumbprint or key besides."""
    if isinstance(wanted, dict) and isinstance(known, dict):
        names = known.keys() | wanted.keys()
        return all(known.get(name) == wanted.get(name) for name in names)
    return bool(known == wanted)
