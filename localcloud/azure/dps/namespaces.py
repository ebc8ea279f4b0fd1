"""The Azure Device Registry namespaces that are linked to a provisioning service.

`deviceRegistryNamespaces` of IotDpsPropertiesDescription, Microsoft.Devices/provisioningServices 2026-11-01.
"""

from localcloud.azure.dps.kinds import Document


def namespaces_of(service: Document) -> dict[str, str]:
    """Resource ids by name in lower case."""
    linked = service["properties"].get("deviceRegistryNamespaces") or []
    found = [str(it["resourceId"]) for it in linked]
    return {it.rstrip("/").rpartition("/")[2].lower(): it for it in found}
