"""Device Registry as ARM resources: its authorities, and its links to a provisioning service and to hubs."""

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from localcloud.azure.adr import Issuer
from localcloud.clock import Clock
from localcloud.store import Store

from .conftest import GROUP, LOCATION, Arm, hub_body, hub_id

NAMESPACE = f"{GROUP}/providers/Microsoft.DeviceRegistry/namespaces/fleet"
SERVICE = f"{GROUP}/providers/Microsoft.Devices/provisioningServices/dps-1"
CREDENTIAL = f"{NAMESPACE}/credentials/default"
POLICY = f"{CREDENTIAL}/policies/monthly"
LINKING = "2026-11-02-preview"
OWN = {"type": "SystemAssigned"}
REGISTRY_CONTRIBUTOR = "a5c3590a-3a1a-4cd4-9648-ea0a32b15137"
HUB_REGISTRY_CONTRIBUTOR = "4ea46cd5-c1b2-4a8e-910b-273211f9ce47"
SERVICE_BODY = {"location": LOCATION, "sku": {"name": "S1", "capacity": 1}, "identity": OWN, "properties": {}}
SERVICE_ENDPOINT = {
    "endpointType": "Microsoft.Devices/provisioningServices",
    "resourceId": SERVICE,
    "inboundCallerIdentity": OWN,
}
HUB_ENDPOINT = {
    "endpointType": "Microsoft.Devices/IotHubs",
    "resourceId": hub_id(),
    "inboundCallerIdentity": OWN,
}


def policy_body(days: int = 30, **more: Any) -> dict[str, Any]:
    certificate = {
        "certificateAuthorityConfiguration": {"keyType": "ECC", **more},
        "leafCertificateConfiguration": {"validityPeriodInDays": days},
    }
    return {"location": LOCATION, "properties": {"certificate": certificate}}


def request() -> x509.CertificateSigningRequest:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-1")])
    return x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())


@pytest.fixture
def fleet(arm: Arm) -> Arm:
    """A namespace that issues, a provisioning service and a hub, with the roles that links need."""
    namespace = arm.put(NAMESPACE, {"location": LOCATION, "identity": OWN})
    arm.put(CREDENTIAL, {"location": LOCATION})
    arm.put(POLICY, policy_body())
    service = arm.put(SERVICE, SERVICE_BODY)
    arm.put(hub_id(), hub_body(identity=OWN))
    arm.grant(REGISTRY_CONTRIBUTOR, service["identity"]["principalId"], NAMESPACE)
    arm.grant(HUB_REGISTRY_CONTRIBUTOR, namespace["identity"]["principalId"], hub_id())
    return arm


def linked(services: dict[str, Any], hubs: dict[str, Any]) -> dict[str, Any]:
    places = {"provisioning": {"endpoints": services}, "messaging": {"endpoints": hubs}}
    return {"location": LOCATION, "identity": OWN, "properties": places}


BOTH = linked({"dps": SERVICE_ENDPOINT}, {"eu-1": HUB_ENDPOINT})


def test_a_policy_is_an_authority(fleet: Arm, store: Store, clock: Clock) -> None:
    shown = fleet.get(POLICY)["properties"]["certificate"]["certificateAuthorityConfiguration"]
    leaf, issuing, _ = Issuer(store, clock).issue(NAMESPACE, "monthly", request(), "pump-1")
    assert shown["subject"] == issuing.subject.rfc4514_string() == leaf.issuer.rfc4514_string()
    assert "PRIVATE" not in str(fleet.get(POLICY))


def test_revoking_the_issuer_makes_another(fleet: Arm, store: Store, clock: Clock) -> None:
    before = Issuer(store, clock).issue(NAMESPACE, "monthly", request(), "pump-1")
    assert fleet.call("POST", f"{POLICY}/revokeIssuer").status == 200
    after = Issuer(store, clock).issue(NAMESPACE, "monthly", request(), "pump-1")
    assert before[1] != after[1]
    assert before[2] == after[2]
    shown = fleet.get(POLICY)["properties"]["certificate"]["certificateAuthorityConfiguration"]
    assert shown["validityNotBefore"] == after[1].not_valid_before_utc.isoformat()


