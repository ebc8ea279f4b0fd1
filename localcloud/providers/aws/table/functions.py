"""Lambda: functions, who may call them, and what becomes of calls that fail."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers import assets
from localcloud.providers.boto.calls import Base, Wish, missing_is_none
from localcloud.providers.boto.codecs import ANY, FLAG, WHOLE
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Naming, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.errors import CloudRefused, ProviderError
from localcloud.providers.shapes import Fault, Scalar

_SECONDS = Scalar("integer", minimum=1, maximum=900)  # the model has no maximum, pulumi-aws has
_READY_SECONDS = 120.0
_PAUSE_SECONDS = 0.2
_STORED = ("S3Bucket", "S3Key", "S3ObjectVersion")


@dataclass(frozen=True)
class Functions(Base):
    """Functions: code and configuration change by different calls, each of which has to settle."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        made = to.do("create_function", **{**wish, "Code": _code(wish)})
        return str(made["FunctionName"])

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """It can be called when this returns."""
        _settled(to, identity)
        self._limit(to, identity, wish, {})

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The name."""
        return str(wish["FunctionName"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Its configuration; its code is as declared when its digest is."""
        found = missing_is_none(to, "get_function", FunctionName=identity)
        if found is None:
            return None
        told: dict[str, Any] = found["Configuration"]
        limit = (found.get("Concurrency") or {}).get("ReservedConcurrentExecutions", -1)
        address = told["FunctionArn"]
        invoked = f"arn:aws:apigateway:{to.region}:lambda:path/2015-03-31/functions/{address}/invocations"
        return {
            **told,
            "archive": _live_archive(inputs.get("code"), told.get("CodeSha256", "")),
            "Layers": [it["Arn"] for it in told.get("Layers") or ()],
            "reserved": limit,
            "invokeArn": invoked,
            "qualifiedArn": f"{address}:{told.get('Version', '$LATEST')}",
        }

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """Code, when it is another; then the configuration."""
        code = _code(wish)
        if "ZipFile" not in code or _digest(code["ZipFile"]) != live.get("CodeSha256"):
            to.do("update_function_code", **code, FunctionName=identity, Publish=wish.get("Publish", False))
            _settled(to, identity)
        emptied = {
            "Description": "",
            "Environment": {"Variables": {}},
            "Layers": [],
            "DeadLetterConfig": {"TargetArn": ""},
        }
        cleared = {name: it for name, it in emptied.items() if live.get(name) and name not in wish}
        to.do("update_function_configuration", **{**cleared, **wish, "FunctionName": identity})
        _settled(to, identity)
        self._limit(to, identity, wish, live)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """One call, unless it shall stay."""
        if not state.get("skipDestroy"):
            to.ask("delete_function", FunctionName=identity)

    def _limit(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        wanted, there = wish.get("reserved", -1), live.get("reserved", -1)
        if wanted == there:
            return
        if wanted < 0:
            to.ask("delete_function_concurrency", FunctionName=identity)
        else:
            to.ask(
                "put_function_concurrency",
                FunctionName=identity,
                ReservedConcurrentExecutions=wanted,
            )


def _code(wish: Wish) -> dict[str, Any]:
    if wish.get("archive"):
        return {"ZipFile": assets.content(wish["archive"])}
    return {name: wish[name] for name in _STORED if name in wish}


def _digest(raw: bytes) -> str:
    return base64.b64encode(hashlib.sha256(raw).digest()).decode()


def _live_archive(declared: Any, digest: str) -> Any:  # noqa: ANN401 - an archive as the engine sends it
    """The declared archive, with another hash when what runs is not made of it.

    An archive whose files have gone since cannot be compared, nor one of which the engine sends the hash
    alone, as it does with a refresh to what was declared as text: it counts as what runs.
    """
    if not declared:
        return None
    if not declared.get("path") and not declared.get("assets"):
        return declared
    try:
        is_it = _digest(assets.content(declared)) == digest
    except ProviderError:
        is_it = True
    return declared if is_it else {**declared, "hash": f"not as declared: {digest}"}


def _settled(to: Context, identity: str) -> None:
    """Wait until the function can be called and changed. Raises `ProviderError` when it fails."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        found = to.ask("get_function_configuration", FunctionName=identity)
        states = (found.get("State", "Active"), found.get("LastUpdateStatus", "Successful"))
        if "Failed" in states:
            reason = found.get("StateReason") or found.get("LastUpdateStatusReason")
            raise ProviderError(f"lambda function {identity}: it failed: {reason}")
        if states == ("Active", "Successful") or time.monotonic() > deadline:
            return
        time.sleep(_PAUSE_SECONDS)


@dataclass(frozen=True)
class Permissions(Base):
    """Statements of a function's policy; the id is the statement's."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        to.do("add_permission", **wish)
        return str(wish["StatementId"])

    def existing(self, to: Context, wish: Wish, refused: CloudRefused) -> str:  # noqa: ARG002 - the name says it
        """The statement's."""
        return str(wish["StatementId"])

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """Look for the statement in the policy. An import's id is function/statement."""
        function, _, statement = identity.rpartition("/")
        function = inputs.get("function") or function
        if not function:
            raise ProviderError(f"{identity!r} is no id to import; one looks like function/statement")
        qualifier = {"Qualifier": inputs["qualifier"]} if inputs.get("qualifier") else {}
        found = missing_is_none(to, "get_policy", FunctionName=function, **qualifier)
        statements = json.loads(found["Policy"])["Statement"] if found else []
        told = next((it for it in statements if it.get("Sid") == statement), None)
        return told and {**_parts(told), "FunctionName": function, **qualifier}

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """One call."""
        statement = identity.rpartition("/")[2]
        to.do(
            "remove_permission",
            FunctionName=state["function"],
            StatementId=statement,
            **({"Qualifier": state["qualifier"]} if state.get("qualifier") else {}),
        )


def _parts(statement: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a statement was made of."""
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        principal = principal.get("Service") or principal.get("AWS")
    conditions = {
        key: value
        for operator in (statement.get("Condition") or {}).values()
        for key, value in operator.items()
    }
    read = {
        "StatementId": statement["Sid"],
        "Action": statement["Action"],
        "Principal": principal,
        "SourceArn": conditions.get("AWS:SourceArn") or conditions.get("aws:SourceArn"),
        "SourceAccount": conditions.get("AWS:SourceAccount") or conditions.get("aws:SourceAccount"),
        "PrincipalOrgID": conditions.get("aws:PrincipalOrgID"),
        "EventSourceToken": conditions.get("lambda:EventSourceToken"),
    }
    return {name: it for name, it in read.items() if it is not None}


@dataclass(frozen=True)
class EventConfigs(Base):
    """What becomes of asynchronous calls; the id is the function, with :qualifier when there is one."""

    def create(self, to: Context, wish: Wish) -> str:
        """One call."""
        to.do("put_function_event_invoke_config", **wish)
        return ":".join(str(wish[it]) for it in ("FunctionName", "Qualifier") if it in wish)

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """One call; a destination that says nothing is none."""
        found = missing_is_none(to, "get_function_event_invoke_config", **_qualified(identity))
        told = {name: it for name, it in ((found or {}).get("DestinationConfig") or {}).items() if it}
        return found and {**found, "DestinationConfig": told or None, **_qualified(identity)}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:  # noqa: ARG002
        """All of it."""
        to.do("put_function_event_invoke_config", **wish)

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:  # noqa: ARG002
        """One call."""
        to.ask("delete_function_event_invoke_config", **_qualified(identity))


def _qualified(identity: str) -> dict[str, str]:
    if identity.startswith("arn:"):
        function, qualifier = identity, ""
    else:
        function, _, qualifier = identity.partition(":")
    return {"FunctionName": function} | ({"Qualifier": qualifier} if qualifier else {})


def _lacks(inputs: Mapping[str, Any]) -> Iterator[Fault]:
    for name in ("handler", "runtime"):
        if inputs.get("packageType") == "Zip" and name not in inputs:
            yield Fault((name,), "needed with packageType Zip")
    if "code" not in inputs and "s3Bucket" not in inputs:
        yield Fault(("code",), "needed, or s3Bucket and s3Key: a function has to be made of something")


KINDS = (
    Kind(
        "aws:lambda/function:Function",
        "lambda",
        "create_function",
        {
            "name": own("FunctionName"),
            "architectures": Property("Architectures", computed=True),
            "code": Property("archive", shape=ANY),
            "deadLetterConfig": Property("DeadLetterConfig"),
            "description": Property("Description"),
            "environment": Property("Environment"),
            "ephemeralStorage": Property("EphemeralStorage", computed=True),
            "handler": Property("Handler"),
            "kmsKeyArn": Property("KMSKeyArn"),
            "layers": Property("Layers"),
            "loggingConfig": Property("LoggingConfig", computed=True),
            "memorySize": Property("MemorySize", default=128),
            "packageType": Property("PackageType", fixed=True, default="Zip"),
            "publish": Property("Publish", seen="-", default=False),
            "reservedConcurrentExecutions": Property("reserved", shape=WHOLE, default=-1),
            "role": Property("Role", required=True),
            "runtime": Property("Runtime"),
            "s3Bucket": Property("S3Bucket", seen="-", model="Code.S3Bucket"),
            "s3Key": Property("S3Key", seen="-", model="Code.S3Key"),
            "s3ObjectVersion": Property("S3ObjectVersion", seen="-", model="Code.S3ObjectVersion"),
            "skipDestroy": Property("skipDestroy", seen="-", shape=FLAG),
            "sourceCodeHash": Property("sourceCodeHash", seen="-", shape=ANY),
            "tags": Property("Tags"),
            "timeout": Property("Timeout", shape=_SECONDS, default=3),
            "tracingConfig": Property("TracingConfig", computed=True),
        },
        {
            "arn": "FunctionArn",
            "codeSha256": "CodeSha256",
            "invokeArn": "invokeArn",
            "lastModified": "LastModified",
            "qualifiedArn": "qualifiedArn",
            "sourceCodeSize": "CodeSize",
            "version": "Version",
        },
        Functions(),
        late=frozenset({"reservedConcurrentExecutions"}),
        tagging=Tagging(
            "FunctionArn", "Resource", "list_tags", "Tags", added="Tags", removed="TagKeys", pair=()
        ),
        unserved=frozenset(
            {
                "capacityProviderConfig",
                "codeSha256",
                "codeSigningConfigArn",
                "durableConfig",
                "fileSystemConfig",
                "imageConfig",
                "imageUri",
                "publishTo",
                "replaceSecurityGroupsOnDestroy",
                "replacementSecurityGroupIds",
                "snapStart",
                "sourceKmsKeyArn",
                "tenancyConfig",
                "useResourceTimeoutForPropagation",
                "vpcConfig",
            }
        ),
        demanded=frozenset(
            {"deadLetterConfig.targetArn", "loggingConfig.logFormat", "tracingConfig.mode"},
        ),
        judge=_lacks,
    ),
    Kind(
        "aws:lambda/permission:Permission",
        "lambda",
        "add_permission",
        {
            "statementId": Property("StatementId", fixed=True, required=True),
            "action": Property("Action", fixed=True, required=True),
            "eventSourceToken": Property("EventSourceToken", fixed=True),
            "function": Property("FunctionName", fixed=True, required=True),
            "principal": Property("Principal", fixed=True, required=True),
            "principalOrgId": Property("PrincipalOrgID", fixed=True),
            "qualifier": Property("Qualifier", fixed=True),
            "sourceAccount": Property("SourceAccount", fixed=True),
            "sourceArn": Property("SourceArn", fixed=True),
        },
        {},
        Permissions(),
        name="statementId",
        naming=Naming(longest=100),
        unserved=frozenset({"functionUrlAuthType", "invokedViaFunctionUrl", "statementIdPrefix"}),
    ),
    Kind(
        "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        "lambda",
        "put_function_event_invoke_config",
        {
            "functionName": Property("FunctionName", fixed=True, required=True),
            "destinationConfig": Property("DestinationConfig", computed=True),
            "maximumEventAgeInSeconds": Property("MaximumEventAgeInSeconds"),
            "maximumRetryAttempts": Property("MaximumRetryAttempts", default=2),
            "qualifier": Property("Qualifier", fixed=True),
        },
        {},
        EventConfigs(),
        name="",
        demanded=frozenset(
            {"destinationConfig.onFailure.destination", "destinationConfig.onSuccess.destination"}
        ),
    ),
)
