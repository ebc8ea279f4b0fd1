"""Links to a Device Registry namespace: entries of its document, each one's own."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from provider.clients import Azure
from provider.clients.errors import NotFoundError, ServiceError
from provider.errors import AlreadyExistsError, InitFailedError, InvalidIdError
from provider.handlers import handlers
from provider.handlers.registry_link import HubRegistryLink, ServiceRegistryLink
from provider.resource import Handler

GROUP = "/subscriptions/s1/resourceGroups/fleet/providers"
NAMESPACE = f"{GROUP}/Microsoft.DeviceRegistry/namespaces/cold"
SERVICE = f"{GROUP}/Microsoft.Devices/provisioningServices/contoso"
HUB = f"{GROUP}/Microsoft.Devices/IotHubs/one"
GIVEN = {"namespaceId": NAMESPACE, "provisioningServiceId": SERVICE, "serviceRevision": "r1"}
HUB_GIVEN = {"namespaceId": NAMESPACE, "hubId": HUB}


@pytest.fixture
def namespace(cloud: Any) -> dict[str, Any]:
    """The namespace's document, with an entry of somebody else."""
    theirs = {
        "endpointType": "Microsoft.Devices/IotHubs",
        "resourceId": f"{HUB}-other",
        "linkingState": "Succeeded",
    }
    document = {"id": NAMESPACE, "properties": {"messaging": {"endpoints": {"other": theirs}}}}
    cloud.arm[NAMESPACE.lower()] = document
    return document


@pytest.fixture
def service_links(azure: Azure, namespace: dict[str, Any]) -> Handler[Any, Any]:
    return handlers(azure)["muster:dps:RegistryLink"]


@pytest.fixture
def hub_links(azure: Azure, namespace: dict[str, Any]) -> Handler[Any, Any]:
    return handlers(azure)["muster:hub:RegistryLink"]


def test_checks_and_diffs_need_no_client() -> None:
    handler = ServiceRegistryLink(lambda _: pytest.fail("asked for a client"))
    wrong = {"namespaceId": HUB, "provisioningServiceId": NAMESPACE, "authentication": "KeyBased"}
    assert {each.path for each in handler.check(wrong).faults} == set(wrong)
    old = handler.check(GIVEN).inputs
    moved = {**old, "namespaceId": NAMESPACE.upper(), "serviceRevision": "r2"}
    assert [each.path for each in handler.diff(old, old, moved).changes] == ["serviceRevision"]
    assert handler.diff(old, {**old, "serviceEtag": "r2"}, moved).changes == ()
    hub = HubRegistryLink(lambda _: pytest.fail("asked for a client"))
    assert [each.path for each in hub.check({**HUB_GIVEN, "hubId": SERVICE}).faults] == ["hubId"]


def test_a_service_and_a_hub(
    service_links: Handler[Any, Any], hub_links: Handler[Any, Any], life: Any, cloud: Any, namespace: Any
) -> None:
    one, two = life(service_links), life(hub_links)
    one.create(GIVEN)
    two.create(HUB_GIVEN)
    assert one.resource_id == f"{NAMESPACE}/provisioning{SERVICE}"
    properties = namespace["properties"]
    assert properties["provisioning"]["endpoints"]["contoso"] == {
        "endpointType": "Microsoft.Devices/provisioningServices",
        "resourceId": SERVICE,
        "inboundCallerIdentity": {"type": "SystemAssigned"},
        "linkingState": "Succeeded",
    }
    assert set(properties["messaging"]["endpoints"]) == {"other", "one"}
    patches = [each for each in cloud.requests if each.method == "PATCH"]
    assert [each.url.params["api-version"] for each in patches] == ["2026-11-01-preview"] * 2
    assert one.refresh()
    assert one.properties["serviceEtag"] == "e0"
    assert one.changed() == {}
    assert one.changed(serviceRevision="e0") == {}
    del properties["provisioning"]["endpoints"]["contoso"]
    one.update(serviceRevision="r2")
    assert properties["provisioning"]["endpoints"]["contoso"]["resourceId"] == SERVICE
    sent = cloud.methods().count("PATCH")
    one.update(serviceRevision="r3")
    assert cloud.methods().count("PATCH") == sent, "a link that is as declared is not written again"


def test_an_entry_of_the_same_name_is_left_alone(
    hub_links: Handler[Any, Any], life: Any, namespace: dict[str, Any]
) -> None:
    one = life(hub_links)
    one.create({**HUB_GIVEN, "hubId": f"{HUB.replace('fleet', 'elsewhere')[:-3]}other"})
    names = set(namespace["properties"]["messaging"]["endpoints"])
    assert len(names) == 2
    assert all(name.startswith("other") for name in names)


def test_unlinking(hub_links: Handler[Any, Any], life: Any, cloud: Any, namespace: dict[str, Any]) -> None:
    one = life(hub_links)
    one.create(HUB_GIVEN)
    assert hub_links.delete(one.resource_id) == ()
    assert set(namespace["properties"]["messaging"]["endpoints"]) == {"other"}
    assert hub_links.delete(one.resource_id) == ()
    assert not one.refresh()


def test_a_refused_unlinking_is_told_and_ends_no_run(
    hub_links: Handler[Any, Any], life: Any, cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = life(hub_links)
    one.create(HUB_GIVEN)
    handle = cloud.resource_manager
    status = 409

    def refusing(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            return httpx.Response(
                status, json={"error": {"code": "Linked", "message": "delete the hub first"}}
            )
        answer: httpx.Response = handle(request)
        return answer

    monkeypatch.setattr(cloud, "resource_manager", refusing)
    notices = hub_links.delete(one.resource_id)
    assert notices is not None
    assert "stays linked until it is deleted" in notices[0].text
    status = 403
    with pytest.raises(ServiceError, match="403"):
        hub_links.delete(one.resource_id)


def test_linking_that_fails_is_kept_and_tried_again(
    hub_links: Handler[Any, Any], life: Any, cloud: Any, namespace: dict[str, Any]
) -> None:
    cloud.links_end_as = "Failed"
    one = life(hub_links)
    with pytest.raises(InitFailedError, match="needs a role on the other") as raised:
        one.create(HUB_GIVEN)
    inputs = hub_links.check(HUB_GIVEN).inputs
    one.inputs, one.properties = inputs, hub_links.properties(inputs, raised.value.outputs)
    namespace["properties"]["messaging"]["endpoints"]["one"].pop("linkingState")
    namespace["properties"]["messaging"]["endpoints"]["one"]["linkingState"] = "Succeeded"
    one.update(serviceRevision="r2")
    assert one.properties["serviceEtag"] == "r2"


def test_an_existing_link_and_none(
    service_links: Handler[Any, Any], life: Any, cloud: Any, namespace: dict[str, Any]
) -> None:
    life(service_links).create(GIVEN)
    (notice,) = life(service_links).create(GIVEN).notices
    assert "existed already" in notice.text
    entry = namespace["properties"]["provisioning"]["endpoints"]["contoso"]
    entry["inboundCallerIdentity"] = {"type": "UserAssigned"}
    with pytest.raises(AlreadyExistsError, match="authentication"):
        life(service_links).create(GIVEN)
    with pytest.raises(InvalidIdError, match="ARM id of the namespace"):
        service_links.read("contoso", None)
    live = service_links.read(f"{NAMESPACE}/provisioning{SERVICE}", None)
    assert live is not None
    assert live.inputs.authentication == "UserAssigned"
    cloud.arm.pop(NAMESPACE.lower())
    with pytest.raises(NotFoundError, match="there is no namespace"):
        life(service_links).create(GIVEN)