def test_what_is_deleted_issues_no_more(fleet: Arm, store: Store, clock: Clock) -> None:
    fleet.call("DELETE", NAMESPACE)
    assert store.list("adr-ca") == store.list("adr-root") == []
    with pytest.raises(LookupError):
        Issuer(store, clock).issue(NAMESPACE, "monthly", request(), "pump-1")


@pytest.mark.parametrize(
    ("resource_id", "body", "where", "words"),
    [
        (
            POLICY,
            policy_body(0),
            "certificate.leafCertificateConfiguration.validityPeriodInDays",
            "1 to 90 days",
        ),
        (
            POLICY,
            policy_body(91),
            "certificate.leafCertificateConfiguration.validityPeriodInDays",
            "1 to 90 days",
        ),
        (POLICY, policy_body(keyType="RSA"), "certificate.certificateAuthorityConfiguration.keyType", "ECC"),
        (
            POLICY,
            policy_body(bringYourOwnRoot={"enabled": True}),
            "certificate.certificateAuthorityConfiguration.bringYourOwnRoot",
            "not served by the local cloud",
        ),
    ],
)
def test_policies_that_are_none(fleet: Arm, resource_id: str, body: Any, where: str, words: str) -> None:
    said = fleet.refused(resource_id, body)
    assert list(said) == [f"properties.{where}"]
    assert words in said[f"properties.{where}"]


def test_one_credential_and_its_namespace_first(fleet: Arm) -> None:
    assert (
        "the name default" in fleet.refused(f"{NAMESPACE}/credentials/other", {"location": LOCATION})["name"]
    )
    nowhere = CREDENTIAL.replace("/fleet/", "/nowhere/")
    assert list(fleet.refused(nowhere, {"location": LOCATION})) == ["ParentResourceNotFound"]
    fleet.call("DELETE", CREDENTIAL)
    assert list(fleet.refused(POLICY, policy_body())) == ["ParentResourceNotFound"]


def test_links_are_written_on_the_namespace_and_shown_on_the_services(
    fleet: Arm, store: Store, clock: Clock
) -> None:
    made = fleet.put(NAMESPACE, BOTH, LINKING)
    assert made["properties"]["provisioning"]["endpoints"]["dps"]["linkingState"] == "Succeeded"
    shown = fleet.get(SERVICE)["properties"]["deviceRegistryNamespaces"]
    assert shown == [
        {"resourceId": NAMESPACE, "authenticationType": "SystemAssigned", "linkingState": "Succeeded"}
    ]
    assert fleet.get(hub_id())["properties"]["deviceRegistry"] == {"namespaceResourceId": NAMESPACE}
    trusted = Issuer(store, clock).trusted("EU-1.azure-devices.net")
    assert len(trusted) == 2
    assert Issuer(store, clock).issue(NAMESPACE, "monthly", request(), "pump-1")[1] in trusted


def test_links_outlive_writing_the_services_and_older_api_versions(fleet: Arm) -> None:
    fleet.put(NAMESPACE, BOTH, LINKING)
    fleet.put(hub_id(), hub_body(identity=OWN, comments="again"))
    fleet.put(NAMESPACE, {"location": LOCATION, "identity": OWN, "tags": {"a": "b"}}, "2025-07-01-preview")
    assert fleet.get(hub_id())["properties"]["deviceRegistry"] == {"namespaceResourceId": NAMESPACE}
    fleet.put(NAMESPACE, linked({"dps": SERVICE_ENDPOINT}, {}), LINKING)
    assert "deviceRegistry" not in fleet.get(hub_id())["properties"]
    fleet.call("DELETE", NAMESPACE)
    assert "deviceRegistryNamespaces" not in fleet.get(SERVICE)["properties"]


