"""DPS' memory and decisions: enrollment groups, who may register, registration records. No IO but the store.

`dps` is always a provisioning service's name in lower case, the first label of its service host. Refusals are
counted in documents of kind "counter", key "{dps}/{reason}", body {"count": n}; "-" stands for an unknown
service.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from localcloud.azure.dps import matching
from localcloud.azure.dps.enrollments import IDENTIFIER, Group, candidate, checked_group, shown_group
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.matching import Candidate, Refused
from localcloud.azure.dps.placement import Directory, Placement
from localcloud.azure.dps.records import Assignment, Match, Record, as_assignment, shown_record
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.twins import new_twin, now_text
from localcloud.azure.store import Store

__all__ = ["Assignment", "Directory", "Match", "ProvisioningRegistry", "Refused"]

_ENROLLMENT_NOT_FOUND, _REGISTRATION_NOT_FOUND = 404201, 404202


class ProvisioningRegistry:
    """Enrollment groups and registrations of all provisioning services."""

    def __init__(self, store: Store, directory: Directory, hubs: HubRegistry) -> None:
        self._store = store
        self._directory = directory
        self._placement = Placement(directory, hubs)
        self._candidates: dict[str, list[Candidate]] = {}

    # Enrollment groups, for the service API

    def put_group(self, dps: str, group_id: str, body: Group, if_match: str | None = None) -> Group:
        """Create or replace a group. DpsError: 400 with all faults, 404 no such service, 412 stale."""
        before = self._store.get("enrollment-group", _key(dps, group_id))
        _check_etag(before, if_match, f"enrollment group {group_id}")
        document = checked_group(group_id, body, self._linked_hosts(dps), before)
        try:
            new_twin("check", document["initialTwin"])
        except HubError as error:
            raise DpsError(400, 400000, f"initialTwin: {error.message}") from error
        now = now_text()
        document["createdDateTimeUtc"] = before["createdDateTimeUtc"] if before else now
        document["lastUpdatedDateTimeUtc"] = now
        document["etag"] = str(uuid.uuid4())
        self._store.put("enrollment-group", _key(dps, group_id), document)
        self._candidates.pop(dps.lower(), None)
        return shown_group(document)

    def get_group(self, dps: str, group_id: str) -> Group:
        """A group as the service shows it. DpsError 404 when there is none."""
        return shown_group(self._group(dps, group_id))

    def delete_group(self, dps: str, group_id: str, if_match: str | None = None) -> None:
        """Remove a group and the registration records of its devices; the devices stay in their hubs."""
        before = self._group(dps, group_id)
        _check_etag(before, if_match, f"enrollment group {group_id}")
        with self._store.transaction():
            self._store.delete("enrollment-group", _key(dps, group_id))
            for record in self.list_registrations(dps, group_id):
                self._store.delete("registration", _key(dps, record["registrationId"]))
        self._candidates.pop(dps.lower(), None)

    def list_groups(self, dps: str) -> list[Group]:
        """All groups of a service, by id."""
        return [shown_group(document) for _, document in self._store.list("enrollment-group", _key(dps, ""))]

    # Registration records

    def registration(self, dps: str, registration_id: str) -> Record:
        """A device's record, shape DeviceRegistrationState. DpsError 404 when it never registered."""
        return shown_record(self._record(dps, registration_id))

    def list_registrations(self, dps: str, group_id: str) -> list[Record]:
        """Records of a group's devices, by registration id."""
        found = self._store.list("registration", _key(dps, ""))
        wanted = group_id.lower()
        return [shown_record(it) for _, it in found if it["enrollmentGroupId"].lower() == wanted]

    def delete_registration(self, dps: str, registration_id: str, if_match: str | None = None) -> None:
        """Forget a device: its next registration is a first one."""
        record = self._record(dps, registration_id)
        _check_etag(record, if_match, f"registration {registration_id}")
        self._store.delete("registration", _key(dps, registration_id))

    # The device side

    def admit(self, id_scope: str, registration_id: str, chain: Sequence[x509.Certificate]) -> Match:
        """Decide at connect time. Raises Refused; a disabled group is refused later, by `assign`."""
        if not IDENTIFIER.fullmatch(registration_id):
            raise Refused(
                "malformed-registration-id", "not letters, digits and - . _ : with none at the ends"
            )
        service = self._directory.dps_by_id_scope(id_scope)
        if service is None:
            raise Refused("wrong-id-scope", f"no provisioning service has id scope {id_scope[:64]!r}")
        return self._matched(service, registration_id, chain)

    def register(self, dps: str, registration_id: str, chain: Sequence[x509.Certificate]) -> Assignment:
        """Decide and assign in one step: raises Refused or DpsError."""
        if not IDENTIFIER.fullmatch(registration_id):
            raise Refused(
                "malformed-registration-id", "not letters, digits and - . _ : with none at the ends"
            )
        return self.assign(self._matched(self._service(dps), registration_id, chain))

    def assign(self, match: Match) -> Assignment:
        """Give an admitted device its hub, by the group's reprovision policy. Idempotent.

        Raises Refused when the group was disabled or removed since, DpsError when no hub is to be had.
        """
        group = self._store.get("enrollment-group", _key(match.dps, match.group_id))
        if group is None:
            raise Refused("not-enrolled", f"enrollment group {match.group_id} is gone")
        if group["provisioningStatus"] != "enabled":
            raise Refused("disabled", f"enrollment group {match.group_id} is disabled")
        record = self._store.get("registration", _key(match.dps, match.registration_id))
        with self._store.transaction():
            record = self._placement.place(match, self._service(match.dps), group, record)
            self._store.put("registration", _key(match.dps, match.registration_id), record)
        return as_assignment(record)

    def operation(self, dps: str, registration_id: str, operation_id: str) -> Assignment:
        """The outcome of a registration under way. DpsError 404 for an unknown operation."""
        record = self._record(dps, registration_id)
        if record["operationId"] != operation_id:
            raise DpsError(
                404, _REGISTRATION_NOT_FOUND, "There is no such operation for this registration id."
            )
        return as_assignment(record)

    def owner_of(self, id_scope: str) -> str:
        """The service's name for an id scope, "-" when there is none: the first half of a counter's key."""
        service = self._directory.dps_by_id_scope(id_scope)
        return "-" if service is None else str(service["name"]).lower()

    def _matched(
        self, service: dict[str, Any], registration_id: str, chain: Sequence[x509.Certificate]
    ) -> Match:
        dps = str(service["name"]).lower()
        authorities = self._directory.verified_authorities(service)
        try:
            group_id = matching.match(registration_id, chain, authorities, self._groups_of(dps)).group_id
        except Refused as refused:
            if refused.reason == "unknown-authority" and self._belongs_elsewhere(dps, chain):
                raise Refused("other-fleet", "its chain leads to another provisioning service") from refused
            raise
        return Match(dps, registration_id, group_id, chain[0].fingerprint(hashes.SHA256()).hex().upper())

    def _belongs_elsewhere(self, dps: str, chain: Sequence[x509.Certificate]) -> bool:
        for _, document in self._store.list("arm"):
            kind, name = str(document.get("type", "")).lower(), str(document.get("name", "")).lower()
            if kind == "microsoft.devices/provisioningservices" and name != dps:
                signing = [it for group in self._groups_of(name) for it in group.signing]
                if matching.reaches(chain, self._directory.verified_authorities(document), signing):
                    return True
        return False

    def _groups_of(self, dps: str) -> list[Candidate]:
        found = self._candidates.get(dps)
        if found is None:
            stored = self._store.list("enrollment-group", _key(dps, ""))
            found = self._candidates[dps] = [candidate(document) for _, document in stored]
        return found

    def _linked_hosts(self, dps: str) -> list[str]:
        return [str(hub["name"]) for hub in self._directory.linked_hubs(self._service(dps))]

    def _service(self, dps: str) -> dict[str, Any]:
        service = self._directory.dps_by_name(dps)
        if service is None:
            raise DpsError(404, 404000, f"There is no provisioning service {dps}.")
        return service

    def _group(self, dps: str, group_id: str) -> Group:
        document = self._store.get("enrollment-group", _key(dps, group_id))
        if document is None:
            raise DpsError(404, _ENROLLMENT_NOT_FOUND, f"Enrollment group {group_id} not found.")
        return document

    def _record(self, dps: str, registration_id: str) -> Record:
        record = self._store.get("registration", _key(dps, registration_id))
        if record is None:
            raise DpsError(404, _REGISTRATION_NOT_FOUND, f"Registration {registration_id} not found.")
        return record


def _key(dps: str, identifier: str) -> str:
    return f"{dps.lower()}/{identifier.lower()}"


def _check_etag(document: dict[str, Any] | None, if_match: str | None, what: str) -> None:
    """RFC 9110 If-Match; absent matches anything, quotes are optional (DPS clients send none)."""
    wanted = None if if_match is None else if_match.strip().strip('"')
    if wanted is None or (document is not None and wanted in ("*", document["etag"])):
        return
    current = "it does not exist" if document is None else f"its etag is now {document['etag']}"
    raise DpsError(412, 412000, f"If-Match is {wanted} for {what}, but {current}.")
