"""DPS' memory and decisions: enrollments, who may register, registration records. No IO but the store.

`dps` is always a provisioning service's name in lower case, the first label of its service host. Whoever
listens to `on_refused` hears of every device that is turned away.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cryptography import x509

from localcloud.azure.adr import Issuer
from localcloud.azure.dps import csr
from localcloud.azure.dps.admission import Admission, Presented
from localcloud.azure.dps.challenges import locked_key
from localcloud.azure.dps.custom import Choice, Webhook, failure, read_answer, request_body
from localcloud.azure.dps.enrollment_store import REGISTRATION, Enrollments, check_etag
from localcloud.azure.dps.errors import REGISTRATION_NOT_FOUND, DpsError
from localcloud.azure.dps.kinds import GROUP, Document, Kind, key_of
from localcloud.azure.dps.matching import Refused
from localcloud.azure.dps.operations import Operations
from localcloud.azure.dps.placement import Directory, Placement
from localcloud.azure.dps.records import (
    Assignment,
    Match,
    Record,
    Registering,
    as_assignment,
    failed_record,
    shown_record,
    waiting,
)
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.registry import HubRegistry
from localcloud.clock import Clock
from localcloud.store import Store

__all__ = ["Assignment", "Directory", "Match", "ProvisioningRegistry", "Refused"]

LOG = logging.getLogger("localcloud.dps")
_NOTHING = Registering()


class ProvisioningRegistry:
    """Enrollments and registrations of all provisioning services."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        hubs: HubRegistry,
        clock: Clock | None = None,
        webhook: Webhook | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.webhook = webhook
        self.on_refused: list[Callable[[str, str, Refused], None]] = []
        self.enrollments = Enrollments(store, directory, self.clock, self._enrollments_changed)
        self._issuer = Issuer(store, self.clock)
        self._store = store
        self._directory = directory
        self._placement = Placement(directory, hubs)
        self._admission = Admission(store, directory, self.clock)
        self._operations = Operations()

    # Enrollment groups; `enrollments` has both kinds

    def put_group(self, dps: str, group_id: str, body: Document, if_match: str | None = None) -> Document:
        """Create or replace a group. DpsError: 400 with all faults, 404 no such service, 412 stale."""
        around = self.enrollments.surroundings(dps)
        return self.enrollments.put(GROUP, dps, group_id, body, if_match, around)

    def get_group(self, dps: str, group_id: str) -> Document:
        """A group as the service shows it. DpsError 404 when there is none."""
        return self.enrollments.get(GROUP, dps, group_id)

    def delete_group(self, dps: str, group_id: str, if_match: str | None = None) -> None:
        """Remove a group and the registration records of its devices; the devices stay in their hubs."""
        self.enrollments.delete(GROUP, dps, group_id, if_match)

    def list_groups(self, dps: str) -> list[Document]:
        """All groups of a service, by id."""
        return self.enrollments.all(GROUP, dps)

    # Registration records

    def registration(self, dps: str, registration_id: str) -> Record:
        """A device's record, shape DeviceRegistrationState. DpsError 404 when it never registered."""
        return shown_record(self._record(dps, registration_id))

    def list_registrations(self, dps: str, group_id: str) -> list[Record]:
        """Records of a group's devices, by registration id."""
        found = self._store.list(REGISTRATION, key_of(dps, ""))
        wanted = group_id.lower()
        return [shown_record(it) for _, it in found if it["enrollmentGroupId"].lower() == wanted]

    def delete_registration(self, dps: str, registration_id: str, if_match: str | None = None) -> None:
        """Forget a device: its next registration is a first one."""
        record = self._record(dps, registration_id)
        check_etag(record, if_match, f"registration {registration_id}")
        self._store.delete(REGISTRATION, key_of(dps, registration_id))

    # The device side

    def admit(self, registration_id: str, presented: Presented) -> Match:
        """Decide at first contact. Raises Refused, Challenge; a disabled enrollment is refused by `begin`."""
        service = self._directory.dps_by_id_scope(presented.id_scope)
        if service is None:
            scope = presented.id_scope[:64]
            raise Refused("wrong-id-scope", f"no provisioning service has id scope {scope!r}")
        return self._admission.decide(service, registration_id, presented)

    def register(self, dps: str, registration_id: str, chain: Sequence[x509.Certificate]) -> Assignment:
        """Decide by certificate and assign in one step: raises Refused or DpsError."""
        service = self._service(dps)
        scope = str(service["properties"].get("idScope", ""))
        return self.assign(self._admission.decide(service, registration_id, Presented(scope, chain)))

    def begin(self, match: Match, registering: Registering = _NOTHING) -> Assignment:
        """Register an admitted device. Where a webhook has to be asked, the registration goes on afterwards:

        its status is `assigning` until `operation` tells how it ended. Raises what `assign` raises.
        """
        place = key_of(match.dps, match.registration_id)
        running = self._operations.running(place)
        if running is not None:
            return waiting(match, running)
        enrollment, record = self._enabled(match), self._store.get(REGISTRATION, place)
        is_custom = self._placement.policy(self._service(match.dps), enrollment) == "custom"
        if not is_custom or self._placement.stays(enrollment, record):
            return self.assign(match, registering)
        self._check_csr(match, enrollment, registering)
        operation = self._operations.start(place, lambda made: self._ask_and_assign(match, registering, made))
        return waiting(match, operation)

    def assign(
        self, match: Match, registering: Registering = _NOTHING, choice: Choice | None = None
    ) -> Assignment:
        """Give an admitted device its hub, by the enrollment's reprovision policy. Idempotent.

        `choice` is a webhook's. Raises Refused when the enrollment was disabled or removed since, DpsError
        when no hub or no certificate is to be had.
        """
        enrollment, service = self._enabled(match), self._service(match.dps)
        place = key_of(match.dps, match.registration_id)
        record = self._store.get(REGISTRATION, place)
        if choice is None and not self._placement.stays(enrollment, record):
            choice = self._placement.choose(match, service, enrollment)
        equipped, extra = self._equipped(match, service, enrollment, registering)
        try:
            with self._store.transaction():
                made = self._placement.place(equipped, enrollment, record, choice, self.clock.text())
                made.update(extra)
                if choice is not None and choice.payload is not None:
                    made["payload"] = choice.payload
                self._store.put(REGISTRATION, place, made)
        except HubError as refused:
            words = f"The hub refused the device: {refused.message}"
            raise DpsError(400, 400000, words, "allocation-failed") from refused
        return as_assignment(made)

    def operation(self, dps: str, registration_id: str, operation_id: str) -> Assignment:
        """A registration, ended or under way. DpsError 404 for an unknown operation."""
        if self._operations.running(key_of(dps, registration_id)) == operation_id:
            state = {"registrationId": registration_id, "status": "assigning"}
            return Assignment(operation_id, "", "", "", state, "assigning")
        record = self._record(dps, registration_id)
        if record["operationId"] != operation_id:
            words = "There is no such operation for this registration id."
            raise DpsError(404, REGISTRATION_NOT_FOUND, words)
        return as_assignment(record)

    def owner_of(self, id_scope: str) -> str:
        """The service's name for an id scope, "-" when there is none: the first half of a counter's key."""
        service = self._directory.dps_by_id_scope(id_scope)
        return "-" if service is None else str(service["name"]).lower()

    def refuse(self, dps: str, registration_id: str, refused: Refused) -> None:
        """Log a device that was turned away, and tell the listeners."""
        fields = {
            "dps": dps,
            "registrationId": registration_id[:128],
            "reason": refused.reason,
            "detail": refused.message,
        }
        LOG.warning("registration refused", extra={"fields": fields})
        for listener in self.on_refused:
            listener(dps, registration_id, refused)

    def count_failure(self, dps: str, registration_id: str, error: DpsError) -> None:
        """Tell the listeners of a registration that failed for a reason which is counted."""
        if error.reason:
            refused = Refused(error.reason, error.message)
            for listener in self.on_refused:
                listener(dps, registration_id, refused)

    async def _ask_and_assign(self, match: Match, registering: Registering, operation_id: str) -> None:
        """The rest of a registration by custom allocation; whatever happens, there is a record of it."""
        place = key_of(match.dps, match.registration_id)
        try:
            choice = await self._asked(match, registering)
            self.assign(match, registering, choice)
            made = self._record(match.dps, match.registration_id)
        except (DpsError, Refused) as failed:
            made = self._failed(match, failed)
        except Exception:  # the boundary of a task: a defect must not leave a device waiting
            LOG.exception("defect", extra={"fields": {"dps": match.dps, "registrationId": place}})
            made = self._failed(
                match, DpsError(500, 500000, "The local cloud has a defect here; see its log.")
            )
        self._store.put(REGISTRATION, place, {**made, "operationId": operation_id})

    async def _asked(self, match: Match, registering: Registering) -> Choice:
        enrollment = self._enabled(match)
        hosts = self._placement.hosts(self._service(match.dps), enrollment)
        record = self._store.get(REGISTRATION, key_of(match.dps, match.registration_id))
        body = request_body(match, enrollment, hosts, record, registering.payload)
        if self.webhook is None:
            raise failure(": webhooks cannot be reached from here")
        try:
            status, raw = await self.webhook(enrollment["customAllocationDefinition"]["webhookUrl"], body)
        except TimeoutError as late:
            raise failure(": the webhook did not answer in time") from late
        except OSError as fault:
            raise failure(f": the webhook cannot be reached: {str(fault) or type(fault).__name__}") from fault
        return read_answer(status, raw, hosts)

    def _failed(self, match: Match, failed: DpsError | Refused) -> Record:
        before = self._store.get(REGISTRATION, key_of(match.dps, match.registration_id))
        refused = failed if isinstance(failed, Refused) else Refused("allocation-failed", failed.message)
        self.refuse(match.dps, match.registration_id, refused)
        code = 403000 if isinstance(failed, Refused) else failed.error_code
        words = str(failed) if isinstance(failed, Refused) else failed.message
        return failed_record(match, before, code, words, self.clock.text())

    def _equipped(
        self, match: Match, service: Document, enrollment: Document, registering: Registering
    ) -> tuple[Match, Record]:
        """What the hub shall know the device by from now on, and what the device gets for it."""
        if registering.csr is not None:
            self._check_csr(match, enrollment, registering)
            namespace = csr.namespace_of(service, enrollment)
            self._check_policy(namespace, enrollment)
            request, name = registering.csr, match.registration_id
            chain = csr.issue(self._issuer, namespace, enrollment, request, name)
            return replace(match, authentication={"type": "certificateAuthority"}), {
                "issuedCertificateChain": chain
            }
        if match.endorsed is not None:
            key, locked = locked_key(*match.endorsed)
            known = {"type": "sas", "symmetricKey": {"primaryKey": key}}
            return replace(match, authentication=known), {"evidence": {"tpm": {"authenticationKey": locked}}}
        return match, {}

    def _check_csr(self, match: Match, enrollment: Document, registering: Registering) -> None:
        if registering.csr is not None:
            csr.check_enrollment(enrollment, match.what)

    def _check_policy(self, namespace: str, enrollment: Document) -> None:
        """The policy must be below the authority that the enrollment names: a credential of the namespace."""
        authority, policy = (enrollment[f"certificate{it}Name"] for it in ("Authority", "Policy"))
        place = f"{namespace}/credentials/{authority}/policies/{policy}"
        if self._store.get("arm", place.lower()) is None:
            words = f"there is no certificate policy {policy} of the authority {authority} in {namespace}."
            raise csr.refused(f"No certificate was issued: {words}")

    def _enabled(self, match: Match) -> Document:
        enrollment = self._store.get(match.kind.kind, key_of(match.dps, match.enrollment_id))
        if enrollment is None:
            raise Refused("not-enrolled", f"{match.what} is gone")
        if enrollment["provisioningStatus"] != "enabled":
            raise Refused("disabled", f"{match.what} is disabled")
        return enrollment

    def _enrollments_changed(self, kind: Kind, dps: str) -> None:
        if kind is GROUP:
            self._admission.forget_groups(dps)

    def _service(self, dps: str) -> dict[str, Any]:
        service = self._directory.dps_by_name(dps)
        if service is None:
            raise DpsError(404, 404000, f"There is no provisioning service {dps}.")
        return service

    def _record(self, dps: str, registration_id: str) -> Record:
        record = self._store.get(REGISTRATION, key_of(dps, registration_id))
        if record is None:
            raise DpsError(404, REGISTRATION_NOT_FOUND, f"Registration {registration_id} not found.")
        return record
