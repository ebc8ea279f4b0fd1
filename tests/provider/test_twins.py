"""The limits of a twin, told before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.handlers import twins


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({str(key): "x" * 100 for key in range(82)}, "over the service's limit of 8192"),
        ({"a": "x" * 4097}, "a is a text of 4097 bytes"),
        ({"a": {"b c": 1}}, "the key 'a.b c' may not"),
        ({"$a": 1}, "may not be empty or hold . $"),
        ({"": 1}, "may not be empty"),
        ({"a\x07": 1}, "control characters"),
        ({"k" * 1025: 1}, "a key is 1025 bytes long"),
        (nested(11), "deeper than the service's limit of 10"),
        ({"a": [2**60]}, "a[0] is a whole number outside"),
    ],
)
def test_what_does_not_fit(section: dict[str, Any], said: str) -> None:
    fault = twins.tags(section)
    assert fault is not None
    assert said in fault


def test_what_fits() -> None:
    assert twins.tags({str(key): "x" * 100 for key in range(80)}) is None
    assert twins.desired({str(key): "x" * 100 for key in range(300)}) is None
    assert twins.desired({**nested(10), "on": True, "none": None, "half": 0.5, "list": [1, "b"]}) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda it: st.lists(it) | st.dictionaries(st.text(), it),
    )
)
def test_anything_gets_an_answer(value: Any) -> None:
    assert isinstance(twins.desired({"a": value}), str | None)
