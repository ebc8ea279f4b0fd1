"""The hubs linked to a provisioning service: one list inside the service's ARM document, shared by many
writers.

ARM API 2026-11-01 (model IotHubDefinitionDescription of azure-mgmt-iothubprovisioningservices 2.1.0). There
is no call for one link, so a change reads the document, merges its own entry, and writes it back with the
ETag. A lost race is repeated: the merge is ours alone and never touches another entry. The model names no
If-Match for this PUT, so a read afterwards confirms it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from provider.clients.arm import Arm
from provider.clients.errors import ConflictingError, NotFoundError, OperationFailedError, StaleError
from provider.clients.rest import Document
from provider.clients.retry import Policy

API_VERSION = "2026-11-01"
MERGE_POLICY = Policy(attempts=8, first_seconds=0.5, longest_seconds=10)
READ_ONLY = ("id", "name", "type", "systemData")
READ_ONLY_PROPERTIES = (
    "state",
    "provisioningState",
    "serviceOperationsHostName",
    "deviceProvisioningHostName",
    "idScope",
    "deviceRegistryNamespaces",
)

Link: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Linked:
    """A link as the service has it, and the ETag of the service's document that it was read from."""

    link: Link
    service_etag: str


class DpsLinks:
    """The links of the service with this ARM id. `lock` keeps threads of one process from racing one
    another.
    """

    def __init__(self, arm: Arm, service_id: str, lock: threading.Lock) -> None:
        self._arm = arm
        self._service_id = service_id
        self._lock = lock

    def get(self, host: str) -> Linked | None:
        """The link to this hub, or None: without the link, or without the service."""
        service = self._arm.get(self._service_id, API_VERSION) or {}
        link = find(service, host)
        return None if link is None else Linked(link, str(service.get("etag") or ""))

    def put(self, link: Link) -> Link:
        """Add the link, or replace the one to the same host. Raises NotFoundError when there is no such
        service.
        """
        self._merge(lambda service: _with(service, link), lambda service: _holds(service, link))
        return link

    def delete(self, host: str) -> None:
        """Take the link away. Without the link, or the service, there is nothing to do."""
        try:
            self._merge(lambda service: _without(service, host), lambda service: find(service, host) is None)
        except NotFoundError:
            return

    def _merge(self, change: Callable[[Link], Link], done: Callable[[Link], bool]) -> None:
        with self._lock:
            for attempt in range(1, MERGE_POLICY.attempts + 1):
                if self._try_merge(change, done, last=attempt == MERGE_POLICY.attempts):
                    return
                self._arm.wait(MERGE_POLICY.wait_seconds(attempt), self._service_id)
        raise OperationFailedError(
            f"{self._service_id}: its linked hubs were written {MERGE_POLICY.attempts} times, and each time "
            "somebody else's change undid it; end the other deployment first, then run this one again"
        )

    def _try_merge(self, change: Callable[[Link], Link], done: Callable[[Link], bool], *, last: bool) -> bool:
        service = self._service()
        if done(service):
            return True
        try:
            self._arm.put(self._service_id, API_VERSION, change(service), if_match=service.get("etag"))
        except (StaleError, ConflictingError):
            if last:
                raise
            return False
        return done(self._service())

    def _service(self) -> Document:
        service = self._arm.get(self._service_id, API_VERSION)
        if service is None:
            raise NotFoundError(
                f"there is no provisioning service {self._service_id}", 404, "ResourceNotFound", ""
            )
        return service


def find(service: Document, host: str) -> Link | None:
    """The link to a host in a service's document."""
    return next((link for link in _links(service) if host_of(link) == host.lower()), None)


def host_of(link: Link) -> str:
    """The hub's host name, lower case: `hostName` as written, or `name` as the service tells it."""
    return str(link.get("hostName") or link.get("name") or "").lower()


def _links(service: Document) -> list[Link]:
    return list((service.get("properties") or {}).get("iotHubs") or [])


def _holds(service: Document, link: Link) -> bool:
    live = find(service, host_of(link))
    return live is not None and all(
        _spelling(live.get(key)) == _spelling(value) for key, value in link.items() if key != "hostName"
    )


def _spelling(value: object) -> object:
    # ARM knows a region as "westeurope" and as "West Europe".
    return value.lower().replace(" ", "") if isinstance(value, str) else value


def _with(service: Document, link: Link) -> Document:
    others = [each for each in _links(service) if host_of(each) != host_of(link)]
    return _writable(service, [*others, link])


def _without(service: Document, host: str) -> Document:
    return _writable(service, [each for each in _links(service) if host_of(each) != host.lower()])


def _writable(service: Document, links: list[Link]) -> Document:
    body = {key: deepcopy(value) for key, value in service.items() if key not in READ_ONLY}
    properties = body.get("properties") or {}
    kept = {key: value for key, value in properties.items() if key not in READ_ONLY_PROPERTIES}
    return {**body, "properties": {**kept, "iotHubs": [_writable_link(link) for link in links]}}


def _writable_link(link: Link) -> Link:
    # `name` is read-only; a link with neither host name nor connection string would lose its hub without it.
    bare = {key: value for key, value in link.items() if key != "name" and value is not None}
    return bare if {"hostName", "connectionString"} & bare.keys() else {**bare, "hostName": link["name"]}
