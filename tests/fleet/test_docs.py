"""docs/fleet.md tells what the code does: its examples run, its tables have every field and default.

After a change of fields: MUSTER_REWRITE=1 pytest tests/fleet/test_docs.py, then read the diff.
"""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import pytest

import fleet
from fleet.description import Provisioning
from fleet.shapes import Field, MapShape, ObjectShape, OneOfShape, Shape, shape_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fleet.md"
TEXT = PAGE.read_text()
TABLE = re.compile(r"^<!-- fields: (\S+) -->\n(.*?)^<!-- end -->$", flags=re.MULTILINE | re.DOTALL)
SHARED = {field.name for field in dataclasses.fields(Provisioning)} - {"attestation"}
"""Told once, with groups."""

Row = tuple[str, str, str]


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


def rows(shape: Shape, path: str) -> list[Row]:
    """The fields below a shape, depth first."""
    match shape:
        case MapShape():
            return rows(shape.value, f"{path}.{shape.count.noun.split()[-1].upper()}")
        case OneOfShape():
            return [
                row
                for kind in shape.kinds
                for place in [f"{path}.{kind.key}"]
                for row in [(place, in_words(kind.shape.doc), "a choice"), *rows(kind.shape, place)]
            ]
        case ObjectShape():
            return [row for field in shape.fields for row in field_rows(field, path)]
        case _:
            return []


def field_rows(field: Field, path: str) -> list[Row]:
    if field.name in SHARED and path.split(".")[0] in ("enrollments", "manifests"):
        return []
    place = f"{path}.{field.key}".lstrip(".")
    return [(place, in_words(field.doc), default_in_words(field)), *rows(field.shape, place)]


def in_words(doc: str) -> str:
    return " ".join(doc.split("\n\n")[0].split()).replace("|", "\\|")


def default_in_words(field: Field) -> str:
    if field.required:
        return "required"
    if field.derived is not None:
        return field.derived.rule
    match field.default:
        case None:
            return "none"
        case bool():
            return str(field.default).lower()
        case tuple() | dict() if not field.default:
            return "empty"
        case tuple():
            return ", ".join(field.default)
        case str() | int():
            return str(field.default)
        case _:
            return "see below"


ROWS = rows(shape_of(fleet.Fleet), "")
SECTIONS = [name for name, _ in TABLE.findall(TEXT)]


def section_of(path: str) -> str:
    """The section with the longest name that the path begins with; `fleet` has the rest."""
    fitting = [name for name in SECTIONS if path.startswith(f"{name}.")]
    return max(fitting, key=len, default="fleet")


def table(section: str) -> str:
    lines = ["", "| field | what it is | default |", "| --- | --- | --- |"]
    for path, words, default in ROWS:
        if section_of(path) == section:
            lines.append(f"| `{path.removeprefix(section + '.')}` | {words} | {default} |")
    return "\n".join([*lines, "", ""])


def test_the_tables_have_every_field_and_its_default() -> None:
    if os.environ.get("MUSTER_REWRITE"):
        PAGE.write_text(
            TABLE.sub(lambda match: f"<!-- fields: {match[1]} -->\n{table(match[1])}<!-- end -->", TEXT)
        )
    assert dict(TABLE.findall(PAGE.read_text())) == {name: table(name) for name in SECTIONS}
    assert "fleet" in SECTIONS


def test_there_are_examples() -> None:
    assert len(examples("yaml")) == 4
    assert len(examples("python")) == 1
