"""Ids of resources that exist already, as Azure Resource Manager writes them."""

from __future__ import annotations

from typing import Annotated

from fleet.constraints import Text

_SUBSCRIPTION = "/subscriptions/[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_PLACE = _SUBSCRIPTION + "/resource[gG]roups/[A-Za-z0-9_().-]{1,90}/providers/"
_NAME = "[A-Za-z0-9$_.-]{1,260}"


def _id_of(provider: str, *kinds: str, noun: str) -> Text:
    """The form of the id of a resource: `kinds` are the steps of its type, each followed by a name."""
    pattern = _PLACE + provider.replace(".", "[.]") + "".join(f"/{kind}/{_NAME}" for kind in kinds)
    example = "".join(f"/{kind}/…" for kind in kinds)
    right = f"the id that Azure shows: /subscriptions/…/resourceGroups/…/providers/{provider}{example}"
    return Text(pattern, noun, right)


SubnetId = Annotated[str, _id_of("Microsoft.Network", "virtualNetworks", "subnets", noun="subnet id")]
DnsZoneId = Annotated[str, _id_of("Microsoft.Network", "privateDnsZones", noun="private DNS zone id")]
WorkspaceId = Annotated[
    str, _id_of("Microsoft.OperationalInsights", "workspaces", noun="Log Analytics workspace id")
]
EventHubId = Annotated[str, _id_of("Microsoft.EventHub", "namespaces", "event[hH]ubs", noun="event hub id")]
QueueId = Annotated[str, _id_of("Microsoft.ServiceBus", "namespaces", "queues", noun="Service Bus queue id")]
TopicId = Annotated[str, _id_of("Microsoft.ServiceBus", "namespaces", "topics", noun="Service Bus topic id")]
ContainerId = Annotated[
    str,
    _id_of("Microsoft.Storage", "storageAccounts", "blobServices", "containers", noun="blob container id"),
]
