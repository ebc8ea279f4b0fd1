"""YAML as it stands: types, places, and files that are meant to hurt."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from fleet import FleetError, load_stack
from fleet.document import MOST_BYTES, Mark, parse


def wrongs(data: bytes) -> list[str]:
    with pytest.raises(FleetError) as caught:
        parse(data, "file")
    return [fault.wrong for fault in caught.value.faults]


def test_scalars_follow_the_core_schema() -> None:
    text = b"[yes, no, true, 1:30, 0o17, 0x1F, 10, +5, 1e3, .5, -.inf, ~, '60', \"true\", '010', 1-2-3]"
    value = parse(text, "file").value
    numbers = [15, 31, 10, 5, 1000.0, 0.5, float("-inf")]
    assert value == ["yes", "no", True, "1:30", *numbers, None, "60", "true", "010", "1-2-3"]
    assert str(parse(b".NaN", "file").value) == "nan"


@pytest.mark.parametrize(
    "word", ["010", "-007", "12_000", "0b11", "0x_1F", "1_0.5", "2024-01-01", "2024-1-1 10:00:00"]
)
def test_words_that_readers_take_differently_are_refused(word: str) -> None:
    [(finding, _)] = parse(f"a: {word}".encode(), "file").faults
    assert finding.path == ("a",)
    assert finding.wrong == f"{word} is read in different ways by YAML readers"


def test_places_are_those_of_the_file() -> None:
    document = parse(b"\xef\xbb\xbfa:\n  - b: 1\n  - c:\n      d: 2\n", "file")
    assert document.place(("a", 0, "b")) == Mark(2, 8)
    assert document.place(("a", 0, "b"), at_key=True) == Mark(2, 5)
    assert document.place(("a", 1, "c", "d")) == Mark(4, 10)
    # What is missing stands where its nearest parent's key does.
    assert document.place(("a", 1, "c", "e", "f")) == Mark(3, 5)
    assert parse(b"[]", "file").place(("x",)) == Mark(1, 1)


def test_aliases_are_shared_values() -> None:
    assert parse(b"a: &x [1]\nb: *x\n", "file").value == {"a": [1], "b": [1]}


BOMB = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 10)) for letter in range(98, 107)
)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "the file is empty"),
        (b"# a comment alone\n", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n", "the file is not UTF-8 text (byte 0)"),
        ("a: ä".encode("utf-16"), "the file is not UTF-8 text (byte 0)"),
        (b"a: \x00", 'the character "\\u0000" cannot stand in YAML'),
        (
            b"a: 1\n---\nb: 1\n",
            "this is no YAML: expected a single document in the stream, but found another document",
        ),
        (b"x" * (MOST_BYTES + 1), f"{MOST_BYTES + 1} bytes are too many"),
        (b"[" * 100_000, "this is no YAML: more than 32 levels of nesting"),
        (b"a: &a [*a]\n", "the aliases unfold to more than 50000 values or 32 levels"),
        (BOMB, "the aliases unfold to more than 50000 values or 32 levels"),
        (b"a: *b\n", "this is no YAML: found undefined alias 'b'"),
    ],
)
def test_files_of_no_use(data: bytes, wrong: str) -> None:
    started = time.monotonic()
    assert wrongs(data) == [wrong]
    assert time.monotonic() - started < 20


def test_a_lone_surrogate_is_half_a_character() -> None:
    document = parse(b'a: "\\ud800"\n', "file")
    assert [finding.wrong for finding, _ in document.faults] == ["half a character (a lone surrogate)"]


@pytest.mark.parametrize("name", ["Pulumi.none.yaml", ".", "Pulumi.\0.yaml"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(FleetError) as caught:
        load_stack(tmp_path / name)
    assert "cannot be read" in caught.value.faults[0].wrong
