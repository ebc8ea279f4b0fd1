"""Drift on AWS, made by hand through boto3: `pulumi refresh` sees all of it, and `up` mends it.

All of it is made at once, on the local stack: changes of every kind that somebody could make in the console,
and things taken away. Then each is looked at by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from provider.clients.aws import Aws
from tests.e2e.conftest import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]

ROLE, FUNCTION, TEMPLATE = "coldchain-local-vans-hook", "coldchain-local-vans-hook", "coldchain-vans"
POLICY, CLAIM_POLICY, GROUP = "coldchain-reefers", "coldchain-vans.claim", "coldchain-reefers"
TABLE, QUEUE = "coldchain-local-reefers-revoked", "coldchain-local-reefers-jitr-dead"
LOG, RULE = "/aws/lambda/coldchain-local-reefers-jitr", "coldchain_local_reefers_registered_factory_local"
ANYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]}


class Hand:
    """A person with boto3."""

    def __init__(self, workspace: Workspace) -> None:
        trust = {"MUSTER_CA_FILE": str(workspace.state / "cloud" / "tls-ca.pem")}
        aws = Aws(workspace.settings() | trust)
        self.iot, self.iam, self.functions = (aws.client(name) for name in ("iot", "iam", "lambda"))
        self.logs, self.sqs, self.tables = (aws.client(name) for name in ("logs", "sqs", "dynamodb"))

    def claim(self) -> str:
        """The ARN of the claim's certificate."""
        (target,) = self.iot.call("list_targets_for_policy", policyName=CLAIM_POLICY)["targets"]
        return str(target)

    def authority(self) -> Any:
        """The registered CA."""
        (found,) = self.iot.call("list_ca_certificates")["certificates"]
        return found

    def queue(self) -> str:
        """Where the messages lie that a function could not take."""
        return str(self.sqs.call("get_queue_url", QueueName=QUEUE)["QueueUrl"])


@dataclass(frozen=True)
class Drift:
    """Something done by hand, the resource that shows it, and what is to be so again."""

    done: str
    resource: str
    by_hand: Callable[[Hand], object]
    state: Callable[[Hand], object]


def _document(hand: Hand) -> object:
    return json.loads(hand.iot.call("get_policy", policyName=POLICY)["policyDocument"])


def _rule(hand: Hand) -> object:
    return hand.iot.call("get_topic_rule", ruleName=RULE)["rule"]["ruleDisabled"]


def _rights(hand: Hand) -> object:
    return hand.iam.call("get_role_policy", RoleName=ROLE, PolicyName="rights")["PolicyDocument"]


def _timeout(hand: Hand) -> object:
    return hand.functions.call("get_function_configuration", FunctionName=FUNCTION)["Timeout"]


def _description(hand: Hand) -> object:
    found = hand.iot.call("describe_thing_group", thingGroupName=GROUP)["thingGroupProperties"]
    return found.get("thingGroupDescription")


def _retention(hand: Hand) -> object:
    (found,) = hand.logs.call("describe_log_groups", logGroupNamePrefix=LOG)["logGroups"]
    return found.get("retentionInDays")


def _encrypted(hand: Hand) -> object:
    name = "SqsManagedSseEnabled"
    told = hand.sqs.call("get_queue_attributes", QueueUrl=hand.queue(), AttributeNames=[name])
    return told["Attributes"][name]


def _template(hand: Hand) -> object:
    return hand.iot.call("describe_provisioning_template", templateName=TEMPLATE)["enabled"]


def _targets(hand: Hand) -> object:
    return hand.iot.call("list_targets_for_policy", policyName=CLAIM_POLICY)["targets"]


def _caller(hand: Hand) -> object:
    found = hand.functions.find("get_policy", FunctionName=FUNCTION)
    statements = json.loads(found["Policy"])["Statement"] if found else []
    return [statement["Principal"] for statement in statements]


def _widen(hand: Hand) -> None:
    text = json.dumps(ANYTHING)
    hand.iot.call("create_policy_version", policyName=POLICY, policyDocument=text, setAsDefault=True)


def _disable_rule(hand: Hand) -> None:
    hand.iot.call("disable_topic_rule", ruleName=RULE)


def _forget_caller(hand: Hand) -> None:
    told = json.loads(hand.functions.call("get_policy", FunctionName=FUNCTION)["Policy"])
    for statement in told["Statement"]:
        hand.functions.call("remove_permission", FunctionName=FUNCTION, StatementId=statement["Sid"])


