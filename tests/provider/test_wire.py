"""Values survive the way to the engine and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider import wire
from provider.errors import UnsupportedValueError
from provider.values import UNKNOWN, Secret, has_secret, has_unknown, reveal, show

KEYS = st.text(max_size=8).filter(lambda key: key != wire.SIGNATURE)
TEXTS = st.text(max_size=20).filter(lambda text: text not in wire.UNKNOWN_SENTINELS)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.just(UNKNOWN)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | inner.map(Secret),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_round_trip(properties: dict[str, Any]) -> None:
    assert wire.decode(wire.encode(properties)) == properties


@given(VALUES)
def test_secrets_and_unknowns_are_found_at_any_depth(value: Any) -> None:
    assert not has_secret(reveal(value))
    assert has_unknown(reveal(value)) == has_unknown(value)
    assert has_secret({"a": [Secret(value)]})


def test_whole_numbers_come_back_as_integers() -> None:
    decoded = wire.decode(wire.encode({"weight": 3.0, "share": 0.5}))
    assert decoded == {"weight": 3, "share": 0.5}
    assert isinstance(decoded["weight"], int)


@pytest.mark.parametrize("sentinel", sorted(wire.UNKNOWN_SENTINELS))
def test_every_unknown_sentinel_is_understood(sentinel: str) -> None:
    assert wire.decode(wire.encode({"a": [sentinel]})) == {"a": [UNKNOWN]}


@pytest.mark.parametrize(("signature", "word"), wire.REFUSED.items())
def test_what_is_no_data_is_refused_by_path(signature: str, word: str) -> None:
    struct = wire.encode({"twin": {"photo": {wire.SIGNATURE: signature}}})
    with pytest.raises(UnsupportedValueError, match=rf"twin\.photo: is {word}"):
        wire.decode(struct)


def test_output_values_are_unwrapped() -> None:
    output = {wire.SIGNATURE: wire.OUTPUT, "value": "x", "secret": True, "dependencies": ["urn"]}
    unknown = {wire.SIGNATURE: wire.OUTPUT}
    assert wire.decode(wire.encode({"a": output, "b": unknown})) == {"a": Secret("x"), "b": UNKNOWN}


def test_nothing_secret_is_ever_shown() -> None:
    pem = "-----BEGIN " + "PRIVATE KEY-----\nabc"
    for shown in (
        repr(Secret("hunter2")),
        show(Secret("hunter2")),
        show(["x", Secret("hunter2")]),
        show(pem),
    ):
        assert "hunter2" not in shown
        assert "abc" not in shown


def test_what_cannot_be_a_property_is_refused() -> None:
    with pytest.raises(UnsupportedValueError, match="type set"):
        wire.encode({"a": {1, 2}})
