"""What AWS answers to the program, as far as the program looks at it."""

from __future__ import annotations

import hashlib
from typing import Any

import pulumi

ACCOUNT = "111122223333"
CODE = "0a" * 32
ENDPOINTS = {
    "iot:Data-ATS": "a1b2c3-ats.iot.eu-west-1.amazonaws.com",
    "iot:CredentialProvider": "a1b2c3.credentials.iot.eu-west-1.amazonaws.com",
}
_NAMED_ARNS = {
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:iot/policy:Policy": "iot:eu-west-1:{account}:policy/{name}",
    "aws:iot/thing:Thing": "iot:eu-west-1:{account}:thing/{name}",
    "aws:iot/roleAlias:RoleAlias": "iot:eu-west-1:{account}:rolealias/{alias}",
    "aws:lambda/function:Function": "lambda:eu-west-1:{account}:function:{name}",
    "aws:dynamodb/table:Table": "dynamodb:eu-west-1:{account}:table/{name}",
    "aws:sqs/queue:Queue": "sqs:eu-west-1:{account}:{name}",
    "aws:sns/topic:Topic": "sns:eu-west-1:{account}:{name}",
    "aws:kinesis/stream:Stream": "kinesis:eu-west-1:{account}:stream/{name}",
}


class RefusedError(Exception):
    """What a provider answers to a question that it refuses."""


def plain(value: Any) -> Any:
    """A value that pulumi_aws made a secret, since AWS' provider counts it as sensitive."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def call(token: str, given: dict[str, Any], account: str = ACCOUNT) -> dict[str, Any] | None:
    """The answer to a question; None when nobody asks AWS that."""
    if token == "aws:index/getCallerIdentity:getCallerIdentity":
        return {"accountId": account, "arn": f"arn:aws:iam::{account}:root", "userId": "u", "id": account}
    if token == "aws:iot/getRegistrationCode:getRegistrationCode":
        return {"registrationCode": CODE, "id": CODE, "region": "eu-west-1"}
    if token == "aws:iot/getEndpoint:getEndpoint":
        found = ENDPOINTS[given["endpointType"]]
        return {"endpointAddress": found, "endpointType": given["endpointType"], "id": found}
    if token == "aws:ssm/getParametersByPath:getParametersByPath":
        return {"names": [], "values": [], "types": [], "arns": [], "path": given["path"], "id": "p"}
    return None


def identity(token: str, name: str, given: dict[str, Any]) -> str:
    """The id of a resource."""
    pem = plain(given.get("caCertificatePem") or given.get("certificatePem"))
    if pem and token in {"aws:iot/caCertificate:CaCertificate", "aws:iot/certificate:Certificate"}:
        return hashlib.sha256(pem.encode()).hexdigest()
    return str(given.get("name") or name)


def answer(token: str, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The computed properties of a resource."""
    if token in _NAMED_ARNS:
        arn = "arn:aws:" + _NAMED_ARNS[token].format(account=ACCOUNT, **given)
        return {"arn": arn, "url": f"https://sqs/{given.get('name')}"}
    if token == "aws:iot/certificate:Certificate":
        return {"arn": f"arn:aws:iot:eu-west-1:{ACCOUNT}:cert/{identity(token, name, given)}"}
    if token == "muster:aws:VerificationCertificate":
        return {"certificate": "proof of " + given["registrationCode"]}
    if token == "muster:aws:DeviceManifest":
        return {"rows": 7, "accepted": 6, "refused": 1}
    if token == "aws:iot/caCertificate:CaCertificate":
        return {"verificationCertificatePem": pulumi.Output.secret("proof")}
    return {}
