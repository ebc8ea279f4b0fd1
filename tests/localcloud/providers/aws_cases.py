"""A declaration of every type of aws and aws-native, in an order in which they can be made, and changes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

ACCOUNT, REGION = "111122223333", "eu-west-1"
ARN = f"arn:aws:iot:{REGION}:{ACCOUNT}"
SIGNATURE = "4dabf18193072939515e22adb298388d"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/live"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hook"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:telemetry"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
TAGS = {"a": "b"}


@dataclass(frozen=True)
class Case:
    """`change` is made in place; `fixed` is a change that only a replacement makes."""

    token: str
    inputs: dict[str, Any]
    change: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)


def policy(action: str, resource: str) -> str:
    """A document of one statement."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(*services: str) -> str:
    """Who may take a role."""
    principal = {"Service": [f"{it}.amazonaws.com" for it in services]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def archive(text: str) -> dict[str, Any]:
    """An archive of one file as the engine sends it."""
    inside = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": text, "text": text}
    return {SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7", "hash": text, "assets": {"main.py": inside}}


def asset(text: str) -> dict[str, Any]:
    """A text as the engine sends it."""
    return {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "hash": text, "text": text}


@dataclass(frozen=True)
class Authority:
    """A throwaway CA."""

    key: ec.EllipticCurvePrivateKey
    pem: str

    def proves(self, code: str) -> str:
        """A certificate that its key signed, with the code for a name."""
        issuer = x509.load_pem_x509_certificate(self.pem.encode()).subject
        return _signed(_name(code), issuer, ec.generate_private_key(ec.SECP256R1()).public_key(), self.key)


def authority() -> Authority:
    """A new one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("live")
    return Authority(key, _signed(name, name, key.public_key(), key, is_ca=True))


def request() -> str:
    """A CSR."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = x509.CertificateSigningRequestBuilder(_name("device")).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    is_ca: bool = False,
) -> str:
    start = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder(
        issuer, subject, public, x509.random_serial_number(), start, start + timedelta(days=30)
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    made = builder.add_extension(usage, critical=True).sign(signer, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def around() -> list[Case]:
    """What stands around AWS IoT."""
    return [
        Case(
            "aws:iam/role:Role",
            {
                "name": "live",
                "assumeRolePolicy": trust("iot", "lambda", "credentials.iot"),
                "description": "for tests",
                "tags": TAGS,
            },
            {"description": "for all tests", "tags": {"a": "c"}},
            {"path": "/other/"},
        ),
        Case(
            "aws:iam/rolePolicy:RolePolicy",
            {"name": "send", "role": "live", "policy": policy("sqs:SendMessage", QUEUE)},
            {"policy": policy("sqs:SendMessage", f"{QUEUE}-dead")},
            {"role": "other"},
        ),
        Case(
            "aws:iam/policy:Policy",
            {"name": "read", "policy": policy("iot:DescribeThing", f"{ARN}:thing/one"), "tags": TAGS},
            {"policy": policy("iot:DescribeThing", f"{ARN}:thing/two"), "tags": {}},
            {"description": "other"},
        ),
        Case(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "live", "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/read"},
            fixed={"role": "other"},
        ),
        Case(
            "aws:lambda/function:Function",
            {
                "name": "hook",
                "role": ROLE,
                "handler": "main.handler",
                "runtime": "python3.12",
                "code": archive("def handler(event, context): return {}"),
                "environment": {"variables": {"TABLE": "allowed"}},
                "tags": TAGS,
            },
            {"timeout": 5, "code": archive("def handler(event, context): return event")},
            {"packageType": "Image"},
        ),
        Case(
            "aws:lambda/permission:Permission",
            {
                "statementId": "iot",
                "action": "lambda:InvokeFunction",
                "function": "hook",
                "principal": "iot.amazonaws.com",
                "sourceArn": f"{ARN}:rule/live",
                "sourceAccount": ACCOUNT,
            },
            fixed={"principal": "sns.amazonaws.com"},
        ),
        Case(
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
            {"functionName": "hook", "maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60},
            {"maximumRetryAttempts": 1},
            {"functionName": "other"},
        ),
        Case(
            "aws:sqs/queue:Queue",
            {"name": "telemetry", "sqsManagedSseEnabled": True, "tags": TAGS},
            {"visibilityTimeoutSeconds": 60, "messageRetentionSeconds": 1209600},
            {"fifoQueue": True},
        ),
        Case(
            "aws:sqs/queuePolicy:QueuePolicy",
            {
                "queueUrl": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/telemetry",
                "policy": policy("sqs:SendMessage", QUEUE),
            },
            {"policy": policy("sqs:ReceiveMessage", QUEUE)},
        ),
        Case(
            "aws:sns/topic:Topic",
            {"name": "alerts", "displayName": "Alerts", "tags": TAGS},
            {"displayName": "Alarms"},
            {"name": "other"},
        ),
        Case(
            "aws:sns/topicPolicy:TopicPolicy",
            {"arn": TOPIC, "policy": policy("sns:Publish", TOPIC)},
            {"policy": policy("sns:Subscribe", TOPIC)},
            {"arn": f"{TOPIC}-2"},
        ),
        Case(
            "aws:sns/topicSubscription:TopicSubscription",
            {"topic": TOPIC, "protocol": "sqs", "endpoint": QUEUE},
            {"rawMessageDelivery": True},
            {"protocol": "lambda"},
        ),
        Case(
            "aws:kinesis/stream:Stream",
            {"name": "telemetry", "shardCount": 1, "tags": TAGS},
            {"retentionPeriod": 48},
            {"name": "other"},
        ),
        Case(
            "aws:cloudwatch/logGroup:LogGroup",
            {"name": "/live/iot", "retentionInDays": 14, "tags": TAGS},
            {"retentionInDays": 30},
            {"name": "other"},
        ),
        Case(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {
                "name": "few",
                "comparisonOperator": "LessThanThreshold",
                "evaluationPeriods": 2,
                "metricName": "Connect.Success",
                "namespace": "AWS/IoT",
                "period": 300,
                "statistic": "Sum",
                "threshold": 1,
                "dimensions": {"Protocol": "MQTT"},
                "alarmActions": [TOPIC],
            },
            {"threshold": 2},
            {"name": "other"},
        ),
        Case(
            "aws:dynamodb/table:Table",
            {
                "name": "allowed",
                "billingMode": "PAY_PER_REQUEST",
                "hashKey": "id",
                "attributes": [{"name": "id", "type": "S"}],
                "tags": TAGS,
            },
            {"ttl": {"attributeName": "until", "enabled": True}},
            {"hashKey": "other"},
        ),
        *_stores(),
    ]


def _stores() -> list[Case]:
    bucket = {"bucket": "live-bucket"}
    default = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    return [
        Case("aws:s3/bucket:Bucket", {**bucket, "forceDestroy": True, "tags": TAGS}, {"tags": {"a": "c"}}),
        Case(
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {**bucket, "blockPublicAcls": True, "blockPublicPolicy": True},
            {"ignorePublicAcls": True},
            {"bucket": "other"},
        ),
        Case(
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            {**bucket, "rules": [{**default, "bucketKeyEnabled": False}]},
            {"rules": [{**default, "bucketKeyEnabled": True}]},
            {"bucket": "other"},
        ),
        Case(
            "aws:s3/bucketVersioning:BucketVersioning",
            {**bucket, "versioningConfiguration": {"status": "Enabled"}},
            {"versioningConfiguration": {"status": "Suspended"}},
            {"bucket": "other"},
        ),
        *(
            Case(
                token,
                {**bucket, "key": key, "source": asset("hello"), "contentType": "text/plain"},
                {"source": asset("good day")},
                {"key": "other"},
            )
            for token, key in (
                ("aws:s3/bucketObject:BucketObject", "some/one.txt"),
                ("aws:s3/bucketObjectv2:BucketObjectv2", "some/two.txt"),
            )
        ),
        Case(
            "aws:ssm/parameter:Parameter",
            {"name": "/live/owner", "type": "String", "value": "one", "tags": TAGS},
            {"value": "two"},
            {"name": "/live/other"},
        ),
        Case(
            "aws:kms/key:Key",
            {"description": "live", "deletionWindowInDays": 7, "tags": TAGS},
            {"description": "alive", "enableKeyRotation": True},
            {"keyUsage": "SIGN_VERIFY"},
        ),
    ]


def things(code: str, request_: str, owner: Authority) -> list[Case]:
    """AWS IoT itself; `code` is the account's registration code."""
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
