"""Whatever a file or a value holds: a Fleet or a FleetError, and the schema agrees with the loader."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import fleet
from fleet import FleetError, schema
from fleet.errors import Finding
from fleet.filling import filled_in
from fleet.reading import read
from fleet.shapes import (
    ChoiceShape,
    FlagShape,
    ListShape,
    MapShape,
    ObjectShape,
    OneOfShape,
    Shape,
    TextShape,
    WholeShape,
    shape_of,
)
from fleet.stackfile import StackFile, read_stack

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCHEMA_FILE = Path(__file__).parents[2] / "stacks" / "fleet.schema.json"

letters = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | letters
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(letters, inner, max_size=3),
    max_leaves=6,
)
known_keys = [
    "name",
    "hubs",
    "x509",
    "issuer",
    "twin",
    "tags",
    "units",
    "days",
    "secure",
    "tpm",
    "<<",
    "protect",
    "existing",
    "partitions",
    "symmetricKey",
    "attestation",
    "webhook",
]
twin_keys = st.text("abcXYZ019_-", min_size=1, max_size=6)
twin_values = st.recursive(
    st.booleans() | st.integers(-(2**52), 2**52 - 1) | st.floats(-1e9, 1e9) | letters,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(twin_keys, inner, max_size=3),
    max_leaves=5,
)


def without_idle(shape: ObjectShape) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Leaves out what may not stand beside what else is there."""
    not_with = {field.key: field.not_with for field in shape.fields}
    return lambda value: {key: entry for key, entry in value.items() if not_with[key] not in value}


def written_by(shape: Shape) -> st.SearchStrategy[Any]:
    """Values that are sound for a shape, by the shape's own words."""
    match shape:
        case TextShape():
            return st.from_regex(shape.text.pattern, fullmatch=True)
        case WholeShape():
            bounds = shape.bounds
            return st.sampled_from(bounds.among) if bounds.among else st.integers(bounds.least, bounds.most)
        case FlagShape():
            return st.booleans()
        case ChoiceShape():
            return st.sampled_from(shape.options)
        case ListShape():
            return st.lists(written_by(shape.item), min_size=1, max_size=1)
        case MapShape():
            key = st.from_regex(shape.key.pattern, fullmatch=True)
            return st.dictionaries(
                key, written_by(shape.value), min_size=1, max_size=min(2, shape.count.most or 2)
            )
        case ObjectShape():
            needed = {field.key: written_by(field.shape) for field in shape.fields if field.required}
            rest = {field.key: written_by(field.shape) for field in shape.fields if not field.required}
            return st.fixed_dictionaries(needed, optional=rest).map(without_idle(shape))
        case OneOfShape():
            return st.one_of(
                [st.fixed_dictionaries({kind.key: written_by(kind.shape)}) for kind in shape.kinds]
            )
        case _:
            return st.dictionaries(twin_keys, twin_values, max_size=3)


WRITTEN = written_by(shape_of(fleet.Fleet))


@st.composite
def any_written(draw: st.DrawFn) -> Any:
    """A description of sound form. A function of its own, for hypothesis prints a strategy as it stands."""
    return draw(WRITTEN)


written = any_written()


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path] + [place for key, entry in entries for place in places(entry, (*path, key))]


PAGE = (SCHEMA_FILE.parents[1] / "docs" / "fleet.md").read_text()
PAGE_EXAMPLES = [
    yaml.safe_load(text)["config"]["muster:fleet"]
    for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
]
full = st.sampled_from(range(len(PAGE_EXAMPLES))).map(lambda index: copy.deepcopy(PAGE_EXAMPLES[index]))


@st.composite
def spoilt(draw: st.DrawFn, sound: st.SearchStrategy[Any] = written) -> Any:
    """A description of sound form in which one thing was changed for anything at all."""
    value = draw(sound)
    *parents, last = draw(st.sampled_from(places(value)[1:]))
    holder = value
    for step in parents:
        holder = holder[step]
    deed = draw(st.sampled_from(["replace", "remove", "add"]))
    if deed == "replace":
        holder[last] = draw(json_values)
    elif deed == "remove":
        del holder[last]
    elif isinstance(holder, dict):
        holder[draw(letters | st.sampled_from(known_keys))] = draw(json_values)
    return value


