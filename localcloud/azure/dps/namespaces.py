"""The Azure Device Registry namespaces that are linked to a provisioning service.

`deviceRegistryNamespaces` of IotDpsPropertiesDescription, Microsoft.Devices/provisioningServices
2026-11-01; the previews before it have one, `deviceRegistryNamespace`.
"""

from localcloud.azure.dps.kinds import Document


def namespaces_of(service: Document) -> dict[str, str]:
    """Resource ids by name in lower case."""
    properties = service["properties"]
    linked = [properties.get("deviceRegistryNamespace"), *(properties.get("deviceRegistryNamespaces") or [])]
    found = [str(it["resourceId"]).rstrip("/") for it in linked if it]
    return {it.rpartition("/")[2].lower(): it for it in found}
