"""Where a hub sends messages and files: routes, enrichments, upload. API 2023-06-30, `RoutingProperties`."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi
from pulumi_azure_native import iothub

from components.azure import hub_endpoints
from components.azure.hub_endpoints import EndpointArgs, FileUploadArgs

BUILT_IN = "events"
"""The hub's own endpoint, by the name that routes know it by."""


class RouteArgs(TypedDict):
    """Which messages go to which endpoint."""

    source: str
    condition: str
    endpoint: str
    enabled: bool


class EnrichmentArgs(TypedDict):
    """A property that the hub adds to messages on their way to some endpoints."""

    value: str
    endpoints: Sequence[str]


class RoutingArgs(TypedDict):
    """Where messages and files go."""

    endpoints: Mapping[str, EndpointArgs]
    routes: Mapping[str, RouteArgs]
    fallback: bool
    """Whether device messages that no route takes go to the hub's own endpoint."""
    enrichments: Mapping[str, EnrichmentArgs]
    file_upload: FileUploadArgs | None


def needed_roles(routing: RoutingArgs) -> Sequence[tuple[str, str, pulumi.Input[str]]]:
    """Which role the hub needs where: (what for, role, ARM id)."""
    return hub_endpoints.roles_on_targets(routing["endpoints"], routing["file_upload"])


def _is_plain(routing: RoutingArgs) -> bool:
    """Whether all that devices send goes to the hub's own endpoint, as it does in a hub that says nothing."""
    said = routing["endpoints"] or routing["routes"] or routing["enrichments"]
    return routing["fallback"] and not said


def messages(
    routing: RoutingArgs, identity_id: pulumi.Input[str] | None
) -> "iothub.RoutingPropertiesArgs | None":
    """What the hub's document says of messages; None when it says nothing, and all go to the hub's own."""
    if _is_plain(routing):
        return None
    endpoints = None
    if identity_id is not None and routing["endpoints"]:
        endpoints = hub_endpoints.routing_endpoints(routing["endpoints"], identity_id)
    return iothub.RoutingPropertiesArgs(
        endpoints=endpoints,
        routes=[_route(name, route) for name, route in routing["routes"].items()],
        enrichments=[
            iothub.EnrichmentPropertiesArgs(key=key, value=each["value"], endpoint_names=each["endpoints"])
            for key, each in routing["enrichments"].items()
        ],
        fallback_route=iothub.FallbackRoutePropertiesArgs(
            name="$fallback",
            source="DeviceMessages",
            condition="true",
            endpoint_names=[BUILT_IN],
            is_enabled=routing["fallback"],
        ),
    )


def _route(name: str, route: RouteArgs) -> "iothub.RoutePropertiesArgs":
    return iothub.RoutePropertiesArgs(
        name=name,
        source=route["source"],
        condition=route["condition"],
        endpoint_names=[route["endpoint"]],
        is_enabled=route["enabled"],
    )


def uploads(routing: RoutingArgs, identity_id: pulumi.Input[str] | None) -> dict[str, Any]:
    """What the hub's document says of file uploads; nothing when there are none."""
    upload = routing["file_upload"]
    if upload is None or identity_id is None:
        return {}
    return {
        "storage_endpoints": hub_endpoints.file_storage(upload, identity_id),
        "enable_file_upload_notifications": upload["notifications"],
    }
