"""The functions that the stand-in serves.

With `MUSTER_OFFLINE` set none of them asks AWS: an account, endpoint and code stand in that are nobody's, and
no parameters are found (`places` says which account).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.providers.aws.policy_document import rendered
from localcloud.providers.boto.calls import pages
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.places import account_id, partition, region
from localcloud.providers.boto.plugin import Function
from localcloud.providers.boto.session import Session
from localcloud.providers.errors import ProviderError
from localcloud.providers.wire import Secret

Arguments = Mapping[str, Any]
_HOSTS = {
    "iot:Data-ATS": "-ats.iot",
    "iot:Data": ".iot",
    "iot:CredentialProvider": ".credentials.iot",
    "iot:Jobs": ".jobs.iot",
}


def _caller_identity(session: Session, _arguments: Arguments) -> dict[str, Any]:
    if session.settings.is_offline:
        account = account_id(session)
        return {"accountId": account, "arn": f"arn:aws:iam::{account}:root", "userId": account, "id": account}
    found = session.asks("sts")("get_caller_identity")
    account = found["Account"]
    return {"accountId": account, "arn": found["Arn"], "userId": found["UserId"], "id": account}


def _region(session: Session, arguments: Arguments) -> dict[str, Any]:
    name = str(arguments.get("name") or region(session, arguments))
    suffix = partition(name)[1]
    return {
        "id": name,
        "name": name,
        "region": name,
        "description": name,
        "endpoint": f"ec2.{name}.{suffix}",
    }


def _partition(session: Session, _arguments: Arguments) -> dict[str, Any]:
    name, suffix, reverse = partition(region(session))
    return {"id": name, "partition": name, "dnsSuffix": suffix, "reverseDnsPrefix": reverse}


def _endpoint(session: Session, arguments: Arguments) -> dict[str, Any]:
    kind, where = arguments.get("endpointType"), region(session, arguments)
    if session.settings.is_offline:
        address = f"offline{_HOSTS.get(str(kind or 'iot:Data'), '.iot')}.{where}.{partition(where)[1]}"
    else:
        asked = {"endpointType": kind} if kind else {}
        address = session.asks("iot", where)("describe_endpoint", **asked)["endpointAddress"]
    told = {"endpointType": kind} if kind else {}
    return {"id": address, "endpointAddress": address, "region": where, **told}


def _registration_code(session: Session, arguments: Arguments) -> dict[str, Any]:
    where = region(session, arguments)
    code = "0" * 64
    if not session.settings.is_offline:
        code = session.asks("iot", where)("get_registration_code")["registrationCode"]
    return {"id": code, "registrationCode": code, "region": where}


def _parameter(session: Session, arguments: Arguments) -> dict[str, Any]:
    name, where = str(arguments["name"]), region(session, arguments)
    if session.settings.is_offline:
        raise ProviderError(f"aws:ssm/getParameter: {name}: MUSTER_OFFLINE is set, so AWS is not asked")
    decrypts = bool(arguments.get("withDecryption", True))
    found = session.asks("ssm", where)("get_parameter", Name=name, WithDecryption=decrypts)["Parameter"]
    is_secret = found["Type"] == "SecureString"
    return {
        "id": name,
        "name": name,
        "arn": found["ARN"],
        "type": found["Type"],
        "value": Secret(found["Value"]),
        "insecureValue": None if is_secret else found["Value"],
        "version": found["Version"],
        "withDecryption": decrypts,
        "region": where,
    }


def _parameters_by_path(session: Session, arguments: Arguments) -> dict[str, Any]:
    path, where = str(arguments["path"]), region(session, arguments)
    asked = {
        "Path": path,
        "Recursive": bool(arguments.get("recursive")),
        "WithDecryption": bool(arguments.get("withDecryption", True)),
    }
    to = Context(session, "ssm", where)
    following = ("NextToken", "NextToken")
    is_offline = session.settings.is_offline
    found = [] if is_offline else list(pages(to, "get_parameters_by_path", "Parameters", asked, following))
    return {
        "id": path,
        "path": path,
        "recursive": asked["Recursive"],
        "withDecryption": asked["WithDecryption"],
        "arns": [it["ARN"] for it in found],
        "names": [it["Name"] for it in found],
        "types": [it["Type"] for it in found],
        "values": Secret([it["Value"] for it in found]),
        "region": where,
    }


def _policy_document(_session: Session, arguments: Arguments) -> dict[str, Any]:
    return rendered(arguments)


FUNCTIONS: dict[str, Function] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:iot/getEndpoint:getEndpoint": _endpoint,
    "aws:iot/getRegistrationCode:getRegistrationCode": _registration_code,
    "aws:ssm/getParameter:getParameter": _parameter,
    "aws:ssm/getParametersByPath:getParametersByPath": _parameters_by_path,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}
