"""What is linked to a Device Registry namespace: entries of the namespace's own document.

API 2026-11-01-preview (Azure/azure-rest-api-specs, specification/deviceregistry/DeviceRegistry.Management/
namespaces.tsp: `provisioning.endpoints` for a provisioning service, `messaging.endpoints` for hubs). Links
live there ("az iot adr ns link"); `deviceRegistryNamespaces` of a service (ARM API 2026-11-01) is read-only,
and so is `deviceRegistry` of a hub. A PATCH with the whole entry changes that entry alone; null takes it
away. Linking goes on after the answer: `linkingState` tells when it is done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from provider.clients.arm import POLL_SECONDS, Arm
from provider.clients.errors import NotFoundError, OperationFailedError
from provider.clients.rest import Document

API_VERSION = "2026-11-01-preview"
SERVICE_API_VERSION = "2026-11-01"
HUB_API_VERSION = "2023-06-30"


@dataclass(frozen=True)
class Kind:
    """What may be linked: the section of the namespace's document that holds it, and its own API version."""

    section: str
    endpoint_type: str
    api_version: str


SERVICE = Kind("provisioning", "Microsoft.Devices/provisioningServices", SERVICE_API_VERSION)
HUB = Kind("messaging", "Microsoft.Devices/IotHubs", HUB_API_VERSION)


class RegistryLinks:
    """The links of the namespace with this ARM id."""

    def __init__(self, arm: Arm, namespace_id: str) -> None:
        self._arm = arm
        self._namespace_id = namespace_id

    def get(self, kind: Kind, target_id: str) -> Document | None:
        """The entry that links this service or hub, or None: without the link, or without the namespace."""
        found = self._named(kind, target_id)
        return None if found is None else found[1]

    def put(self, kind: Kind, target_id: str, identity: Document) -> Document:
        """Link it with the identity by which it calls the namespace, and wait until it is linked.

        Raises NotFoundError without the namespace, OperationFailedError when linking fails.
        """
        name, current = self._named(kind, target_id) or (self._free(kind, target_id), {})
        entry = {key: value for key, value in current.items() if key == "provisioning"}
        entry |= {
            "endpointType": kind.endpoint_type,
            "resourceId": target_id,
            "inboundCallerIdentity": identity,
        }
        self._arm.patch(self._namespace_id, API_VERSION, _body(kind, {name: entry}))
        return self._linked(kind, target_id)

    def delete(self, kind: Kind, target_id: str) -> None:
        """Take the entry away. Without it, or the namespace, there is nothing to do.

        Raises ServiceError where the service unlinks only what is gone itself.
        """
        if (found := self._named(kind, target_id)) is not None:
            self._arm.patch(self._namespace_id, API_VERSION, _body(kind, {found[0]: None}))

    def revision(self, kind: Kind, target_id: str) -> str:
        """The ETag of what is linked, "" when it has none."""
        return str((self._arm.get(target_id, kind.api_version) or {}).get("etag") or "")

    def _linked(self, kind: Kind, target_id: str) -> Document:
        while True:
            entry = self.get(kind, target_id) or {}
            state = str(entry.get("linkingState") or "Succeeded").lower()
            if state == "succeeded":
                return entry
            if state == "failed":
                said = (entry.get("linkingError") or {}).get("message") or "no reason is given"
                raise OperationFailedError(
                    f"{target_id} could not be linked to {self._namespace_id}: {said}. Each needs a role on "
                    "the other for its managed identity: see docs/provider.md"
                )
            self._arm.wait(POLL_SECONDS, f"waiting for the link of {target_id}")

    def _named(self, kind: Kind, target_id: str) -> tuple[str, Document] | None:
        for name, entry in self._endpoints(kind).items():
            if str(entry.get("resourceId", "")).lower() == target_id.lower():
                return name, entry
        return None

    def _free(self, kind: Kind, target_id: str) -> str:
        if self._arm.get(self._namespace_id, API_VERSION) is None:
            raise NotFoundError(f"there is no namespace {self._namespace_id}", 404, "ResourceNotFound", "")
        name = target_id.rpartition("/")[2].lower()
        if name not in self._endpoints(kind):
            return name
        return f"{name}-{hashlib.sha256(target_id.lower().encode()).hexdigest()[:6]}"

    def _endpoints(self, kind: Kind) -> dict[str, Document]:
        namespace = self._arm.get(self._namespace_id, API_VERSION) or {}
        section = (namespace.get("properties") or {}).get(kind.section) or {}
        return {name: entry for name, entry in (section.get("endpoints") or {}).items() if entry}


def _body(kind: Kind, endpoints: dict[str, Document | None]) -> Document:
    return {"properties": {kind.section: {"endpoints": endpoints}}}
