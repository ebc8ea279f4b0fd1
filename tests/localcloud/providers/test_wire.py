"""The engine's values: there and back, and what stays secret."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from localcloud.providers.paths import pattern, render
from localcloud.providers.wire import UNKNOWN, Secret, Unknown, conceal, decode, encode, holds, reveal

plain = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5) | st.just(UNKNOWN),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | inner.map(Secret)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=5), plain))
def test_there_and_back(properties: dict[str, Any]) -> None:
    assert decode(encode(properties)) == properties


def test_signatures_are_the_engines() -> None:
    from pulumi.runtime import rpc

    bag = encode({"s": Secret(1), "u": UNKNOWN})
    secret = bag.fields["s"].struct_value.fields
    assert secret["4dabf18193072939515e22adb298388d"].string_value == rpc._special_secret_sig
    assert bag["u"] == rpc.UNKNOWN


def test_numbers() -> None:
    bag = Struct()
    bag.update({"whole": 3.0, "part": 1.5, "flag": True, "none": None})
    found = decode(bag)
    assert found == {"whole": 3, "part": 1.5, "flag": True}
    assert type(found["whole"]) is int


def test_what_the_wire_has_not() -> None:
    with pytest.raises(TypeError, match="no set"):
        encode({"a": {1}})


@pytest.mark.parametrize(
    ("value", "like", "expected"),
    [
        ({"a": 1, "b": 2}, {"a": Secret(1)}, {"a": Secret(1), "b": 2}),
        ({"a": [1, 2]}, {"a": [Secret(1), 2]}, {"a": [Secret(1), 2]}),
        ({"a": [1, 2, 3]}, {"a": [{"x": Secret(1)}]}, {"a": Secret([1, 2, 3])}),
        ({"a": Secret(1)}, {"a": Secret(2)}, {"a": Secret(1)}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_outputs_that_echo_secrets_are_secret(value: Any, like: Any, expected: Any) -> None:
    assert conceal(value, like) == expected


def test_secrets_are_not_shown() -> None:
    assert "abc" not in repr({"key": Secret("abc")})
    assert reveal({"a": [Secret({"b": Secret(1)})]}) == {"a": [{"b": 1}]}
    assert holds({"a": [Secret({"b": UNKNOWN})]}, Unknown)


@pytest.mark.parametrize(
    ("path", "shown", "general"),
    [
        (("tags", "a.b"), 'tags["a.b"]', "tags.a.b"),
        (
            ("properties", "iotHubs", 0, "location"),
            "properties.iotHubs[0].location",
            "properties.iotHubs[].location",
        ),
        (('a"b',), '["a\\"b"]', 'a"b'),
    ],
)
def test_paths(path: Any, shown: str, general: str) -> None:
    assert render(path) == shown
    assert pattern(path) == general
