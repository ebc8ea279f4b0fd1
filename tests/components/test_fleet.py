"""What a fleet description becomes: which resources, with which inputs, protected how, in which order."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509

from certs.chain import Chain
from components.azure.provisioning_service import HUB_ROLES
from fleet import Fleet, load

PLACE = "azure-native:resources:ResourceGroup"
HUB = "azure-native:iothub:IotHubResource"
DPS = "azure-native:deviceprovisioningservices:IotDpsResource"
ROLE = "azure-native:authorization:RoleAssignment"
LINK = "muster:dps:HubLink"
VERIFIED = "muster:dps:VerifiedCertificate"
GROUP = "muster:dps:EnrollmentGroup"
PROVIDER = "pulumi:providers:muster"

Declare = Callable[[Fleet], Any]
Describe = Callable[..., Fleet]


def test_a_fleet_of_two_hubs_and_one_group(declare: Declare, described: Describe) -> None:
    program = declare(described("dev"))
    assert Counter(resource.token for resource in program.resources) == {
        PROVIDER: 1,
        PLACE: 1,
        HUB: 2,
        DPS: 1,
        ROLE: 4,
        LINK: 2,
        VERIFIED: 2,
        GROUP: 1,
        "muster:azure:IotHub": 2,
        "muster:azure:ProvisioningService": 1,
        "muster:azure:CertificateAuthority": 1,
        "muster:azure:EnrollmentGroup": 1,
    }


def test_outputs(declare: Declare, described: Describe) -> None:
    assert declare(described()).outputs == {
        "idScope": "0ne00AB12CD",
        "dpsHost": "coldchain-prod.azure-devices-provisioning.net",
        "hubs": {
            "eu-1": "coldchain-prod-eu-1.azure-devices.net",
            "eu-2": "coldchain-prod-eu-2.azure-devices.net",
        },
        "groups": ["reefers"],
    }


def test_outputs_are_no_secrets_though_hubs_have_keys(declare: Declare, described: Describe) -> None:
    assert declare(described()).secret == [False]


def test_names_come_from_the_parent_and_physical_names_from_the_fleet(
    declare: Declare, described: Describe
) -> None:
    program = declare(described())
    assert program.one(PLACE).inputs["resourceGroupName"] == "coldchain-prod"
    assert [(hub.name, hub.inputs["resourceName"]) for hub in program.of(HUB)] == [
        ("coldchain-eu-1-hub", "coldchain-prod-eu-1"),
        ("coldchain-eu-2-hub", "coldchain-prod-eu-2"),
    ]
    assert program.one(DPS).inputs["provisioningServiceName"] == "coldchain-prod"
    assert program.one(GROUP).name == "coldchain-reefers-group"
    assert {certificate.name for certificate in program.of(VERIFIED)} == {
        "coldchain-ca-root",
        "coldchain-ca-oslo",
    }


def test_names_of_resources_are_unique(declare: Declare, described: Describe) -> None:
    resources = declare(described()).resources
    assert len({resource.urn for resource in resources}) == len(resources)


def test_every_child_has_a_component_as_its_parent(declare: Declare, described: Describe) -> None:
    program = declare(described())
    top = {PROVIDER, PLACE}
    components = {each.urn for each in program.resources if each.token.startswith("muster:azure:")}
    children = [each for each in program.resources if each.urn not in components and each.token not in top]
    assert children
    assert all(child.parent in components for child in children)


def test_our_resources_use_the_explicit_provider_which_gets_no_configuration(
    declare: Declare, described: Describe
) -> None:
    program = declare(described())
    provider = program.one(PROVIDER)
    assert set(provider.inputs) <= {"version"}
    ours = [*program.of(LINK), *program.of(VERIFIED), *program.of(GROUP)]
    assert all(each.provider.startswith(f"{provider.urn}::") for each in ours)


def test_a_hub_has_no_keys_and_no_old_tls(declare: Declare, described: Describe) -> None:
    for hub in declare(described()).of(HUB):
        properties = hub.inputs["properties"]
        assert properties["minTlsVersion"] == "1.2"
        assert properties["disableLocalAuth"] is True
        assert properties["disableDeviceSAS"] is True
        assert properties["disableModuleSAS"] is True
        assert "authorizationPolicies" not in properties


def test_the_sku_is_as_described(declare: Declare, described: Describe) -> None:
    assert [hub.inputs["sku"] for hub in declare(described()).of(HUB)] == [
        {"name": "S1", "capacity": 1},
        {"name": "S2", "capacity": 3},
    ]


@pytest.mark.parametrize(("sku", "partitions"), [("F1", 2), ("S1", 4), ("S3", 4)])
def test_the_free_edition_has_two_partitions(
    declare: Declare, described: Describe, sku: str, partitions: int
) -> None:
    fleet = described(azure={"hubs": {"eu-1": {"sku": sku}, "eu-2": {}}})
    events = declare(fleet).of(HUB)[0].inputs["properties"]["eventHubEndpoints"]["events"]
    assert events == {"partitionCount": partitions, "retentionTimeInDays": 1}


@pytest.mark.parametrize(
    ("stack", "protected"), [("prod", True), ("staging", True), ("dev", False), ("local", False)]
)
def test_hubs_and_service_are_protected_outside_local_and_dev(
    declare: Declare, described: Describe, stack: str, protected: bool
) -> None:
    program = declare(described(stack))
    assert {each.protect for each in (*program.of(HUB), program.one(DPS))} == {protected}


def test_the_service_is_written_without_links_and_leaves_those_it_has(
    declare: Declare, described: Describe
) -> None:
    service = declare(described()).one(DPS)
    assert service.inputs["properties"] == {"allocationPolicy": "Hashed"}
    assert service.inputs["identity"] == {"type": "SystemAssigned"}
    assert service.ignored == ("properties.iotHubs",)


def test_the_service_has_two_narrow_roles_on_each_hub_and_nowhere_else(
    declare: Declare, described: Describe
) -> None:
    program = declare(described())
    hubs = {hub.inputs["resourceName"]: hub for hub in program.of(HUB)}
    roles = program.of(ROLE)
    granted = {
        (role.inputs["scope"].rpartition("/")[2], role.inputs["roleDefinitionId"][-36:]) for role in roles
    }
    assert granted == {(hub.name, role) for hub in hubs.values() for role in HUB_ROLES.values()}
    for role in roles:
        assert role.inputs["principalId"] == "principal-of-dps"
        assert role.inputs["principalType"] == "ServicePrincipal"
        assert role.inputs["roleDefinitionId"].startswith("/subscriptions/")
        assert role.delete_first


def test_role_assignments_are_named_by_guids_that_stay(declare: Declare, described: Describe) -> None:
    first, again = (
        [role.inputs["roleAssignmentName"] for role in declare(described()).of(ROLE)] for _ in range(2)
    )
    other = [role.inputs["roleAssignmentName"] for role in declare(described("dev")).of(ROLE)]
    assert first == again
    assert len({*first, *other}) == 8
    assert all(str(uuid.UUID(name)) == name for name in first)


def test_a_link_waits_for_the_rights_of_the_service_on_that_hub(
    declare: Declare, described: Describe
) -> None:
    program = declare(described())
    for link in program.of(LINK):
        key = link.name.removeprefix("coldchain-dps-").removesuffix("-link")
        rights = {role.urn for role in program.of(ROLE) if f"-{key}-" in role.name}
        assert len(rights) == 2
        assert rights <= link.depends_on
        assert link.inputs["hubHost"] == f"coldchain-prod-{key}.azure-devices.net"
        assert link.inputs["authentication"] == "SystemAssigned"


def test_a_link_follows_every_change_of_the_service(declare: Declare, described: Describe) -> None:
    links = declare(described()).of(LINK)
    assert [link.inputs["serviceRevision"] for link in links] == ["etag-of-dps", "etag-of-dps"]


def test_a_group_waits_for_the_links_and_the_proven_certificates(
    declare: Declare, described: Describe
) -> None:
    program = declare(described())
    needed = {each.urn for each in (*program.of(LINK), *program.of(VERIFIED))}
    assert needed <= program.one(GROUP).depends_on


def test_a_group_carries_its_description(declare: Declare, described: Describe, chain: Chain) -> None:
    group = declare(described()).one(GROUP)
    certificate = x509.load_pem_x509_certificate(group.inputs.pop("signingCertificate").encode())
    assert certificate == chain.issuers["oslo"]
    assert group.inputs == {
        "serviceHost": "coldchain-prod.azure-devices-provisioning.net",
        "enrollmentGroupId": "reefers",
        "allocationPolicy": "hashed",
        "iotHubs": ["coldchain-prod-eu-1.azure-devices.net", "coldchain-prod-eu-2.azure-devices.net"],
        "initialTwin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}},
        "reprovision": "migrate",
        "enabled": True,
        "capabilities": {"iotEdge": False},
        "apiVersion": "2021-10-01",
    }


def test_the_whole_chain_is_handed_to_proof_of_possession(
    declare: Declare, described: Describe, chain: Chain
) -> None:
    handed = {
        each.inputs["certificateName"]: each.inputs["certificate"]
        for each in declare(described()).of(VERIFIED)
    }
    assert {name: x509.load_pem_x509_certificate(pem.encode()) for name, pem in handed.items()} == {
        "root": chain.root,
        "oslo": chain.issuers["oslo"],
    }


def test_no_certificate_is_verified_by_fiat_and_no_key_is_declared(
    declare: Declare, described: Describe
) -> None:
    declared = json.dumps([each.inputs for each in declare(described()).resources])
    assert "PRIVATE KEY" not in declared
    assert "isVerified" not in declared
    assert "SharedAccess" not in declared
    assert "connectionString" not in declared


def test_more_devices_are_no_more_resources(declare: Declare, description: dict[str, Any]) -> None:
    """A group stands for its devices: nothing in the description or the program counts them."""
    description["groups"]["reefers"]["devices"] = 200
    with pytest.raises(Exception, match="devices"):
        load(description, file="Pulumi.prod.yaml", location="westeurope")
