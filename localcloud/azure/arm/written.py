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
