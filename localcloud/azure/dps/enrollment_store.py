"""Enrollments of all provisioning services, kept: written, read, removed, page by page. No IO but the store.

`dps` is always a provisioning service's name, the first label of its service host.
"""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from localcloud.azure.dps import attestation
from localcloud.azure.dps.enrollments import Surroundings, checked, shown
from localcloud.azure.dps.errors import ENROLLMENT_NOT_FOUND, DpsError
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document, Kind, key_of
from localcloud.azure.dps.namespaces import namespaces_of
from localcloud.azure.dps.placement import Directory
from localcloud.azure.dps.records import shown_record
from localcloud.azure.dps.versions import NEWEST
from localcloud.clock import Clock
from localcloud.store import Store

REGISTRATION = "registration"


class Enrollments:
    """Individual enrollments and groups. `on_changed(kind, dps)` is called after a change."""

    def __init__(
        self, store: Store, directory: Directory, clock: Clock, on_changed: Callable[[Kind, str], None]
    ) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._on_changed = on_changed

    def surroundings(self, dps: str, version: str = NEWEST) -> Surroundings:
        """What an enrollment of this service is checked against. DpsError 404 for no such service."""
        service = self._directory.dps_by_name(dps)
        if service is None:
            raise DpsError(404, 404000, f"There is no provisioning service {dps}.")
        below = f"{service['id'].lower()}/certificates/"
        return Surroundings(
            hosts=frozenset(str(hub["name"]).lower() for hub in self._directory.linked_hubs(service)),
            authorities=frozenset(key.removeprefix(below) for key, _ in self._store.list("arm", below)),
            namespaces=frozenset(namespaces_of(service)),
            now=self._clock.now(),
            version=version,
        )

    def put(
        self,
        kind: Kind,
        dps: str,
        identifier: str,
        body: object,
        if_match: str | None,
        around: Surroundings,
    ) -> Document:
        """Create or replace. DpsError: 400 with all faults, 412 stale."""
        key = key_of(dps, identifier)
        before = self._store.get(kind.kind, key)
        check_etag(before, if_match, f"{kind.noun} {identifier}")
        document = checked(kind, identifier, body, before, around)
        now = self._clock.text()
        document["createdDateTimeUtc"] = before["createdDateTimeUtc"] if before else now
        document["lastUpdatedDateTimeUtc"] = now
        document["etag"] = str(uuid.uuid4())
        self._store.put(kind.kind, key, document)
        self._on_changed(kind, dps)
        return self._shown(kind, dps, document, around.version)

    def together(self) -> AbstractContextManager[None]:
        """Many changes with one commit."""
        return self._store.transaction()

    def knows(self, kind: Kind, dps: str, identifier: str) -> bool:
        """Whether there is one."""
        return self._store.get(kind.kind, key_of(dps, identifier)) is not None

    def get(self, kind: Kind, dps: str, identifier: str, version: str = NEWEST) -> Document:
        """An enrollment as the service shows it. DpsError 404 when there is none."""
        return self._shown(kind, dps, self._stored(kind, dps, identifier), version)

    def mechanism(self, kind: Kind, dps: str, identifier: str) -> Document:
        """Its attestation with the symmetric keys. DpsError 404 when there is none."""
        return attestation.disclosed(self._stored(kind, dps, identifier)["attestation"])

    def delete(self, kind: Kind, dps: str, identifier: str, if_match: str | None = None) -> None:
        """Remove it, and with an individual enrollment the device's record; the device stays in its hub.

        The records of a group's devices stay ("How to unprovision devices", learn.microsoft.com/azure/
        iot-dps), as does the one that a device got from its group before it had an enrollment of its own.
        """
        before = self._stored(kind, dps, identifier)
        check_etag(before, if_match, f"{kind.noun} {identifier}")
        with self._store.transaction():
            self._store.delete(kind.kind, key_of(dps, identifier))
            if kind is INDIVIDUAL and self._is_own_record(dps, identifier):
                self._store.delete(REGISTRATION, key_of(dps, identifier))
        self._on_changed(kind, dps)

    def page(self, kind: Kind, dps: str, after: str, limit: int, version: str = NEWEST) -> list[Document]:
        """The first `limit` enrollments after the id `after`, by id."""
        found = self._store.page(kind.kind, key_of(dps, ""), key_of(dps, after), limit)
        return [self._shown(kind, dps, document, version) for _, document in found]

    def all(self, kind: Kind, dps: str) -> list[Document]:
        """All of a service, by id."""
        found = self._store.list(kind.kind, key_of(dps, ""))
        return [self._shown(kind, dps, document, NEWEST) for _, document in found]

    def forget(self, dps: str) -> None:
        """The service is gone, and all that it knew."""
        with self._store.transaction():
            for kind in (GROUP.kind, INDIVIDUAL.kind, REGISTRATION):
                for key, _ in self._store.list(kind, key_of(dps, "")):
                    self._store.delete(kind, key)
        self._on_changed(GROUP, dps)

    def _is_own_record(self, dps: str, registration_id: str) -> bool:
        record = self._store.get(REGISTRATION, key_of(dps, registration_id))
        return record is not None and not record["enrollmentGroupId"]

    def _stored(self, kind: Kind, dps: str, identifier: str) -> Document:
        document = self._store.get(kind.kind, key_of(dps, identifier))
        if document is None:
            noun = kind.noun[0].upper() + kind.noun[1:]
            raise DpsError(404, ENROLLMENT_NOT_FOUND, f"{noun} {identifier} not found.")
        return document

    def _shown(self, kind: Kind, dps: str, document: Document, version: str) -> Document:
        seen = shown(document, version)
        if kind is INDIVIDUAL:
            record = self._store.get(REGISTRATION, key_of(dps, document[kind.member]))
            if record is not None:
                seen["registrationState"] = shown_record(record)
        return seen


def check_etag(document: dict[str, Any] | None, if_match: str | None, what: str) -> None:
    """RFC 9110 If-Match; absent matches anything, quotes are optional (DPS clients send none)."""
    wanted = None if if_match is None else if_match.strip().strip('"')
    if wanted is None or (document is not None and wanted in ("*", document["etag"])):
        return
    current = "it does not exist" if document is None else f"its etag is now {document['etag']}"
    raise DpsError(412, 412000, f"If-Match is {wanted} for {what}, but {current}.")
