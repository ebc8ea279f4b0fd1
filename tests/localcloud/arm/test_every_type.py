"""What holds for each resource type of the table."""

import re
from typing import Any

import pytest

from localcloud.azure.arm.models import shape_of
from localcloud.azure.arm.resources import ResourceType
from localcloud.azure.arm.types import TYPES

from .conftest import GROUP, SUBSCRIPTION, Arm

_NAMES = {"Microsoft.Authorization/roleAssignments": "11111111-2222-3333-4444-555555555555"}


@pytest.fixture(params=TYPES, ids=lambda it: it.type)
def kind(request: pytest.FixtureRequest) -> ResourceType:
    found: ResourceType = request.param
    return found


def _id(kind: ResourceType, group: str = "rg") -> str:
    """An id of the type; what it is below is named "parent"."""
    known = {"subscription": SUBSCRIPTION, "group": group, "name": _NAMES.get(kind.type, "default")}
    path = kind.path.replace("{*scope}", GROUP)
    return re.sub(r"{(\w+)}", lambda it: known.get(it[1], "parent"), path)


def test_it_is_not_there(arm: Arm, kind: ResourceType) -> None:
    answer = arm.call("GET", _id(kind), version=kind.versions[0])
    assert answer.status == 404
    assert arm.call("DELETE", _id(kind), version=kind.versions[0]).status == 204


def test_unknown_properties_are_refused(arm: Arm, kind: ResourceType) -> None:
    body: dict[str, Any] = {"nope": 1}
    members = shape_of(kind.shape).members
    inner = "properties" in members and not members["properties"].read_only
    if inner:
        body["properties"] = {"nope": 1}
    answer = arm.call("PUT", _id(kind), body, kind.versions[0])
    error = answer.body["error"]
    if error["code"] == "ParentResourceNotFound":
        assert "/parent" in error["message"]
        return
    said = {it["target"] for it in error["details"]}
    assert {"nope"} | ({"properties.nope"} if inner else set()) <= said


def test_other_api_versions_are_refused(arm: Arm, kind: ResourceType) -> None:
    answer = arm.call("GET", _id(kind), version="1999-01-01")
    assert answer.body["error"]["code"] == "NoRegisteredProviderFound"
    assert kind.versions[0] in answer.body["error"]["message"]


def test_a_missing_group_is_said(arm: Arm, kind: ResourceType) -> None:
    if "{group}" in kind.path:
        answer = arm.call("PUT", _id(kind, "nowhere"), {}, kind.versions[0])
        assert answer.body["error"]["code"] == "ResourceGroupNotFound"
    else:
        assert kind.path.startswith(("{*scope}", "/subscriptions/{subscription}/resourceGroups/{name}"))


def test_names_are_checked(arm: Arm, kind: ResourceType) -> None:
    wrong = _id(kind).rpartition("/")[0] + "/%2A%2A"
    answer = arm.call("PUT", wrong, {}, kind.versions[0])
    error = answer.body["error"]
    assert error["code"] == "ParentResourceNotFound" or "name" in {it["target"] for it in error["details"]}
