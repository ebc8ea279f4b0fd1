"""What stack `local` declares, written by hand and flat: literals and resources, nothing else."""

import uuid
from pathlib import Path

import pulumi
from pulumi_azure_native import authorization, deviceprovisioningservices, iothub, resources

from components import muster

PKI = Path(pulumi.Config().require("pki"))
REGISTRY, TWINS = "4ea46cd5-c1b2-4a8e-910b-273211f9ce47", "494bdba2-168f-4f31-a0a1-191d2f7c028c"
LOCATION, TAGS = "westeurope", {"muster-fleet": "flat"}

provider = muster.Provider("flat-muster")
with_muster = pulumi.ResourceOptions(provider=provider)
group = resources.ResourceGroup("flat", resource_group_name="flat-local", location=LOCATION, tags=TAGS)
hubs = [
    iothub.IotHubResource(
        key,
        resource_group_name=group.name,
        resource_name_=f"flat-local-{key}",
        location=LOCATION,
        sku=iothub.IotHubSkuInfoArgs(name="S1", capacity=1),
        properties=iothub.IotHubPropertiesArgs(
            min_tls_version="1.2",
            disable_local_auth=True,
            disable_device_sas=True,
            disable_module_sas=True,
            event_hub_endpoints={
                "events": iothub.EventHubPropertiesArgs(partition_count=4, retention_time_in_days=1)
            },
        ),
        tags=TAGS,
    )
    for key in ("eu-1", "eu-2")
]
dps = deviceprovisioningservices.IotDpsResource(
    "dps",
    resource_group_name=group.name,
    provisioning_service_name="flat-local",
    location=LOCATION,
    sku=deviceprovisioningservices.IotDpsSkuInfoArgs(name="S1", capacity=1),
    identity=deviceprovisioningservices.ManagedServiceIdentityArgs(type="SystemAssigned"),
    properties=deviceprovisioningservices.IotDpsPropertiesDescriptionArgs(allocation_policy="Hashed"),
    tags=TAGS,
)
links = []
for key, hub in zip(("eu-1", "eu-2"), hubs, strict=True):
    roles = [
        authorization.RoleAssignment(
            f"{key}-{role}",
            scope=hub.id,
            principal_id=dps.identity.apply(lambda identity: identity.principal_id if identity else ""),
            principal_type="ServicePrincipal",
            role_definition_id=pulumi.Output.concat(
                "/subscriptions/",
                hub.id.apply(lambda scope: scope.split("/")[2]),
                f"/providers/Microsoft.Authorization/roleDefinitions/{role}",
            ),
            role_assignment_name=str(uuid.uuid5(uuid.NAMESPACE_URL, f"flat/{key}/{role}")),
        )
        for role in (REGISTRY, TWINS)
    ]
    links.append(
        muster.HubLink(
            f"{key}-link",
            {
                "provisioning_service_id": dps.id,
                "hub_host": hub.properties.host_name,
                "hub_location": LOCATION,
                "allocation_weight": 1,
                "apply_allocation_policy": True,
                "service_revision": dps.etag,
            },
            pulumi.ResourceOptions(provider=provider, depends_on=roles),
        )
    )
certificates = [
    muster.VerifiedCertificate(
        name,
        {
            "provisioning_service_id": dps.id,
            "certificate_name": name,
            "certificate": (PKI / f"{name}.pem").read_text(),
        },
        with_muster,
    )
    for name in ("root", "factory-local")
]
muster.EnrollmentGroup(
    "reefers",
    {
        "service_host": dps.properties.service_operations_host_name,
        "enrollment_group_id": "reefers",
        "signing_certificate": (PKI / "factory-local.pem").read_text(),
        "allocation_policy": "hashed",
        "iot_hubs": [hub.properties.host_name for hub in hubs],
        "initial_twin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}},
        "reprovision": "migrate",
        "enabled": True,
    },
    pulumi.ResourceOptions(provider=provider, depends_on=[*links, *certificates]),
)
pulumi.export("idScope", dps.properties.id_scope)
