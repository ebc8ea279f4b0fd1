"""A declaration of every type of AWS IoT, in an order in which they can be made, and changes."""

from __future__ import annotations

import json

from .aws_material import (
    ACCOUNT,
    ARN,
    FUNCTION,
    REGION,
    ROLE,
    TAGS,
    Authority,
    Case,
    policy,
)


def things(code: str, request_: str, owner: Authority) -> list[Case]:
    """AWS IoT itself; `code` is the account's registration code."""
    return [
        *_registry(),
        *_certificates(request_),
        *_ways_in(code, owner),
        *_rules(),
        *_settings(),
    ]


def _registry() -> list[Case]:
    return [
        Case(
            "aws:iot/thingType:ThingType",
            {"name": "sensor", "properties": {"description": "one", "searchableAttributes": ["b", "a"]}},
            {"deprecated": True},
            {"properties": {"description": "other"}},
        ),
        Case(
            "aws:iot/thingGroup:ThingGroup",
            {"name": "live", "properties": {"description": "one"}, "tags": TAGS},
            {"properties": {"attributePayload": {"attributes": {"site": "a"}}}},
            {"parentGroupName": "other"},
        ),
        Case(
            "aws:iot/billingGroup:BillingGroup",
            {"name": "live", "properties": {"description": "one"}},
            {"properties": {"description": "two"}, "tags": TAGS},
            {"name": "other"},
        ),
        Case(
            "aws:iot/thing:Thing",
            {"name": "one", "attributes": {"site": "a", "floor": "1"}},
            {"attributes": {"site": "b"}},
            {"name": "two"},
        ),
        Case(
            "aws:iot/thingGroupMembership:ThingGroupMembership",
            {"thingGroupName": "live", "thingName": "one"},
            fixed={"thingName": "two"},
        ),
    ]


def _certificates(request_: str) -> list[Case]:
    return [
        Case("aws:iot/certificate:Certificate", {"active": True, "csr": request_}, {"active": False}),
        Case(
            "aws:iot/policy:Policy",
            {"name": "live", "policy": policy("iot:Connect", f"{ARN}:client/one"), "tags": TAGS},
            {"policy": policy("iot:Connect", f"{ARN}:client/two")},
            {"name": "other"},
        ),
        Case(
            "aws:iot/policyAttachment:PolicyAttachment",
            {"policy": "live", "target": f"{ARN}:thinggroup/live"},
            fixed={"policy": "other"},
        ),
    ]


def _ways_in(code: str, owner: Authority) -> list[Case]:
    return [
        Case(
            "aws:iot/provisioningTemplate:ProvisioningTemplate",
            {
                "name": "live",
                "provisioningRoleArn": ROLE,
                "enabled": True,
                "templateBody": _template("claim"),
                "preProvisioningHook": {"targetArn": FUNCTION, "payloadVersion": "2020-04-01"},
                "tags": TAGS,
            },
            {"templateBody": _template("other"), "description": "two"},
            {"type": "JITP"},
        ),
        Case(
            "aws:iot/caCertificate:CaCertificate",
            {
                "active": True,
                "allowAutoRegistration": True,
                "caCertificatePem": owner.pem,
                "verificationCertificatePem": owner.proves(code),
                "tags": TAGS,
            },
            {"allowAutoRegistration": False},
            {"certificateMode": "SNI_ONLY"},
        ),
        Case(
            "aws:iot/roleAlias:RoleAlias",
            {"alias": "live", "roleArn": ROLE, "tags": TAGS},
            {"credentialDuration": 900},
            {"alias": "other"},
        ),
        Case(
            "aws:iot/domainConfiguration:DomainConfiguration",
            {"name": "live", "tlsConfig": {"securityPolicy": "IoTSecurityPolicy_TLS13_1_2_2022_10"}},
            {"tlsConfig": {"securityPolicy": "IoTSecurityPolicy_TLS13_1_3_2022_10"}},
            {"serviceType": "CREDENTIAL_PROVIDER"},
        ),
        Case(
            "aws:iot/authorizer:Authorizer",
            {"name": "live", "authorizerFunctionArn": FUNCTION, "signingDisabled": True},
            {"status": "INACTIVE"},
            {"signingDisabled": False},
        ),
    ]


def _rules() -> list[Case]:
    return [
        Case(
            "aws:iot/topicRule:TopicRule",
            {
                "name": "live",
                "enabled": True,
                "sql": "SELECT * FROM 'dt/live/#'",
                "sqlVersion": "2016-03-23",
                "sqs": [{"queueUrl": _queue("telemetry"), "roleArn": ROLE, "useBase64": False}],
                "errorAction": {"sqs": {"queueUrl": _queue("dead"), "roleArn": ROLE, "useBase64": False}},
                "tags": TAGS,
            },
            {
                "sqs": [],
                "kineses": [{"streamName": "telemetry", "partitionKey": "${topic()}", "roleArn": ROLE}],
            },
            {"name": "other"},
        ),
    ]


def _settings() -> list[Case]:
    return [
        Case(
            "aws:iot/eventConfigurations:EventConfigurations",
            {"eventConfigurations": dict.fromkeys(_EVENTS, False) | {"THING": True}},
            {"eventConfigurations": dict.fromkeys(_EVENTS, False) | {"CERTIFICATE": True}},
        ),
        Case(
            "aws:iot/indexingConfiguration:IndexingConfiguration",
            {
                "thingIndexingConfiguration": {
                    "thingIndexingMode": "REGISTRY",
                    "thingConnectivityIndexingMode": "STATUS",
                    "customFields": [{"name": "attributes.site", "type": "String"}],
                }
            },
            {"thingIndexingConfiguration": {"thingIndexingMode": "REGISTRY_AND_SHADOW"}},
        ),
        Case(
            "aws:iot/loggingOptions:LoggingOptions",
            {"defaultLogLevel": "ERROR", "roleArn": ROLE},
            {"defaultLogLevel": "WARN"},
        ),
    ]


_EVENTS = (
    "THING",
    "THING_GROUP",
    "THING_TYPE",
    "THING_GROUP_MEMBERSHIP",
    "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION",
    "JOB",
    "JOB_EXECUTION",
    "POLICY",
    "CERTIFICATE",
    "CA_CERTIFICATE",
)


def _queue(name: str) -> str:
    return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"


def _template(description: str) -> str:
    parameters = {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}}
    thing = {
        "Type": "AWS::IoT::Thing",
        "Properties": {"ThingName": {"Ref": "SerialNumber"}, "AttributePayload": {"made": description}},
    }
    certificate = {
        "Type": "AWS::IoT::Certificate",
        "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
    }
    resources = {"thing": thing, "certificate": certificate}
    return json.dumps({"Parameters": parameters, "Resources": resources})
