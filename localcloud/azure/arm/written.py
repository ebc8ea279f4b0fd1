"""Shapes that no azure-mgmt package at hand has, written from the specifications they are named after."""

from localcloud.azure.shapes import Choice, Kind, ListOf, MapOf, Member, Scalar, Shape

_TEXT, _TRUTH, _NUMBER = Scalar("str"), Scalar("bool"), Scalar("int")


def _plain(name: str, **kinds: Kind) -> Shape:
    return Shape(name, {key: Member(kind) for key, kind in kinds.items()})


TRACKED = Shape(
    "TrackedResource",
    {
        "id": Member(_TEXT, read_only=True),
        "name": Member(_TEXT, read_only=True),
        "type": Member(_TEXT, read_only=True),
        "location": Member(_TEXT, required=True),
        "tags": Member(MapOf(_TEXT)),
        "properties": Member(Scalar("any"), read_only=True),
    },
)
"""A resource that a program gives a place and tags only: user-assigned identities (msi.json, 2023-01-31) and
private DNS zones (privatedns.json, 2024-06-01)."""

_OF_IDENTITIES = {name: Member(_TEXT, read_only=True) for name in ("tenantId", "principalId", "clientId")}
USER_ASSIGNED_IDENTITY = Shape(
    "Identity",
    {
        **TRACKED.members,
        "properties": Member(Shape("UserAssignedIdentityProperties", _OF_IDENTITIES), read_only=True),
    },
    lifted="properties",
)
"""msi.json, 2023-01-31."""

_RETENTION = Shape(
    "RetentionPolicy",
    {"enabled": Member(_TRUTH, required=True), "days": Member(_NUMBER, required=True, limits={"minimum": 0})},
)
_LOG = Shape(
    "LogSettings",
    {
        "category": Member(_TEXT),
        "categoryGroup": Member(_TEXT),
        "enabled": Member(_TRUTH, required=True),
        "retentionPolicy": Member(_RETENTION),
    },
)
_METRIC = Shape(
    "MetricSettings",
    {
        "category": Member(_TEXT),
        "enabled": Member(_TRUTH, required=True),
        "retentionPolicy": Member(_RETENTION),
        "timeGrain": Member(_TEXT),
    },
)
DIAGNOSTIC_SETTING = Shape(
    "DiagnosticSettingsResource",
    {
        "id": Member(_TEXT, read_only=True),
        "name": Member(_TEXT, read_only=True),
        "type": Member(_TEXT, read_only=True),
        "properties": Member(
            _plain(
                "DiagnosticSettings",
                storageAccountId=_TEXT,
                serviceBusRuleId=_TEXT,
                eventHubAuthorizationRuleId=_TEXT,
                eventHubName=_TEXT,
                metrics=ListOf(_METRIC),
                logs=ListOf(_LOG),
                workspaceId=_TEXT,
                marketplacePartnerId=_TEXT,
                logAnalyticsDestinationType=Choice(("Dedicated", "AzureDiagnostics")),
            )
        ),
    },
    lifted="properties",
)
"""diagnosticsSettings_API.json of Microsoft.Insights, 2021-05-01-preview; azure-mgmt-monitor 7 has it not."""

_OTHER_IDENTITY = Shape(
    "InboundCallerIdentity",
    {
        "type": Member(Choice(("SystemAssigned", "UserAssigned")), required=True),
        "userAssignedIdentity": Member(_TEXT),
    },
)
_MESSAGING_ENDPOINT = Shape(
    "MessagingEndpoint",
    {
        "endpointType": Member(_TEXT),
        "address": Member(_TEXT),
        "resourceId": Member(_TEXT),
        "deviceAddress": Member(_TEXT, read_only=True),
        "inboundCallerIdentity": Member(_OTHER_IDENTITY, required=True),
        "linkingState": Member(_TEXT, read_only=True),
        "provisioning": Member(
            _plain(
                "MessagingEndpointProvisioning",
                availability=Choice(("Available", "Disabled")),
                allocationWeight=_NUMBER,
            )
        ),
    },
)
_PROVISIONING_ENDPOINT = Shape(
    "ProvisioningEndpoint",
    {
        "endpointType": Member(Choice(("Microsoft.Devices/provisioningServices",)), required=True),
        "resourceId": Member(_TEXT, required=True),
        "inboundCallerIdentity": Member(_OTHER_IDENTITY, required=True),
        "linkingState": Member(_TEXT, read_only=True),
    },
)
REGISTRY_NAMESPACE = Shape(
    "Namespace",
    {
        **TRACKED.members,
        "systemData": Member(Scalar("any"), read_only=True),
        "identity": Member(
            Shape(
                "ManagedServiceIdentity",
                {
                    "type": Member(
                        Choice(("None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned")),
                        required=True,
                    ),
                    "userAssignedIdentities": Member(MapOf(Scalar("any"))),
                    "principalId": Member(_TEXT, read_only=True),
                    "tenantId": Member(_TEXT, read_only=True),
                },
            )
        ),
        "properties": Member(
            Shape(
                "NamespaceProperties",
                {
                    "uuid": Member(_TEXT, read_only=True),
                    "dataEndpoint": Member(_TEXT, read_only=True),
                    "provisioningState": Member(_TEXT, read_only=True),
                    "messaging": Member(_plain("Messaging", endpoints=MapOf(_MESSAGING_ENDPOINT))),
                    "provisioning": Member(
                        _plain("NamespaceProvisioning", endpoints=MapOf(_PROVISIONING_ENDPOINT))
                    ),
                    "outboundIdentity": Member(_OTHER_IDENTITY),
                },
            )
        ),
    },
)
"""namespaces.tsp of DeviceRegistry.Management, 2026-11-01-preview, without what the local cloud does not
serve (management, updating); no azure-mgmt package has it yet."""
