"""Every policy that any stack or example declares for devices and claims, against a table of what they may.

The evaluator is the local cloud's, which shares no code with the compiler. In the live broker:
tests/localcloud/aws/live/test_compiled_policies.py.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.one_cloud import alone
from bench.workspace import PROJECT
from cli.local import scratch
from components import permissions
from components.aws.device_policy import policy_names
from components.sources import load_sources
from fleet import Fleet, load_stack
from fleet.description import Claim
from localcloud.aws.policy import Request, allows, check
from tests.components import aws_answers
from tests.components.aws import policy_table
from tests.components.aws.policy_table import MINE, Row

FILES = {
    path.stem.removeprefix("Pulumi."): path
    for path in (*(PROJECT / "stacks").glob("Pulumi.*.yaml"), *(PROJECT / "examples").glob("*/Pulumi.*.yaml"))
    if "aws" in load_stack(path).clouds
}
ARN = "arn:aws:iot:eu-west-1:111122223333:"
_BY_ALIAS = "AssumeRoleWithCertificate"
"""Not about a connection: whether the thing is attached, the endpoint itself asks."""
_QUARANTINE = "-quarantine"
Documents = Mapping[str, Mapping[str, Any]]


class Compiled:
    """A stack's half on AWS: its description, and the policies for AWS IoT that it declares, by name."""

    def __init__(self, name: str, folder: Path, declare: Callable[..., Any]) -> None:
        project, root = folder / "project", folder / "scratch"
        (project / "stacks").mkdir(parents=True)
        root.mkdir()
        (project / "examples").symlink_to(PROJECT / "examples")
        for each in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROJECT / each, project / each)
        file = project / "stacks" / FILES[name].name
        document = alone(yaml.safe_load(FILES[name].read_text()), "aws")
        document["config"]["muster:fleet"]["aws"]["account"] = aws_answers.ACCOUNT
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        self.fleet: Fleet = load_stack(file)
        scratch.lay_out(project, root, {name: self.fleet})
        sources = load_sources(self.fleet, root, root / "stacks" / file.name)
        with contextlib.chdir(root):
            program = declare(self.fleet, chain=sources.chain, certificates=sources.certificates)
        made = [each.inputs for each in program.of("aws:iot/policy:Policy")]
        self.policies = {each["name"]: check(json.loads(each["policy"])) for each in made}

    def of_device(self, kind: str, key: str) -> dict[str, dict[str, Any]]:
        """What a device of a part of the description gets: the part's policy and those beside it."""
        first = f"{self.fleet.name}{'.' if kind == 'enrollments' else '-'}{key}"
        return {name: self.policies[name] for name in policy_names(first).values() if name in self.policies}

    def ending(self, end: str) -> dict[str, dict[str, Any]]:
        """The policies whose names end so."""
        return {name: each for name, each in self.policies.items() if name.endswith(end)}


@pytest.fixture(scope="module")
def known() -> dict[str, Compiled]:
    """Stacks that were compiled already: it takes its time."""
    return {}


@pytest.fixture(params=sorted(FILES))
def stack(
    request: pytest.FixtureRequest, tmp_path: Path, declare: Callable[..., Any], known: dict[str, Compiled]
) -> Compiled:
    if request.param not in known:
        known[request.param] = Compiled(request.param, tmp_path, declare)
    return known[request.param]


def _wrong(documents: Documents, rows: Iterable[Row], *, attached: bool = True) -> list[str]:
    """The rows that the evaluator answers otherwise."""
    known = {"iot:Connection.Thing.IsAttached": str(attached).lower()}
    if attached:
        known["iot:Connection.Thing.ThingName"] = MINE
    asked = [(row, Request(f"iot:{row.action}", f"{ARN}{row.resource}", known)) for row in rows]
    return [str(row) for row, request in asked if allows(documents.values(), request) != row.is_allowed]


def test_there_are_stacks_with_every_way_of_enrolment() -> None:
    assert set(FILES) >= {"local", "dev", "staging", "prod", "everything", "aws-only"}


def test_devices_may_do_what_the_description_says_and_nothing_else(stack: Compiled) -> None:
    fleet = stack.fleet
    checked = {*stack.ending(".claim"), *stack.ending(_QUARANTINE)}
    for (kind, _), key, part in permissions.parts(fleet):
        documents = stack.of_device(str(kind), key)
        rows = list(policy_table.of_device(fleet, key, part.on_aws.permissions))
        assert _wrong(documents, rows) == []
        of_nobody = [replace(row, is_allowed=row.is_allowed and row.action == _BY_ALIAS) for row in rows]
        assert _wrong(documents, of_nobody, attached=False) == []
        checked |= set(documents)
    assert checked == set(stack.policies), "policies that no row was asked of"


def test_a_device_in_quarantine_may_be_connected_and_nothing_else(stack: Compiled) -> None:
    denied = stack.ending(_QUARANTINE)
    assert bool(denied) == (stack.fleet.name == "everything")
    for (kind, _), key, part in permissions.parts(stack.fleet) if denied else ():
        rows = policy_table.of_device(stack.fleet, key, part.on_aws.permissions)
        kept = [replace(row, is_allowed=row.is_allowed and row.action == "Connect") for row in rows]
        assert _wrong({**stack.of_device(str(kind), key), **denied}, kept) == []


def test_claims_may_ask_for_a_certificate_and_a_thing_and_nothing_else(stack: Compiled) -> None:
    fleet = stack.fleet
    for key, group in fleet.groups.items():
        document = stack.ending(f"{fleet.name}-{key}.claim")
        assert bool(document) == isinstance(group.on_aws.enrolment, Claim)
        if document:
            rows = list(policy_table.of_claim(fleet, key))
            assert _wrong(document, rows, attached=False) == []
            assert _wrong(document, rows) == []
