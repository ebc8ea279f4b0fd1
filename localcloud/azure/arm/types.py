"""The table: every resource type that the local cloud's ARM serves."""

from localcloud.azure.arm.certificates import DPS_CERTIFICATE
from localcloud.azure.arm.groups import RESOURCE_GROUP
from localcloud.azure.arm.hubs import IOT_HUB
from localcloud.azure.arm.provisioning import PROVISIONING_SERVICE
from localcloud.azure.arm.roles import ROLE_ASSIGNMENT

TYPES = (RESOURCE_GROUP, IOT_HUB, PROVISIONING_SERVICE, DPS_CERTIFICATE, ROLE_ASSIGNMENT)
BY_NAME = {it.type.lower(): it for it in TYPES}
