"""The table: every resource type that the local cloud's ARM serves."""

from localcloud.azure.arm import messaging, monitoring, networks, registry, sites, storage
from localcloud.azure.arm.certificates import DPS_CERTIFICATE, HUB_CERTIFICATE
from localcloud.azure.arm.consumers import CONSUMER_GROUP
from localcloud.azure.arm.groups import RESOURCE_GROUP
from localcloud.azure.arm.hubs import IOT_HUB
from localcloud.azure.arm.identity import USER_ASSIGNED_IDENTITY
from localcloud.azure.arm.provisioning import PROVISIONING_SERVICE
from localcloud.azure.arm.roles import ROLE_ASSIGNMENT

TYPES = (
    RESOURCE_GROUP,
    USER_ASSIGNED_IDENTITY,
    ROLE_ASSIGNMENT,
    IOT_HUB,
    CONSUMER_GROUP,
    HUB_CERTIFICATE,
    PROVISIONING_SERVICE,
    DPS_CERTIFICATE,
    registry.NAMESPACE,
    registry.CREDENTIAL,
    registry.POLICY,
    messaging.EVENT_NAMESPACE,
    messaging.EVENT_HUB,
    messaging.BUS_NAMESPACE,
    messaging.QUEUE,
    messaging.TOPIC,
    storage.STORAGE_ACCOUNT,
    storage.BLOB_CONTAINER,
    monitoring.WORKSPACE,
    monitoring.DIAGNOSTIC,
    monitoring.ACTION_GROUP,
    monitoring.METRIC_ALERT,
    monitoring.QUERY_ALERT,
    networks.VIRTUAL_NETWORK,
    networks.SUBNET,
    networks.PRIVATE_ENDPOINT,
    networks.ZONE_GROUP,
    networks.PRIVATE_ZONE,
    sites.PLAN,
    sites.WEB_APP,
)
BY_NAME = {it.type.lower(): it for it in TYPES}
