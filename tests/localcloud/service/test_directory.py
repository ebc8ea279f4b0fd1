"""The read model over ARM documents."""

from typing import Any

from localcloud.azure.directory import Directory
from localcloud.pem import der_text
from localcloud.store import Store

from .conftest import authority

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Devices"


def _put(store: Store, kind: str, name: str, **properties: Any) -> dict[str, Any]:
    identity = f"{SCOPE}/{kind}/{name}"
    document = {"id": identity, "name": name, "type": f"Microsoft.Devices/{kind}", "properties": properties}
    store.put("arm", identity.lower(), document)
    return document


def test_services_and_hubs_are_found_whatever_the_case(store: Store) -> None:
    directory = Directory(store)
    host = "Dps-1.azure-devices-provisioning.net"
    dps = _put(store, "provisioningServices", "Dps-1", idScope="0ne00AB", serviceOperationsHostName=host)
    hub = _put(store, "IotHubs", "Hub-1", hostName="Hub-1.azure-devices.net")
    assert directory.dps_by_id_scope("0NE00ab") == dps
    assert directory.dps_by_name("dps-1") == dps
    assert directory.hub_by_host("hub-1.azure-devices.net") == hub
    assert directory.hub_by_host("hub-2.azure-devices.net") is None


def test_a_change_is_seen_at_once(store: Store) -> None:
    directory = Directory(store)
    old = _put(store, "IotHubs", "h", hostName="h.azure-devices.net")
    assert directory.hub_by_host("h.azure-devices.net") == old
    new = _put(store, "IotHubs", "h", hostName="h.azure-devices.net", disableLocalAuth=True)
    assert directory.hub_by_host("h.azure-devices.net") == new
    store.delete("arm", new["id"].lower())
    assert directory.hub_by_host("h.azure-devices.net") is None


def test_only_verified_authorities_count(store: Store) -> None:
    dps = _put(store, "provisioningServices", "d", idScope="0ne1", iotHubs=[{"name": "h"}])
    good, other = authority("good").certificate, authority("other").certificate
    for name, certificate, verified in (("a", good, True), ("b", other, False)):
        properties = {"certificate": der_text(certificate), "isVerified": verified}
        _put(store, "provisioningServices", f"d/certificates/{name}", **properties)
    assert Directory(store).verified_authorities(dps) == [good]
    assert Directory(store).linked_hubs(dps) == [{"name": "h"}]
