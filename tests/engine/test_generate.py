"""Code for `pulumi import`: what it says, and what it leaves to the person."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from components import muster
from engine.generate import CLASSES, FIXED, Class, code, python
from engine.pcl import read

PROJECT = Path(__file__).parents[2]

#: As the engine (v3.259.0) writes it, line breaks and all.
GROUP = r"""package muster {
    baseProviderName = "muster"

}

resource by-hand "muster:dps:EnrollmentGroup" {
    allocationPolicy = "hashed"
    enabled = true
    enrollmentGroupId = "by-hand"
    initialTwin ={

        desired ={

            "big" = 123456789012,

            "small" = 1e-07
        },

        tags ={

            "line" = "reefer $${x} \"q\" \U0001f600",

            "n-1" ={
"a-b" =[
                    -1,
                    2.5,
                    null]}
        }
    }
    iotHubs =[
        "eu-1.azure-devices.net",
        "eu-2.azure-devices.net"]
    reprovision = "migrate"
    serviceHost = "d.azure-devices-provisioning.net"
    signingCertificate = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
options {
protect =true

}

}
"""

PASTED = r"""import pulumi

from components.muster import EnrollmentGroup

EnrollmentGroup(
    "by-hand",
    {
        "service_host": "d.azure-devices-provisioning.net",
        "enrollment_group_id": "by-hand",
        "allocation_policy": "hashed",
        "iot_hubs": [
            "eu-1.azure-devices.net",
            "eu-2.azure-devices.net",
        ],
        "initial_twin": {
            "desired": {
                "big": 123456789012,
                "small": 1e-07,
            },
            "tags": {
                "line": "reefer ${x} \"q\" 😀",
                "n-1": {
                    "a-b": [
                        -1,
                        2.5,
                        None,
                    ],
                },
            },
        },
        "reprovision": "migrate",
        "enabled": True,
        "signing_certificate": (
            "-----BEGIN CERTIFICATE-----\n"
            "AA==\n"
            "-----END CERTIFICATE-----\n"
        ),
    },
    opts=pulumi.ResourceOptions(protect=True),
)
"""


def resource(token: str, body: str) -> str:
    return f'resource it "{token}" {{\n{body}\n}}\n'


def test_a_group_becomes_a_declaration() -> None:
    assert python(GROUP) == (PASTED, "")


def test_the_declaration_passes_the_projects_own_checks(tmp_path: Path) -> None:
    file = tmp_path / "pasted.py"
    file.write_text(PASTED.replace("reefer ${x}", "reefer"))
    for tool in (["ruff", "check", "--isolated"], ["mypy", "--strict"]):
        command = [str(PROJECT / ".venv/bin" / tool[0]), *tool[1:], str(file)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("made", CLASSES.values(), ids=lambda made: made.name)
def test_arguments_are_those_of_the_classes(made: Class) -> None:
    arguments = getattr(muster, f"{made.name}Args")
    assert {*made.always, *made.perhaps} == {_camel(each) for each in arguments.__annotations__}
    assert set(made.always) == {_camel(each) for each in arguments.__required_keys__}


def test_tokens_are_those_that_the_classes_declare() -> None:
    sources = [
        (PROJECT / "components" / "muster" / f"{each}.py").read_text() for each in ("aws", "dps", "hub")
    ]
    declared = set(re.findall(r'"(muster:(?:aws|dps|hub):[A-Za-z]+)"', "".join(sources)))
    manifests = {"muster:aws:DeviceManifest", "muster:dps:DeviceManifest"}  # not told by their inputs alone
    assert set(CLASSES) == declared - manifests
    assert set(FIXED) <= {made.name for made in CLASSES.values()}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.title() for each in others)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", '"certificate": None'),
        ('__logicalName = "a.b"', '"a.b",'),
        ('certificate = ""', '"certificate": ""'),
        ("options {\nprotect = false\n}", "ResourceOptions(protect=False)"),
    ],
)
def test_small_forms(body: str, said: str) -> None:
    made, unclear = python(resource("muster:dps:VerifiedCertificate", body))
    assert said in made
    assert unclear == ""


def test_inputs_that_the_class_sets_itself_are_left_out() -> None:
    given = 'authentication = "SystemAssigned"\nhubHost = "h"'
    made, unclear = python(resource("muster:dps:HubLink", given))
    assert unclear == ""
    assert '"hub_host": "h"' in made
    assert "authentication" not in made


TOKEN = "muster:dps:HubLink"


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        (
            resource("azure-native:devices:IotHubResource", ""),
            "azure-native:devices:IotHubResource has no class",
        ),
        (resource("muster:dps:Other", ""), "muster:dps:Other has no class"),
        ('component it "./there" {\n}', "component has no class"),
        (resource(TOKEN, 'authentication = "KeyBased"'), "takes authentication = 'SystemAssigned' only"),
        (resource(TOKEN, "more = 1"), "does not take more"),
        (resource(TOKEN, "hubHost = other.id"), "'other' is no plain value"),
        (resource(TOKEN, "hubHost = other"), "'other' is no plain value"),
        (resource(TOKEN, 'hubHost = "${other.id}"'), "'${' in a string"),
        (resource(TOKEN, 'hubHost = "%{if x}"'), "'%{' in a string"),
        (resource(TOKEN, r'hubHost = "\ud800"'), r"'\\ud800' in a string"),
        (resource(TOKEN, r'hubHost = "\q"'), r"'\\q' in a string"),
        (resource(TOKEN, 'hubHost = secret("x")'), "'secret' is no plain value"),
        (resource(TOKEN, "allocationWeight = 1 + 2"), "'+'"),
        (resource(TOKEN, "allocationWeight = 1e999"), "1e999 is too large"),
        (resource(TOKEN, f"allocationWeight = {'9' * 5000}"), "is too large"),
        (resource(TOKEN, "hubHost = [1 2]"), "'2' where , was expected"),
        (resource(TOKEN, "options {\nprovider = other\n}"), "'other' is no plain value"),
        (resource(TOKEN, "options {\nretainOnDelete = true\n}"), "the options retainOnDelete"),
        (resource(TOKEN, "else {\n}"), "a block else"),
        (resource(TOKEN, "hubHost = " + "[" * 5000), "nested too deep"),
        ("resource", "its end"),
        (resource(TOKEN, 'hubHost = "no end'), "no plain value"),
    ],
)
def test_what_is_not_understood_comes_back_as_a_comment(description: str, reason: str) -> None:
    made, unclear = python(description)
    assert reason in unclear
    assert unclear in made
    assert all(line.startswith("#") for line in made.splitlines())
    assert [line.removeprefix("# ") for line in made.splitlines()][-len(description.splitlines()) :] == [
        line.rstrip() or "#" for line in description.splitlines()
    ]


def pcl(value: Any) -> str:
    """A value as the engine writes it (pkg/codegen/hcl2/model, EscapeString)."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{pcl(key)} = {pcl(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(pcl(each) for each in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    return json.dumps(value)


TEXT = some.text(some.characters(exclude_categories=["Cs", "Cc"], include_characters='\n\r\t"\\${}%\x85'))
PLAIN = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: some.lists(inner) | some.dictionaries(TEXT, inner),
    max_leaves=12,
)


@given(PLAIN)
def test_every_plain_value_arrives_as_it_was(value: object) -> None:
    [block] = read(f"package p {{\nvalue = {pcl(value)}\n}}")
    assert block.attributes == {"value": value}
    assert ast.literal_eval(code(value)) == value


@given(
    some.lists(
        some.sampled_from(['resource it "muster:dps:HubLink"', *'{}[]="\\$%,.\n -1', "true", "hubHost", "ü"])
        | some.text(some.characters(exclude_categories=["Cs", "Cc"])),
        max_size=30,
    )
)
def test_nothing_crashes_it_and_code_always_compiles(pieces: Sequence[str]) -> None:
    made, _ = python("".join(pieces))
    ast.parse(made)
