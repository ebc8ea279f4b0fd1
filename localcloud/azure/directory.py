"""Which provisioning services and hubs exist: a read model over the ARM documents."""

from typing import Any

from cryptography import x509

from localcloud.pem import load_certificate
from localcloud.store import Document, Store

_HUB = "microsoft.devices/iothubs"
_DPS = "microsoft.devices/provisioningservices"


class Directory:
    """Answers from the store at every call; remembers only under which key a name was last found."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._keys: dict[tuple[str, str], str] = {}

    def dps_by_id_scope(self, id_scope: str) -> Document | None:
        """The provisioning service with this id scope (case-insensitive)."""
        return self._find(_DPS, "idScope", id_scope)

    def dps_by_name(self, name: str) -> Document | None:
        """The provisioning service with this name: the first label of its service host."""
        return self._find(_DPS, "serviceOperationsHostName", f"{name}.azure-devices-provisioning.net")

    def hub_by_host(self, host: str) -> Document | None:
        """The hub with this host name."""
        return self._find(_HUB, "hostName", host)

    def linked_hubs(self, dps: Document) -> list[dict[str, Any]]:
        """The hubs linked to a provisioning service: name (the host), location, allocationWeight, …"""
        return list(dps["properties"].get("iotHubs") or [])

    def namespaces_of_hub(self, host: str) -> list[str]:
        """The Device Registry namespaces that are linked to the hub with this host: one id, or none."""
        hub = self.hub_by_host(host)
        linked = hub["properties"].get("deviceRegistry") if hub else None
        return [linked["namespaceResourceId"]] if linked else []

    def verified_authorities(self, dps: Document) -> list[x509.Certificate]:
        """The certificates of the service whose owner has proved possession of the key."""
        return self._verified_below(dps)

    def hub_authorities(self, hub: Document) -> list[x509.Certificate]:
        """The same of a hub: the CAs of its devices of type certificateAuthority."""
        return self._verified_below(hub)

    def _verified_below(self, owner: Document) -> list[x509.Certificate]:
        found = self._store.list("arm", f"{owner['id'].lower()}/certificates/")
        return [
            load_certificate(it["properties"]["certificate"])
            for _, it in found
            if it["properties"].get("isVerified")
        ]

    def _find(self, kind: str, field: str, value: str) -> Document | None:
        wanted = value.lower()
        key = self._keys.get((field, wanted))
        document = self._store.get("arm", key) if key else None
        if document is not None and _carries(document, field, wanted):
            return document
        return self._search(kind, field, wanted)

    def _search(self, kind: str, field: str, wanted: str) -> Document | None:
        for key, document in self._store.list("arm"):
            if document.get("type", "").lower() == kind and _carries(document, field, wanted):
                self._keys[field, wanted] = key
                return document
        return None


def _carries(document: Document, field: str, wanted: str) -> bool:
    return str(document["properties"].get(field, "")).lower() == wanted
