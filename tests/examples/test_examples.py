"""Each example comes up by the real engine on the local cloud, then wants no change, and goes again."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any

import pytest
import yaml

from fleet import Fleet, load_stack
from fleet.description import BUILT_IN_ENDPOINT
from fleet.description import Fleet as Described
from tests.examples.conftest import EXAMPLES, Example, example

NAMES = ("defaults", "aws-only", "hardened", "everything")
ELSEWHERE = {"azure.diagnostics.existing": "hardened", "aws.telemetry.target.queue": "aws-only"}
"""Keys that cannot stand in `everything`, since another excludes them, and the example that has them."""


def _file(name: str) -> Path:
    return EXAMPLES / name / f"Pulumi.{name}.yaml"


def test_these_are_the_examples_and_the_page_names_them() -> None:
    assert {path.parent.name for path in EXAMPLES.glob("*/Pulumi.*.yaml")} == set(NAMES)
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"({name}/Pulumi.{name}.yaml)" in readme for name in NAMES)


def _keys(kind: Any, path: str) -> Iterator[str]:
    """Every key that a description may have below `path`, with * for names that users choose."""
    kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind, include_extras=True)
        for field in dataclasses.fields(kind):
            here = f"{path}.{_camel(field.name)}" if path else _camel(field.name)
            yield here
            yield from _keys(hints[field.name], here)
    elif isinstance(kind, UnionType) or typing.get_origin(kind) is typing.Union:
        yield from _alternatives(typing.get_args(kind), path)
    elif getattr(typing.get_origin(kind), "__name__", "") == "Mapping":
        yield from _keys(typing.get_args(kind)[1], f"{path}.*")


def _alternatives(kinds: tuple[Any, ...], path: str) -> Iterator[str]:
    described = [kind for kind in kinds if isinstance(kind, type) and dataclasses.is_dataclass(kind)]
    for kind in described:
        if len(described) == 1:
            yield from _keys(kind, path)
        else:
            name = getattr(kind, "KIND", kind.__name__[0].lower() + kind.__name__[1:])
            yield f"{path}.{name}"
            yield from _keys(kind, f"{path}.{name}")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _said(name: str) -> Any:
    return yaml.safe_load(_file(name).read_text())["config"]["muster:fleet"]


def _stands(value: Any, path: list[str]) -> bool:
    if not path:
        return True
    if not isinstance(value, dict):
        return False
    if path[0] == "*":
        return any(_stands(each, path[1:]) for each in value.values())
    return path[0] in value and _stands(value[path[0]], path[1:])


KEYS = sorted(set(_keys(Described, "")))


def test_the_keys_of_a_description_are_found() -> None:
    assert len(KEYS) > 160
    assert {"groups.*.attestation.x509.issuer", "azure.hubs.*.fileUpload.ttlMinutes"} <= set(KEYS)
    assert not _stands(_said("everything"), ["azure", "nonsense"])


@pytest.mark.parametrize("key", KEYS)
def test_everything_has_every_key(key: str) -> None:
    assert _stands(_said(ELSEWHERE.get(key, "everything")), key.split("."))


def test_everything_sends_messages_of_each_kind_of_endpoint() -> None:
    fleet: Fleet = load_stack(_file("everything"))
    hub = fleet.on_azure.hubs["eu-1"]
    assert {route.endpoint for route in hub.routes.values()} == {*hub.endpoints, BUILT_IN_ENDPOINT}


@pytest.mark.e2e
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("examples")
@pytest.mark.parametrize("name", NAMES)
def test_an_example_comes_up_wants_no_change_and_goes(name: str, tmp_path: Path) -> None:
    with example(name, tmp_path) as made:
        if name == "everything":
            made.set_secret("allocationKey", "no key of anybody")
        outcome = made.up()
        assert set(outcome.changes) == {"create"}
        _check(name, made, outcome.outputs)
        assert not made.preview().changed
        made.destroy()
        assert made.state() == []


def _check(name: str, made: Example, outputs: dict[str, Any]) -> None:
    state = made.state()
    protected = {each["type"] for each in state if each.get("protect")}
    assert bool(protected) == load_stack(_file(name)).protect
    assert "no key of anybody" not in str(state)
    if name == "everything":
        assert outputs["manifests"]["meters"] == {"rows": 3, "accepted": 3, "refused": 0}
        assert outputs["manifests"]["trackers"] == {"rows": 1, "accepted": 1, "refused": 0}
        assert outputs["aws"]["manifests"] == {"sensors": {"rows": 2, "accepted": 2, "refused": 0}}
        assert {each["type"] for each in state} >= {"muster:hub:RegistryLink", "muster:hub:Configuration"}
        assert {each["enrolment"] for each in outputs["aws"]["groups"].values()} == {"jitr", "jitp", "claim"}
