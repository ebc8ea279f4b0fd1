"""What resources are called in the clouds when the description does not say.

Hubs and provisioning services share one name space with the whole world, so the stack is part of every
name: two stacks of one fleet never collide.
"""

from __future__ import annotations

import re


def hub_name(fleet: str, stack: str, hub: str) -> str:
    """The default name of a hub in Azure: `coldchain-prod-eu-1`."""
    return f"{resource_group_name(fleet, stack)}-{hub}"


def provisioning_service_name(fleet: str, stack: str) -> str:
    """The default name of the Device Provisioning Service in Azure: `coldchain-prod`."""
    return resource_group_name(fleet, stack)


def resource_group_name(fleet: str, stack: str) -> str:
    """The default name of the resource group: `coldchain-prod`. Lower case: Azure ignores case."""
    return f"{fleet}-{stack}".lower()


def registry_name(fleet: str, stack: str) -> str:
    """The default name of the Device Registry namespace in Azure: `coldchain-prod`."""
    return _fitted(resource_group_name(fleet, stack), 64)


def function_app_name(fleet: str, stack: str) -> str:
    """The default name of the function app in Azure: `coldchain-prod-functions`."""
    return _fitted(f"{resource_group_name(fleet, stack)}-functions", 60)


def storage_account_name(fleet: str, stack: str) -> str:
    """The default name of the storage account in Azure, letters and digits only: `coldchainprod`."""
    return _fitted(resource_group_name(fleet, stack), 24, between="")


def event_hub_namespace_name(fleet: str, stack: str) -> str:
    """The default name of the Event Hubs namespace in Azure: `coldchain-prod-events`."""
    return _fitted(f"{resource_group_name(fleet, stack)}-events", 50)


def service_bus_namespace_name(fleet: str, stack: str) -> str:
    """The default name of the Service Bus namespace in Azure: `coldchain-prod-queues`."""
    return _fitted(f"{resource_group_name(fleet, stack)}-queues", 50)


def role_alias_name(fleet: str, stack: str) -> str:
    """The default name of the role alias of devices on AWS: `coldchain-prod-devices`."""
    return _fitted(f"{resource_group_name(fleet, stack)}-devices", 64)


def _fitted(name: str, most: int, between: str = "-") -> str:
    """The name in letters, digits and `between`; one too long is cut and ends in a digest of the whole."""
    plain = re.sub("[^a-z0-9]+", between, name)
    if len(plain) <= most:
        return plain
    # Imported here: it costs every start some milliseconds, and names are hardly ever so long.
    import hashlib

    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return plain[: most - 6 - len(between)].rstrip("-") + between + digest
