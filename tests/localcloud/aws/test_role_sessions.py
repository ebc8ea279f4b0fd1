"""AssumeRole: the trust policy with address and source identity, the caller's own policies, the duration."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from localcloud.aws.api import ApiError, Caller
from localcloud.aws.role_sessions import RoleSessions

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/provisioner"
ROOT = Caller(ACCOUNT, "eu-west-1", f"arn:aws:iam::{ACCOUNT}:root")
ADA = Caller(ACCOUNT, "eu-west-1", f"arn:aws:iam::{ACCOUNT}:user/ada", user="ada")
SESSION = Caller(ACCOUNT, "eu-west-1", f"arn:aws:sts::{ACCOUNT}:assumed-role/ops/ada", role="ops")
GIVEN = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"], "Resource": ROLE}


def trust(principal: object = ROOT.arn, **changes: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
        "Condition": {
            "IpAddress": {"aws:SourceIp": ["127.0.0.0/8"]},
            "Null": {"sts:SourceIdentity": "false"},
        },
        **changes,
    }


def asked(caller: Caller, *statements: Mapping[str, Any], own: object = (), **changes: Any) -> None:
    async def read(service: str, operation: str, RoleName: str) -> dict[str, Any]:  # noqa: N803 - AWS' name
        assert (service, operation) == ("iam", "GetRole")
        if RoleName != "provisioner":
            raise ApiError("NoSuchEntity", "no such role", 404)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        return {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": document, "MaxSessionDuration": 7200}}

    async def documents_of(_: Caller) -> list[Mapping[str, Any]]:
        return [{"Version": "2012-10-17", "Statement": own}] if own else []

    body = {
        "Action": "AssumeRole",
        "RoleArn": ROLE,
        "RoleSessionName": "ada",
        "SourceIdentity": "ada",
        "DurationSeconds": 900,
        **changes,
    }
    sent = urlencode({name: value for name, value in body.items() if value is not None}).encode()
    asyncio.run(RoleSessions(read, documents_of).check(caller, sent))


@pytest.mark.parametrize(
    ("caller", "principal", "own"),
    [
        (ROOT, ROOT.arn, ()),
        (ADA, ADA.arn, ()),
        (ADA, ROOT.arn, [GIVEN]),
        (ADA, [ACCOUNT], [GIVEN]),
        (SESSION, SESSION.arn, ()),
        (SESSION, f"arn:aws:iam::{ACCOUNT}:role/ops", ()),
        (SESSION, "*", ()),
    ],
)
def test_whom_the_role_trusts_may_take_it(caller: Caller, principal: object, own: object) -> None:
    asked(caller, trust(principal), own=own)


@pytest.mark.parametrize(
    ("caller", "statement", "changes"),
    [
        (ADA, trust(), {}),
        (ADA, trust(), {"own": [{**GIVEN, "Resource": f"{ROLE}-2"}]}),
        (ADA, trust(), {"own": [{**GIVEN, "Action": "sts:AssumeRole"}]}),
        (ADA, trust(f"arn:aws:iam::{ACCOUNT}:user/eve"), {"own": [GIVEN]}),
        (replace(ROOT, source_address="203.0.113.9"), trust(), {}),
        (ROOT, trust(), {"SourceIdentity": None}),
        (ROOT, trust(Action="sts:AssumeRole"), {}),
        (ROOT, trust(), {"RoleArn": f"{ROLE}-2"}),
        (ROOT, trust(), {"RoleArn": "arn:aws:iam::999999999999:role/provisioner"}),
        (ROOT, trust(Principal={"Service": "iot.amazonaws.com"}), {}),
    ],
)
def test_everybody_else_is_refused_in_the_same_words(
    caller: Caller, statement: dict[str, Any], changes: dict[str, Any]
) -> None:
    with pytest.raises(ApiError, match="is not authorized to perform: sts:") as refused:
        asked(caller, statement, **changes)
    assert (refused.value.code, refused.value.status) == ("AccessDenied", 403)


def test_a_denial_wins() -> None:
    with pytest.raises(ApiError, match="not authorized"):
        asked(ADA, trust(ADA.arn), trust(ROOT.arn, Effect="Deny"))


@pytest.mark.parametrize(
    ("caller", "seconds", "told"),
    [
        (ROOT, 7201, "MaxSessionDuration"),
        (ROOT, 899, "900 at least"),
        (ROOT, "an hour", "900 at least"),
        (SESSION, 3601, "role chaining"),
    ],
)
def test_a_session_is_no_longer_than_allowed(caller: Caller, seconds: object, told: str) -> None:
    with pytest.raises(ApiError, match=told) as refused:
        asked(caller, trust("*"), DurationSeconds=seconds)
    assert refused.value.code == "ValidationError"


def test_other_operations_pass() -> None:
    asked(ADA, Action="GetCallerIdentity")
