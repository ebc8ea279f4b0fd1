"""A declaration of every type of aws-native, in an order in which they can be made, and changes."""

from __future__ import annotations

import json

from .aws_material import (
    ACCOUNT,
    ARN,
    FUNCTION,
    ROLE,
    TOPIC,
    Case,
)


def native() -> list[Case]:
    """aws-native."""
    tags = [{"key": "a", "value": "b"}]
    criteria = {
        "comparisonOperator": "greater-than",
        "durationSeconds": 300,
        "consecutiveDatapointsToAlarm": 1,
        "value": {"count": "10"},
    }
    behavior = {"name": "many", "metric": "aws:num-messages-sent", "criteria": criteria}
    document = json.dumps({"operation": "reboot"})
    return [
        Case(
            "aws-native:iot:ThingGroup",
            {
                "thingGroupName": "quarantine",
                "thingGroupProperties": {"thingGroupDescription": "set apart"},
                "tags": tags,
            },
            {"thingGroupProperties": {"thingGroupDescription": "set far apart"}},
        ),
        Case(
            "aws-native:iot:ThingGroup",
            {"thingGroupName": "bad", "queryString": "attributes.site:bad"},
            {"queryString": "attributes.site:worse"},
            {"thingGroupName": "other"},
        ),
        Case(
            "aws-native:iot:AccountAuditConfiguration",
            {
                "accountId": ACCOUNT,
                "roleArn": ROLE,
                "auditCheckConfigurations": {
                    "caCertificateExpiringCheck": {"enabled": True},
                    "loggingDisabledCheck": {"enabled": True},
                    "deviceCertificateExpiringCheck": {
                        "enabled": True,
                        "configuration": {"certExpirationThresholdInDays": "30"},
                    },
                },
                "auditNotificationTargetConfigurations": {
                    "sns": {"targetArn": TOPIC, "roleArn": ROLE, "enabled": True}
                },
            },
            {"auditCheckConfigurations": {"loggingDisabledCheck": {"enabled": True}}},
        ),
        Case(
            "aws-native:iot:CertificateProvider",
            {
                "certificateProviderName": "coldchain-prod",
                "accountDefaultForOperations": ["CreateCertificateFromCsr"],
                "lambdaFunctionArn": FUNCTION,
                "tags": tags,
            },
            {"lambdaFunctionArn": f"{FUNCTION}-2"},
            {"certificateProviderName": "other"},
        ),
        Case(
            "aws-native:iot:ScheduledAudit",
            {
                "scheduledAuditName": "daily",
                "frequency": "DAILY",
                "targetCheckNames": ["LOGGING_DISABLED_CHECK"],
                "tags": tags,
            },
            {"frequency": "WEEKLY", "dayOfWeek": "SUN"},
            {"scheduledAuditName": "other"},
        ),
        Case(
            "aws-native:iot:MitigationAction",
            {
                "actionName": "quarantine",
                "roleArn": ROLE,
                "actionParams": {
                    "addThingsToThingGroupParams": {
                        "thingGroupNames": ["quarantine"],
                        "overrideDynamicGroups": True,
                    }
                },
                "tags": tags,
            },
            {"actionParams": {"addThingsToThingGroupParams": {"thingGroupNames": ["quarantine", "bad"]}}},
            {"actionName": "other"},
        ),
        Case(
            "aws-native:iot:CustomMetric",
            {"metricName": "batteryLevel", "metricType": "number", "displayName": "Battery", "tags": tags},
            {"displayName": "Level"},
            {"metricType": "string-list"},
        ),
        Case(
            "aws-native:iot:Dimension",
            {"name": "telemetry", "type": "TOPIC_FILTER", "stringValues": ["dt/live/#"], "tags": tags},
            {"stringValues": ["dt/live/+"]},
            {"name": "other"},
        ),
        Case(
            "aws-native:iot:SecurityProfile",
            {
                "securityProfileName": "live",
                "behaviors": [behavior],
                "alertTargets": {"SNS": {"alertTargetArn": TOPIC, "roleArn": ROLE}},
                "targetArns": [f"{ARN}:all/registered-things"],
                "tags": tags,
            },
            {
                "behaviors": [{**behavior, "criteria": {**criteria, "value": {"count": "20"}}}],
                "targetArns": [],
            },
            {"securityProfileName": "other"},
        ),
        Case(
            "aws-native:iot:JobTemplate",
            {"jobTemplateId": "reboot", "description": "restart", "document": document},
            fixed={"description": "start again"},
        ),
        Case(
            "aws-native:iot:Job",
            {
                "jobId": "reboot-1",
                "targets": [f"{ARN}:thinggroup/quarantine"],
                "document": document,
                "targetSelection": "CONTINUOUS",
            },
            {"description": "once"},
            {"jobId": "other"},
        ),
    ]
