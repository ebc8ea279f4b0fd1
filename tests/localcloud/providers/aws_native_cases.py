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

_TAGS = [{"key": "a", "value": "b"}]


def native() -> list[Case]:
    """aws-native."""
    return [*_groups(), *_audit(), *_detect(), *_jobs()]


def _groups() -> list[Case]:
    return [
        Case(
            "aws-native:iot:ThingGroup",
            {
                "thingGroupName": "quarantine",
                "thingGroupProperties": {"thingGroupDescription": "set apart"},
                "tags": _TAGS,
            },
            {"thingGroupProperties": {"thingGroupDescription": "set far apart"}},
        ),
        Case(
            "aws-native:iot:ThingGroup",
            {"thingGroupName": "bad", "queryString": "attributes.site:bad"},
            {"queryString": "attributes.site:worse"},
            {"thingGroupName": "other"},
        ),
    ]


def _audit() -> list[Case]:
    return [
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
                "tags": _TAGS,
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
                "tags": _TAGS,
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
                "tags": _TAGS,
            },
            {"actionParams": {"addThingsToThingGroupParams": {"thingGroupNames": ["quarantine", "bad"]}}},
            {"actionName": "other"},
        ),
    ]


def _detect() -> list[Case]:
    criteria = {
        "comparisonOperator": "greater-than",
        "durationSeconds": 300,
        "consecutiveDatapointsToAlarm": 1,
        "value": {"count": "10"},
    }
    behavior = {"name": "many", "metric": "aws:num-messages-sent", "criteria": criteria}
    return [
        Case(
            "aws-native:iot:CustomMetric",
            {"metricName": "batteryLevel", "metricType": "number", "displayName": "Battery", "tags": _TAGS},
            {"displayName": "Level"},
            {"metricType": "string-list"},
        ),
        Case(
            "aws-native:iot:Dimension",
            {"name": "telemetry", "type": "TOPIC_FILTER", "stringValues": ["dt/live/#"], "tags": _TAGS},
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
                "tags": _TAGS,
            },
            {
                "behaviors": [{**behavior, "criteria": {**criteria, "value": {"count": "20"}}}],
                "targetArns": [],
            },
            {"securityProfileName": "other"},
        ),
    ]


def _jobs() -> list[Case]:
    document = json.dumps({"operation": "reboot"})
    return [
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