def test_a_patch_changes_one_link(fleet: Arm) -> None:
    fleet.put(NAMESPACE, linked({"dps": SERVICE_ENDPOINT}, {}), LINKING)

    def patch(entry: Any) -> dict[str, Any]:
        body = {"properties": {"messaging": {"endpoints": {"eu-1": entry}}}}
        answer = fleet.call("PATCH", NAMESPACE, body, "2026-11-01-preview")
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.body["properties"]
        return found

    made = patch(HUB_ENDPOINT)
    assert made["messaging"]["endpoints"]["eu-1"]["linkingState"] == "Succeeded"
    assert made["provisioning"]["endpoints"]["dps"]["linkingState"] == "Succeeded"
    assert fleet.get(hub_id())["properties"]["deviceRegistry"] == {"namespaceResourceId": NAMESPACE}
    assert patch(None)["messaging"]["endpoints"] == {}
    assert "deviceRegistry" not in fleet.get(hub_id())["properties"]
    assert len(fleet.get(SERVICE)["properties"]["deviceRegistryNamespaces"]) == 1


def test_a_link_whose_hub_is_gone_does_not_stand_in_the_way(fleet: Arm) -> None:
    fleet.put(NAMESPACE, BOTH, LINKING)
    fleet.call("DELETE", hub_id())
    made = fleet.put(NAMESPACE, BOTH | {"tags": {"a": "b"}}, LINKING)
    assert made["tags"] == {"a": "b"}
    fleet.put(NAMESPACE, linked({"dps": SERVICE_ENDPOINT}, {}), LINKING)


def test_a_service_does_not_take_a_link_itself(fleet: Arm) -> None:
    """`deviceRegistryNamespaces` is read-only: what a client sends back is left out, as ARM does."""
    body = {"location": LOCATION, "sku": {"name": "S1", "capacity": 1}, "identity": OWN}
    entry = {"resourceId": NAMESPACE, "authenticationType": "SystemAssigned"}
    fleet.put(SERVICE, body | {"properties": {"deviceRegistryNamespaces": [entry]}})
    assert "deviceRegistryNamespaces" not in fleet.get(SERVICE)["properties"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            linked({}, {"eu-1": HUB_ENDPOINT}),
            {"messaging.endpoints": "may link hubs only once a provisioning service is linked"},
        ),
        (
            linked({"a": SERVICE_ENDPOINT, "b": SERVICE_ENDPOINT}, {}),
            {"provisioning.endpoints": "may link one provisioning service, not more"},
        ),
        (
            linked({"a": SERVICE_ENDPOINT | {"resourceId": hub_id()}}, {}),
            {"provisioning.endpoints.a.resourceId": f"provisioningServices {hub_id()}"},
        ),
        (
            linked(
                {
                    "a": SERVICE_ENDPOINT
                    | {"inboundCallerIdentity": {"type": "UserAssigned", "userAssignedIdentity": "/u"}}
                },
                {},
            ),
            {"provisioning.endpoints.a.inboundCallerIdentity": f"{SERVICE} has no such identity"},
        ),
        (
            linked({"a": {"endpointType": "Microsoft.Devices/provisioningServices"}}, {}),
            {
                "provisioning.endpoints.a.resourceId": "is required by ProvisioningEndpoint",
                "provisioning.endpoints.a.inboundCallerIdentity": "is required by ProvisioningEndpoint",
            },
        ),
    ],
)
def test_wrong_links(fleet: Arm, body: dict[str, Any], said: dict[str, str]) -> None:
    found = fleet.refused(NAMESPACE, body, LINKING)
    for where, words in said.items():
        assert words in found[f"properties.{where}"]


def test_links_need_their_roles(arm: Arm) -> None:
    arm.put(NAMESPACE, {"location": LOCATION, "identity": OWN})
    arm.put(SERVICE, SERVICE_BODY)
    arm.put(hub_id(), hub_body())
    said = arm.refused(NAMESPACE, BOTH, LINKING)
    assert (
        "'Azure Device Registry Contributor' on the namespace"
        in said["properties.provisioning.endpoints.dps"]
    )
    assert "'IoT Hub Registry Contributor' on the hub" in said["properties.messaging.endpoints.eu-1"]


def test_a_hub_has_one_namespace(fleet: Arm) -> None:
    fleet.put(NAMESPACE, BOTH, LINKING)
    other = f"{NAMESPACE}-2"
    fleet.put(other, {"location": LOCATION, "identity": OWN})
    said = fleet.refused(other, BOTH, LINKING)
    assert said["properties.messaging.endpoints.eu-1.resourceId"] == f"is linked to {NAMESPACE} already"
