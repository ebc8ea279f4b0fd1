"""Microsoft.OperationalInsights and Microsoft.Insights: logs, where they go, and alerts."""

from __future__ import annotations

from localcloud.azure.arm.models import Published
from localcloud.azure.arm.written import DIAGNOSTIC_SETTING
from localcloud.providers.azure_native.entries import (
    GROUP_NAME,
    GROUP_PATH,
    LOCATED,
    NO_ETAG,
    SCOPE,
    ResourceType,
    named,
)

_MONITOR = "azure.mgmt.monitor"
_INSIGHTS = "providers/Microsoft.Insights"
_NAME = named(
    r"[^*#&+:<>?@%{}\\/|]{0,259}[^*#&+:<>?@%{}\\/|. ]",
    "1 to 260 characters, none of * # & + : < > ? @ % { } \\ / |",
)

TYPES = (
    ResourceType(
        "azure-native:operationalinsights:Workspace",
        "2023-09-01",
        f"{GROUP_PATH}/providers/Microsoft.OperationalInsights/workspaces/{{workspaceName}}",
        GROUP_NAME
        | {
            "workspaceName": named(
                r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
                "4 to 63 letters, digits and hyphens, no hyphen first or last",
            )
        },
        Published("azure.mgmt.loganalytics", "Workspace"),
        fixed=LOCATED,
        absent=NO_ETAG | {"replication"},
    ),
    ResourceType(
        "azure-native:monitor:DiagnosticSetting",
        "2021-05-01-preview",
        f"{{resourceUri}}/{_INSIGHTS}/diagnosticSettings/{{name}}",
        {"resourceUri": SCOPE, "name": _NAME},
        DIAGNOSTIC_SETTING,
        spanning=frozenset({"resourceUri"}),
    ),
    ResourceType(
        "azure-native:monitor:MetricAlert",
        "2018-03-01",
        f"{GROUP_PATH}/{_INSIGHTS}/metricAlerts/{{ruleName}}",
        GROUP_NAME | {"ruleName": _NAME},
        Published(_MONITOR, "MetricAlertResource"),
        fixed=LOCATED,
    ),
    ResourceType(
        "azure-native:monitor:ScheduledQueryRule",
        "2025-01-01-preview",
        f"{GROUP_PATH}/{_INSIGHTS}/scheduledQueryRules/{{ruleName}}",
        GROUP_NAME | {"ruleName": _NAME},
        Published(_MONITOR, "ScheduledQueryRuleResource"),
        fixed=LOCATED,
        unserved=frozenset(
            {
                "criteria.allOf[].minRecurrenceCount",
                "criteria.allOf[].alertSensitivity",
                "criteria.allOf[].criterionType",
                "criteria.allOf[].ignoreDataBefore",
            }
        ),
    ),
    ResourceType(
        "azure-native:monitor:ActionGroup",
        "2024-10-01-preview",
        f"{GROUP_PATH}/{_INSIGHTS}/actionGroups/{{actionGroupName}}",
        GROUP_NAME | {"actionGroupName": _NAME},
        Published(_MONITOR, "ActionGroupResource"),
        fixed=LOCATED,
        unserved=frozenset(
            {
                "identity",
                "incidentReceivers",
                "automationRunbookReceivers[].managedIdentity",
                "azureFunctionReceivers[].managedIdentity",
                "eventHubReceivers[].managedIdentity",
                "logicAppReceivers[].managedIdentity",
                "webhookReceivers[].managedIdentity",
            }
        ),
    ),
)
