"""How the service API shows a twin (Twin, service API 2021-04-12)."""

from localcloud.azure.hub.identities import Identity
from localcloud.azure.hub.twins import Twin


def service_twin(identity: Identity, device: Identity, twin: Twin) -> Twin:
    """A twin with what it has from its identity; `device` is the module's device, or the device itself."""
    authentication = identity["authentication"]
    return {
        "deviceId": identity["deviceId"],
        **({"moduleId": identity["moduleId"]} if "moduleId" in identity else {}),
        "etag": twin["etag"],
        "deviceEtag": identity["etag"],
        "status": device["status"],
        "statusUpdateTime": device["statusUpdatedTime"],
        "connectionState": identity["connectionState"],
        "lastActivityTime": identity["lastActivityTime"],
        "cloudToDeviceMessageCount": identity["cloudToDeviceMessageCount"],
        "authenticationType": authentication["type"],
        "x509Thumbprint": authentication["x509Thumbprint"],
        "version": twin["version"],
        "properties": twin["properties"],
        **({} if "moduleId" in identity else {"capabilities": identity["capabilities"]}),
        **{name: identity[name] for name in ("deviceScope", "parentScopes") if name in identity},
        "tags": twin["tags"],
        **({"configurations": twin["configurations"]} if twin.get("configurations") else {}),
    }
