"""What the stand-in serves. To add a resource type or a function, add an entry; no code follows.

Tokens, path parameters and default API versions: pulumi-azure-native 3.29.0 (its Python SDK's
docstrings). Names: learn.microsoft.com "Naming rules and restrictions for Azure resources", and the
patterns of the models. What forces a replacement: every path parameter, `location` (`x-ms-mutability` in
the specifications), and what pulumi-azure-native lists besides (`provider/pkg/gen/replacement.go`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from localcloud.providers.shapes import Scalar


@dataclass(frozen=True)
class Client:
    """A published azure-mgmt client, and the API version that azure-native speaks by default."""

    package: str
    name: str
    api_version: str


@dataclass(frozen=True)
class ResourceType:
    """One resource type of azure-native on one operations group of an azure-mgmt client.

    Attributes:
        token: `azure-native:module:Type`.
        client: who sends its requests.
        operations: the client's operations group; `put`, `get`, `delete` are its methods.
        path: the ARM id; what stands in braces are path parameters by their Pulumi names.
        name: the path parameter that is the resource's own name.
        auto_name: how a name is made when the program gives none.
        body: the model of the request body, and `body_argument` its argument's name.
        answer: the model of the response, when it is another.
        flattened: whether Pulumi lifts what ARM keeps under `properties`.
        fixed: properties besides the path that only a replacement changes.
        absent: properties of the body that azure-native does not take (its API version is older).
        required: properties that are optional in the model and not in azure-native's API version.
    """

    token: str
    client: Client
    operations: str
    path: str
    name: str
    body: str
    body_argument: str
    put: str
    get: str
    delete: str
    auto_name: Literal["random", "uuid"] = "random"
    answer: str = ""
    flattened: bool = False
    fixed: frozenset[str] = frozenset({"location"})
    absent: frozenset[str] = frozenset({"etag"})
    required: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Function:
    """One function of azure-native on one method; `parameters` are Pulumi names of required arguments."""

    token: str
    client: Client
    operations: str
    method: str
    parameters: tuple[str, ...]


RESOURCES = Client("azure.mgmt.resource.resources", "ResourceManagementClient", "2024-03-01")
IOT_HUB = Client("azure.mgmt.iothub.v2023_06_30", "IotHubClient", "2023-06-30")
PROVISIONING = Client("azure.mgmt.iothubprovisioningservices", "IotDpsClient", "2023-03-01-preview")
AUTHORIZATION = Client("azure.mgmt.authorization.v2022_04_01", "AuthorizationManagementClient", "2022-04-01")

_GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_DEVICES = f"{_GROUP}/providers/Microsoft.Devices"

PATH_PARAMETERS: Mapping[str, Scalar] = {
    "resourceGroupName": Scalar(
        "string",
        pattern=r"^[-\w._()]{0,89}[-\w_()]$",
        rule="1 to 90 letters, digits, . _ - ( ), not ending in a period",
    ),
    "resourceName": Scalar(
        "string",
        pattern=r"^(?![0-9]+$)(?!-)[a-zA-Z0-9-]{2,49}[a-zA-Z0-9]$",
        rule="3 to 50 letters, digits and hyphens, not all digits, no hyphen first or last",
    ),
    "provisioningServiceName": Scalar(
        "string",
        pattern=r"^(?!-)[a-zA-Z0-9-]{2,63}[a-zA-Z0-9]$",
        rule="3 to 64 letters, digits and hyphens, no hyphen first or last",
    ),
    "scope": Scalar("string", pattern=r"^/\S+$", rule="an ARM id: /subscriptions/…"),
    "roleAssignmentName": Scalar(
        "string", pattern=r"(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", rule="a GUID"
    ),
}

TYPES = (
    ResourceType(
        "azure-native:resources:ResourceGroup",
        client=RESOURCES,
        operations="resource_groups",
        path=_GROUP,
        name="resourceGroupName",
        body="ResourceGroup",
        body_argument="parameters",
        put="create_or_update",
        get="get",
        delete="begin_delete",
    ),
    ResourceType(
        "azure-native:iothub:IotHubResource",
        client=IOT_HUB,
        operations="iot_hub_resource",
        path=f"{_DEVICES}/IotHubs/{{resourceName}}",
        name="resourceName",
        body="IotHubDescription",
        body_argument="iot_hub_description",
        put="begin_create_or_update",
        get="get",
        delete="begin_delete",
    ),
    ResourceType(
        "azure-native:deviceprovisioningservices:IotDpsResource",
        client=PROVISIONING,
        operations="iot_dps_resource",
        path=f"{_DEVICES}/provisioningServices/{{provisioningServiceName}}",
        name="provisioningServiceName",
        body="ProvisioningServiceDescription",
        body_argument="iot_dps_description",
        put="begin_create_or_update",
        get="get",
        delete="begin_delete",
        absent=frozenset(
            {
                "etag",
                "properties.disableLocalAuth",
                "properties.deviceRegistryNamespaces",
                "properties.iotHubs[].authenticationType",
                "properties.iotHubs[].hostName",
                "properties.iotHubs[].selectedUserAssignedIdentityResourceId",
            }
        ),
        required=frozenset({"properties.iotHubs[].connectionString"}),
    ),
    ResourceType(
        "azure-native:authorization:RoleAssignment",
        client=AUTHORIZATION,
        operations="role_assignments",
        path="{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
        name="roleAssignmentName",
        auto_name="uuid",
        body="RoleAssignmentCreateParameters",
        body_argument="parameters",
        answer="RoleAssignment",
        put="create",
        get="get",
        delete="delete",
        flattened=True,
        fixed=frozenset({"principalId"}),
    ),
)

FUNCTIONS = (
    Function(
        "azure-native:iothub:listIotHubResourceKeys",
        client=IOT_HUB,
        operations="iot_hub_resource",
        method="list_keys",
        parameters=("resourceGroupName", "resourceName"),
    ),
    Function(
        "azure-native:iothub:listIotHubResourceKeysForKeyName",
        client=IOT_HUB,
        operations="iot_hub_resource",
        method="get_keys_for_key_name",
        parameters=("resourceGroupName", "resourceName", "keyName"),
    ),
    Function(
        "azure-native:deviceprovisioningservices:listIotDpsResourceKeys",
        client=PROVISIONING,
        operations="iot_dps_resource",
        method="list_keys",
        parameters=("resourceGroupName", "provisioningServiceName"),
    ),
    Function(
        "azure-native:deviceprovisioningservices:listIotDpsResourceKeysForKeyName",
        client=PROVISIONING,
        operations="iot_dps_resource",
        method="list_keys_for_key_name",
        parameters=("resourceGroupName", "provisioningServiceName", "keyName"),
    ),
)
