"""Requests as the service models allow them, by chance.

Names are few, so requests meet what others made; known sound requests come with some members changed.
"""

import json
from collections.abc import Sequence
from random import Random
from typing import Any

from localcloud.aws.constraints import Faults, checked
from tests.localcloud.aws.control.refusals import ROLE

Shape = Any  # botocore has no types
Params = dict[str, Any]
ARN = "arn:aws:iot:eu-west-1:111122223333"
DEEPEST = 5
_KEPT = 60
_DRAWS = 40


def _policy() -> str:
    statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _body(*more: str) -> str:
    thing = {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "x"}}}
    parameters = {name: {"Type": "String"} for name in ("x", *more)}
    own = {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}}
    certificate = {"certificate": {"Type": "AWS::IoT::Certificate", "Properties": own}} if more else {}
    return json.dumps({"Parameters": parameters, "Resources": {"thing": thing, **certificate}})


_BODY, _FLEET = _body(), _body("AWS::IoT::Certificate::Id")
_CHECKS = ("LOGGING_DISABLED_CHECK", "IOT_POLICY_OVERLY_PERMISSIVE_CHECK", "CA_CERTIFICATE_EXPIRING_CHECK")
_FILE = {"bucket": "images", "key": "a"}
_INDEXED = {"thingIndexingMode": "REGISTRY_AND_SHADOW", "thingConnectivityIndexingMode": "STATUS"}
_LOGS = {"roleArnForLogging": ROLE, "logLevel": "ERROR"}
_FINDINGS: Params = {"auditCheckToReasonCodeFilter": {_CHECKS[0]: []}}
TEXTS = (
    *("a", "b", "thing-1", "1", "AWS_Things", "daily", "*", "$next", "é", "", "x" * 20, "{}", "[]", "null"),
    *(f"{ARN}:{it}" for it in ("thing/a", "thinggroup/a", "job/a", "jobtemplate/a", "all/things")),
    *(ROLE, "arn:aws:sns:eu-west-1:111122223333:a", "0" * 64, "attributes.a:b", "SELECT * FROM 'a'"),
    *("https://images.s3.amazonaws.com/a", "2016-03-23", "cron(0 0 1 * ? *)", _policy(), _BODY, _FLEET),
)
SOUND: dict[str, Params] = {
    "CreateThing": {"thingName": "a"},
    "CreateThingGroup": {"thingGroupName": "a"},
    "CreateBillingGroup": {"billingGroupName": "a"},
    "UpdateIndexingConfiguration": {"thingIndexingConfiguration": _INDEXED},
    "CreateDynamicThingGroup": {"thingGroupName": "b", "queryString": "attributes.a:b"},
    "AddThingToThingGroup": {"thingName": "a", "thingGroupName": "a"},
    "CreatePolicy": {"policyName": "a", "policyDocument": _policy()},
    "CreatePolicyVersion": {"policyName": "a", "policyDocument": _policy()},
    "AttachPolicy": {"policyName": "a", "target": f"{ARN}:thinggroup/a"},
    "CreateProvisioningTemplate": {
        "templateName": "a",
        "templateBody": _FLEET,
        "provisioningRoleArn": ROLE,
        "enabled": True,
    },
    "CreateProvisioningTemplateVersion": {"templateName": "a", "templateBody": _FLEET},
    "RegisterThing": {"templateBody": _BODY, "parameters": {"x": "a"}},
    "StartThingRegistrationTask": {
        "templateBody": _BODY,
        "inputFileBucket": "images",
        "inputFileKey": "a",
        "roleArn": ROLE,
    },
    "CreateRoleAlias": {"roleAlias": "a", "roleArn": ROLE},
    "CreateJob": {"jobId": "a", "targets": [f"{ARN}:thing/a"], "document": "{}"},
    "CreateJobTemplate": {"jobTemplateId": "a", "description": "d", "document": "{}"},
    "UpdateJob": {"jobId": "a"},
    "UpdateJobExecution": {"thingName": "a", "jobId": "a", "status": "IN_PROGRESS"},
    "UpdateAccountAuditConfiguration": {
        "roleArn": ROLE,
        "auditCheckConfigurations": {name: {"enabled": True} for name in _CHECKS},
    },
    "CreateScheduledAudit": {
        "scheduledAuditName": "a",
        "frequency": "DAILY",
        "targetCheckNames": [_CHECKS[0]],
    },
    "StartOnDemandAuditTask": {"targetCheckNames": list(_CHECKS)},
    "CreateAuditSuppression": {
        "checkName": _CHECKS[0],
        "resourceIdentifier": {"account": "111122223333"},
        "clientRequestToken": "t",
        "suppressIndefinitely": True,
    },
    "CreateMitigationAction": {
        "actionName": "a",
        "roleArn": ROLE,
        "actionParams": {"enableIoTLoggingParams": _LOGS},
    },
    "StartAuditMitigationActionsTask": {
        "taskId": "a",
        "target": _FINDINGS,
        "auditCheckToActionsMapping": {_CHECKS[0]: ["a"]},
        "clientRequestToken": "t",
    },
    "CreateSecurityProfile": {"securityProfileName": "a"},
    "CreateStream": {"streamId": "a", "files": [{"fileId": 0, "s3Location": _FILE}], "roleArn": ROLE},
    "CreateOTAUpdate": {
        "otaUpdateId": "a",
        "targets": [f"{ARN}:thing/a"],
        "roleArn": ROLE,
        "files": [{"fileName": "a", "fileLocation": {"s3Location": _FILE}}],
    },
    "CreateTopicRule": {"ruleName": "a", "topicRulePayload": {"sql": "SELECT * FROM 'a'", "actions": []}},
    "UpdateThingShadow": {"thingName": "a", "payload": b'{"state": {"desired": {"a": 1}}}'},
    "SetV2LoggingOptions": {"roleArn": ROLE, "defaultLogLevel": "ERROR"},
}


