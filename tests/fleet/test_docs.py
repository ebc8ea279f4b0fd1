"""docs/fleet.md tells what the code does: its examples run, its table has every field and default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fleet
from fleet.shapes import Field, MapShape, ObjectShape, shape_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "fleet.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \| .+ \| (.+) \|$", TEXT, flags=re.MULTILINE)
CAPITALS = {"hubs": "HUB", "groups": "GROUP"}


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", examples("yaml"))
def test_yaml_examples_are_sound(text: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(text)
    assert fleet.load_stack(file).name == "coldchain"


@pytest.mark.parametrize("text", examples("python"))
def test_python_examples_run(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(text, "docs/fleet.md", "exec"), {})  # noqa: S102  the page's own example


def fields(shape: ObjectShape, path: str = "") -> list[tuple[str, Field]]:
    found = []
    for field in shape.fields:
        place = f"{path}{field.key}"
        found.append((place, field))
        inner = field.shape
        if isinstance(inner, MapShape):
            place, inner = f"{place}.{CAPITALS.get(field.key, '')}", inner.value
        if isinstance(inner, ObjectShape):
            found += fields(inner, f"{place}.")
    return found


def default_in_words(field: Field) -> str:
    if field.required:
        return "required"
    if field.derived is not None:
        return field.derived.rule
    match field.default:
        case bool():
            return str(field.default).lower()
        case tuple():
            return ", ".join(field.default)
        case dict():
            return "empty"
        case str() | int():
            return str(field.default)
        case _:
            return "see below"


def test_the_table_has_every_field_and_its_default() -> None:
    shape = shape_of(fleet.Fleet)
    assert isinstance(shape, ObjectShape)
    assert [(path, default_in_words(field)) for path, field in fields(shape)] == ROWS


def test_there_are_examples() -> None:
    assert len(examples("yaml")) == 2
    assert len(examples("python")) == 1