def stack(value: object) -> dict[str, Any]:
    return {
        "config": {"azure-native:location": "westeurope", "aws:region": "eu-west-1", "muster:fleet": value}
    }


def form_is_sound(value: object) -> bool:
    """Whether reading has nothing to say; names made from other names are not the schema's business."""
    findings: list[Finding] = []
    full, added = filled_in(value, "local", "westeurope", "eu-west-1")
    read(shape_of(fleet.Fleet), full, (), findings)
    return all(finding.path in added for finding in findings)


def test_the_committed_schema_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_text() == schema.text(), "muster fleet schema > stacks/fleet.schema.json"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema.json_schema())


def test_the_schema_describes_every_field() -> None:
    for name, definition in schema.json_schema()["$defs"].items():
        assert definition["description"], name
        for key, field in definition.get("properties", {}).items():
            assert field["description"], (name, key)


@QUICK
@given(value=written)
def test_schema_accepts_what_the_loader_accepts(value: dict[str, Any]) -> None:
    assert form_is_sound(value)
    Draft202012Validator(schema.json_schema()).validate(stack(value))


@QUICK
@given(value=spoilt() | spoilt(full))
def test_schema_and_loader_refuse_alike(value: object) -> None:
    assert Draft202012Validator(schema.json_schema()).is_valid(stack(value)) == form_is_sound(value)


@QUICK
@given(value=json_values | spoilt())
def test_any_value_is_a_fleet_or_a_fleet_error(value: object) -> None:
    before = copy.deepcopy(value)
    told = outcome(value, None)
    assert value == before
    if isinstance(told, list):
        assert told
        assert all(words.isprintable() for fault in told for words in fault)


@settings(QUICK, max_examples=200)
@given(value=spoilt(spoilt(full)))
def test_a_full_description_with_two_things_changed_is_a_fleet_or_a_fleet_error(value: object) -> None:
    assert outcome(value, None)


@QUICK
@given(
    data=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass"))
)
def test_any_bytes_are_a_fleet_or_a_fleet_error(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(FleetError):
        load_bytes(data, tmp_path)


structure = [
    ":",
    ": ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "? ",
    "---",
    "...",
    "%YAML 1.1",
]
sigils = ["&a ", "*a", "<<", "!!int ", "!", "|", ">", "'", '"', "#", "@", "`", "\t", "\u2028", "\x85"]
words = ["config", "muster:fleet", "name", "hubs", "secure", "~", "0x", "1e5", ".nan", "9" * 5000]
escapes = ['"\\ud800"', '"\\UFFFFFFFF"']
yaml_scraps = st.lists(st.sampled_from(structure + sigils + words + escapes), max_size=25).map("".join)


@QUICK
@given(text=yaml_scraps, inside=st.booleans())
def test_any_scraps_of_yaml_are_a_fleet_error(text: str, inside: bool, tmp_path: Path) -> None:
    head = "config:\n  muster:fleet:\n    " if inside else ""
    with pytest.raises(FleetError):
        load_bytes((head + text).encode(), tmp_path)


def load_bytes(data: bytes, folder: Path) -> fleet.Fleet:
    file = folder / "Pulumi.local.yaml"
    file.write_bytes(data)
    return fleet.load_stack(file)


@QUICK
@given(value=written)
def test_a_description_reads_back_from_its_file(value: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(json.dumps(stack(value), ensure_ascii=False))
    source: StackFile = read_stack(file)
    assert source.fleet() == value
    assert source.holds(value)
    assert outcome(value, None) == outcome(source.fleet(), source)


def outcome(value: object, source: StackFile | None) -> object:
    """The fleet, or the faults without their places."""
    try:
        return fleet.load(value, source, stack="local", location="westeurope", region="eu-west-1")
    except FleetError as error:
        return sorted((fault.path, fault.wrong, fault.right) for fault in error.faults)


def test_block_style_reads_back_too(sound: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text(yaml.safe_dump(stack(sound)))
    assert fleet.load_stack(file) == fleet.load(
        sound, stack="local", location="westeurope", region="eu-west-1"
    )