class Maker:
    """Makes parameters; ids and ARNs that `hear` was told of come back in later ones."""

    def __init__(self, chance: Random, texts: Sequence[str] = TEXTS) -> None:
        self._chance = chance
        self._texts = texts
        self._heard: list[str] = []

    def params(self, operation: str, shape: Shape) -> Params:
        """Of an operation, by its input's shape."""
        sound = SOUND.get(operation)
        if shape is None:
            return {}
        if sound is None or self._chance.random() < 0.3:
            made: Params = self._made(shape, 0)
            return made
        names = self._chance.choices(list(shape.members), k=self._chance.choice((0, 0, 1, 1, 2)))
        return {**sound, **{name: self._made(shape.members[name], 1) for name in names}}

    def hear(self, result: object) -> None:
        """An answer."""
        for value in result.values() if isinstance(result, dict) else ():
            if isinstance(value, str) and 0 < len(value) < 200:
                self._heard.append(value)
            self.hear(value)
        del self._heard[:-_KEPT]

    def _made(self, shape: Shape, depth: int) -> Any:
        kind, limits = shape.type_name, shape.metadata
        least, most = limits.get("min", 0), limits.get("max", 10)
        if kind == "structure":
            return self._structure(shape, depth)
        if kind == "list":
            return [self._made(shape.member, depth + 1) for _ in range(self._chance.choice((least, 1, 2)))]
        if kind == "map":
            return {self._made(shape.key, depth): self._made(shape.value, depth + 1)}
        if kind in ("integer", "long", "float", "double"):
            return self._chance.choice((least, most, 0, 1, 5, -1))
        if kind == "timestamp":
            return self._chance.choice((0, 1.75e9, 1.9e9))
        plain = {"boolean": self._chance.random() < 0.5, "blob": b"x"}
        return plain[kind] if kind in plain else self._text(shape)

    def _structure(self, shape: Shape, depth: int) -> Params:
        if depth > DEEPEST:
            return {}
        names = [it for it in shape.members if it in shape.required_members or self._chance.random() < 0.45]
        if shape.is_tagged_union:
            names = [self._chance.choice(list(shape.members))]
        return {name: self._made(shape.members[name], depth + 1) for name in names}

    def _text(self, shape: Shape) -> str:
        """One that the model takes, where there is one among those known."""
        if shape.enum:
            return str(self._chance.choice(shape.enum))
        for _ in range(_DRAWS):
            known = self._heard if self._heard and self._chance.random() < 0.4 else self._texts
            text, faults = self._chance.choice(known), Faults()
            checked(shape, text, "", faults)
            if not faults:
                return text
        return "a"
