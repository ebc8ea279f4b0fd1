"""Names that are too long for AWS are cut; rights must still be for exactly what is called so."""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from certs.chain import load_chain
from fleet import load
from tests.components import aws_answers

Declare = Callable[..., Any]
ARN = f"arn:aws:iot:eu-west-1:{aws_answers.ACCOUNT}:"
PERMISSION, RULE = "aws:lambda/permission:Permission", "aws:iot/topicRule:TopicRule"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
GROUPS = ["reefers", "reefers-large-container", "r" * 70]
STACKS = ["prod", "production-eu-north", "a.b_c-" * 16 + "d"]


def _program(declare: Declare, pki: Path, stack: str, group: str, **aws: Any) -> Any:
    """A group with two issuers, of a fleet whose name is as long as can be."""
    description = {
        "name": "coldchain-scandinavia-and-baltic",
        "clouds": ["aws"],
        "aws": {"region": "eu-west-1", "account": aws_answers.ACCOUNT, **aws},
        "identity": {"root": "pki/root.pem", "issuers": {"oslo": "pki/oslo.pem", "bergen": "pki/bergen.pem"}},
        "groups": {
            group: {
                "attestation": {"x509": {"issuer": "oslo", "secondary": "bergen"}},
                "aws": {"permissions": {"publish": ["telemetry", "engine/" * 3 + "temperature-" * 5]}},
            }
        },
    }
    chain = load_chain(pki / "root.pem", {name: pki / f"{name}.pem" for name in ("oslo", "bergen")})
    return declare(load(description, file=f"Pulumi.{stack}.yaml"), chain=chain)


def _sources(program: Any) -> list[Any]:
    """On whose behalf AWS IoT may take each role."""
    trusts = [json.loads(each.inputs["assumeRolePolicy"])["Statement"][0] for each in program.of(ROLE)]
    found = [trust["Condition"]["ArnLike"]["aws:SourceArn"] for trust in trusts if "Condition" in trust]
    return [sorted(each) if isinstance(each, list) else each for each in found]


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("group", GROUPS)
def test_each_rule_and_no_other_may_call_the_function(
    declare: Declare, pki: Path, stack: str, group: str
) -> None:
    program = _program(declare, pki, stack, group)
    rules = sorted(f"{ARN}rule/{each.inputs['name']}" for each in program.of(RULE))
    called_by = program.of(PERMISSION)
    assert sorted(each.inputs["sourceArn"] for each in called_by) == rules
    assert len({each.inputs["statementId"] for each in called_by}) == len(rules) == 2
    assert _sources(program) == [rules]


@pytest.mark.parametrize("stack", STACKS)
def test_each_rule_of_the_telemetry_may_take_its_role(declare: Declare, pki: Path, stack: str) -> None:
    topics = ["telemetry", "engine/" * 3 + "temperature-" * 5]
    telemetry = {"topics": topics, "target": {"queue": {}}}
    program = _program(declare, pki, stack, "reefers", telemetry=telemetry)
    patterns = [each for each in _sources(program) if isinstance(each, str)]
    names = [each.inputs["name"] for each in program.of(RULE) if "registered" not in each.inputs["name"]]
    assert len(names) == len(topics)
    assert len(patterns) == 1
    assert all(fnmatchcase(f"{ARN}rule/{name}", patterns[0]) for name in names)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("group", GROUPS)
def test_who_provisions_may_change_what_was_made(declare: Declare, pki: Path, stack: str, group: str) -> None:
    program = _program(
        declare,
        pki,
        stack,
        group,
        provisioner={"sources": ["203.0.113.0/24"]},
        telemetry={"target": {"queue": {}}},
    )
    given = [each for each in program.of(ROLE_POLICY) if "provisioner" in each.name]
    statements = [one for each in given for one in json.loads(each.inputs["policy"])["Statement"]]
    patterns = [
        arn
        for one in statements
        if one["Effect"] == "Allow" and one["Resource"] != "*"
        for arn in ([one["Resource"]] if isinstance(one["Resource"], str) else one["Resource"])
    ]
    made = {
        "rule/": program.of(RULE),
        "function:": program.of("aws:lambda/function:Function"),
        "table/": program.of("aws:dynamodb/table:Table"),
        "log-group:": program.of("aws:cloudwatch/logGroup:LogGroup"),
        "role/": program.of(ROLE),
        "": program.of("aws:sqs/queue:Queue"),
    }
    for kind, resources in made.items():
        assert resources
        for each in resources:
            named = f"{kind}{each.inputs['name']}"
            assert any(fnmatchcase(named, arn.split(":", 5)[-1]) for arn in patterns), named