DRIFTS = (
    Drift("a policy is widened", "coldchain-aws-reefers-policy", _widen, _document),
    Drift("a rule is disabled", "jitr-factory-local-rule", _disable_rule, _rule),
    Drift(
        "a role gets more rights",
        "coldchain-aws-vans-claim-rights",
        lambda hand: hand.iam.call(
            "put_role_policy", RoleName=ROLE, PolicyName="rights", PolicyDocument=json.dumps(ANYTHING)
        ),
        _rights,
    ),
    Drift(
        "a function gets another timeout",
        "coldchain-aws-vans-claim-function",
        lambda hand: hand.functions.call("update_function_configuration", FunctionName=FUNCTION, Timeout=60),
        _timeout,
    ),
    Drift("a function forgets who may call it", "coldchain-aws-vans-claim-caller", _forget_caller, _caller),
    Drift(
        "a CA is not active any more",
        "coldchain-aws-ca-factory-local-ca",
        lambda hand: hand.iot.call(
            "update_ca_certificate", certificateId=hand.authority()["certificateId"], newStatus="INACTIVE"
        ),
        lambda hand: hand.authority()["status"],
    ),
    Drift(
        "a group of things is described otherwise",
        "coldchain-reefers-group",
        lambda hand: hand.iot.call(
            "update_thing_group",
            thingGroupName=GROUP,
            thingGroupProperties={"thingGroupDescription": "by hand"},
        ),
        _description,
    ),
    Drift(
        "a log is kept for a day",
        "coldchain-aws-reefers-jitr-log",
        lambda hand: hand.logs.call("put_retention_policy", logGroupName=LOG, retentionInDays=1),
        _retention,
    ),
    Drift(
        "a queue is not encrypted any more",
        "coldchain-aws-reefers-jitr-dead",
        lambda hand: hand.sqs.call(
            "set_queue_attributes", QueueUrl=hand.queue(), Attributes={"SqsManagedSseEnabled": "false"}
        ),
        _encrypted,
    ),
    Drift(
        "a template is disabled",
        "coldchain-aws-vans-claim-template",
        lambda hand: hand.iot.call("update_provisioning_template", templateName=TEMPLATE, enabled=False),
        _template,
    ),
    Drift(
        "a claim loses its policy",
        "coldchain-aws-vans-claim-local-grant",
        lambda hand: hand.iot.call("detach_policy", policyName=CLAIM_POLICY, target=hand.claim()),
        _targets,
    ),
)


@dataclass(frozen=True)
class Mended:
    """What was so before, by hand, and after; what the refresh told, and what `up` changed."""

    before: dict[str, object]
    by_hand: dict[str, object]
    after: dict[str, object]
    seen: str
    resources: dict[str, int]


def _states(hand: Hand) -> dict[str, object]:
    return {drift.done: drift.state(hand) for drift in DRIFTS}


def _refresh(workspace: Workspace, *options: str) -> tuple[int, str]:
    done = workspace.pulumi("refresh", "-s", "local", "--non-interactive", *options)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def mended(stack: Workspace) -> Mended:
    """Everything at once."""
    hand = Hand(stack)
    before = _states(hand)
    for drift in DRIFTS:
        drift.by_hand(hand)
    by_hand = _states(hand)
    _, seen = _refresh(stack, "--preview-only", "--diff")
    code, told = _refresh(stack, "--yes")
    assert code == 0, told
    up = stack.muster("up", "--devices", "3")
    assert up.returncode == 0, up.stdout + up.stderr
    return Mended(before, by_hand, _states(hand), seen, stack.summary()["resources"])


@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: drift.done)
def test_drift_by_hand_is_seen_and_mended(mended: Mended, drift: Drift) -> None:
    assert mended.by_hand[drift.done] != mended.before[drift.done], "nothing was done"
    assert drift.resource in mended.seen
    assert mended.after[drift.done] == mended.before[drift.done]


def test_nothing_else_was_changed(mended: Mended) -> None:
    changed = {name: number for name, number in mended.resources.items() if name != "same" and number}
    assert changed == {"created": 2, "updated": len(DRIFTS) - 2}


def test_nothing_wants_a_change_any_more(stack: Workspace, mended: Mended) -> None:
    assert mended.after == mended.before
    code, told = _refresh(stack, "--preview-only", "--expect-no-changes")
    assert code == 0, told
