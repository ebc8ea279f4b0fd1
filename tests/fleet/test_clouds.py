"""docs/clouds.md has every field and what it becomes on each cloud, from fleet.becoming and the description.

After a change of fields: MUSTER_REWRITE=1 pytest tests/fleet/test_clouds.py, then read the diff.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import fleet
from fleet.becoming import ON_AWS, ON_AZURE
from fleet.constraints import NotOn
from fleet.placing import CLOUD_NAMES
from fleet.shapes import Field, MapShape, ObjectShape, OneOfShape, Shape, shape_of
from tests.fleet.test_docs import SECTIONS, SHARED

PAGE = Path(__file__).parents[2] / "docs" / "clouds.md"
TABLE = re.compile(r"^<!-- clouds: (\S+) -->\n(.*?)^<!-- end -->$", flags=re.MULTILINE | re.DOTALL)
BECOMES = {"azure": ON_AZURE, "aws": ON_AWS}


@dataclass(frozen=True)
class Row:
    """A field: the clouds that know it, and those that are asked for it in vain."""

    path: str
    clouds: frozenset[str]
    refused: Mapping[str, str]
    """In the words of the page."""

    @property
    def below(self) -> Mapping[str, str]:
        """What is told of the fields below a refused one."""
        return dict.fromkeys(self.refused, "refused")


def rows(shape: Shape, path: str, clouds: frozenset[str], refused: Mapping[str, str]) -> Iterator[Row]:
    """The fields below a shape, depth first."""
    match shape:
        case MapShape():
            yield from rows(shape.value, f"{path}.{shape.count.noun.split()[-1].upper()}", clouds, refused)
        case OneOfShape():
            for kind in shape.kinds:
                row = row_of(f"{path}.{kind.key}", clouds, refused, kind.not_on)
                yield row
                yield from rows(kind.shape, row.path, row.clouds, row.below)
        case ObjectShape():
            for field in shape.fields:
                yield from field_rows(field, path, clouds, refused)


def field_rows(field: Field, path: str, clouds: frozenset[str], refused: Mapping[str, str]) -> Iterator[Row]:
    if field.name in SHARED and path.split(".")[0] in ("enrollments", "manifests"):
        return
    known = clouds & {field.only_on.cloud} if field.only_on is not None else clouds
    row = row_of(f"{path}.{field.key}".lstrip("."), known, refused, field.not_on)
    yield row
    yield from rows(field.shape, row.path, row.clouds, row.below)


def row_of(path: str, clouds: frozenset[str], refused: Mapping[str, str], not_on: NotOn | None) -> Row:
    # What a whole part of one cloud has, nobody asks the other one for.
    if not_on is None or path.startswith("devices."):
        return Row(path, clouds, refused)
    return Row(path, clouds - {not_on.cloud}, {**refused, not_on.cloud: f"refused: {not_on.why}"})


ROWS = list(rows(shape_of(fleet.Fleet), "", frozenset(CLOUD_NAMES), {}))


def section_of(path: str) -> str:
    fitting = [name for name in SECTIONS if path.startswith(f"{name}.")]
    return max(fitting, key=len, default="fleet")


def in_words(row: Row, cloud: str) -> str:
    if cloud in row.clouds:
        return BECOMES[cloud].get(row.path, "MISSING")
    return row.refused.get(cloud, "—")


def table(section: str) -> str:
    lines = ["", "| field | on Azure | on AWS |", "| --- | --- | --- |"]
    for row in ROWS:
        if section_of(row.path) == section:
            name = row.path.removeprefix(f"{section}.")
            lines.append(f"| `{name}` | {in_words(row, 'azure')} | {in_words(row, 'aws')} |")
    return "\n".join([*lines, "", ""])


def test_the_page_has_every_field_and_what_it_becomes() -> None:
    text = PAGE.read_text()
    if os.environ.get("MUSTER_REWRITE"):
        text = TABLE.sub(lambda match: f"<!-- clouds: {match[1]} -->\n{table(match[1])}<!-- end -->", text)
        PAGE.write_text(text)
    assert dict(TABLE.findall(text)) == {name: table(name) for name in SECTIONS}


@pytest.mark.parametrize("cloud", CLOUD_NAMES)
def test_each_cloud_tells_of_the_fields_that_it_knows(cloud: str) -> None:
    known = {row.path for row in ROWS if cloud in row.clouds}
    assert known - set(BECOMES[cloud]) == set(), "say what it becomes in fleet/becoming"
    assert set(BECOMES[cloud]) - known == set(), "there is no such field on this cloud"
    assert all(words and "|" not in words for words in BECOMES[cloud].values())


def test_the_example_is_sound(tmp_path: Path) -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    file = tmp_path / "Pulumi.prod.yaml"
    file.write_text(text)
    described = fleet.load_stack(file)
    assert described.clouds == ("azure", "aws")
    assert described.groups["scanners"].clouds == ("aws",)


def test_what_a_cloud_cannot_do_is_told() -> None:
    refused = {row.path for row in ROWS if "aws" in row.refused}
    assert {
        "groups.GROUP.attestation.symmetricKey",
        "groups.GROUP.attestation.caReference",
        "groups.GROUP.allocation.webhook",
        "enrollments.ENROLLMENT.attestation.tpm",
    } <= refused
