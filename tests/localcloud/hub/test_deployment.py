"""What configurations make of desired properties, by example and by law."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.hub import deployment, twins
from localcloud.azure.hub.deployment import Setting


def _settings(*items: tuple[str, Any]) -> list[Setting]:
    return [
        Setting(tuple(path.split(".")) if path else (), value, str(n))
        for n, (path, value) in enumerate(items)
    ]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([("a", 1), ("a", 2)], {"a": 2}),
        ([("a", {"b": 1, "c": 1}), ("a.b", 2)], {"a": {"b": 2, "c": 1}}),
        ([("a.b", 2), ("a", {"c": 1})], {"a": {"c": 1}}),
        ([("a.b", 2), ("", {"z": 1})], {"z": 1}),
        ([("", {"z": 1}), ("a.b", 2)], {"z": 1, "a": {"b": 2}}),
        ([("a", None), ("b", 1)], {"b": 1}),
        ([("a", {"b": None, "c": {"d": None}})], {"a": {"c": {}}}),
    ],
)
def test_the_last_wins(items: list[tuple[str, Any]], expected: Any) -> None:
    settings = deployment.effective(_settings(*items))
    assert deployment.rewritten({}, [], settings) == expected


def test_what_was_managed_goes_and_what_was_not_stays() -> None:
    desired = {"own": 1, "a": {"b": 1, "own": 2}, "c": {"d": {"e": 1}}}
    managed = [["a", "b"], ["c", "d", "e"], ["gone", "long"]]
    assert deployment.rewritten(desired, managed, []) == {"own": 1, "a": {"own": 2}}
    assert deployment.rewritten(desired, [[]], _settings(("x", 1))) == {"x": 1}
    assert desired["a"] == {"b": 1, "own": 2}


@pytest.mark.parametrize(
    "key", ["tags.a", "properties", "properties.desiredx", "properties.desired.", "properties.desired.a..b"]
)
def test_paths_outside_desired(key: str) -> None:
    with pytest.raises(ValueError, match=r"must be 'properties\.desired'|has an empty name"):
        deployment.path_of(key)


_values = st.recursive(
    st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["x", "y"])
    | st.lists(st.integers(0, 1), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
_trees = st.dictionaries(st.sampled_from("abc"), _values, max_size=3)


@given(_trees, _trees)
def test_the_difference_makes_the_one_of_the_other(old: Any, new: Any) -> None:
    patch = deployment.difference(old, new)
    assert twins.merge(old, patch) == new
    assert deployment.difference(new, new) == {}


@given(_trees, st.lists(st.tuples(st.sampled_from(["a", "a.b", "b.c.a", ""]), _trees), max_size=4))
def test_taking_all_away_leaves_what_nobody_managed(desired: Any, items: list[Any]) -> None:
    own = {"own": desired}
    settings = deployment.effective(_settings(*[it for it in items if it[0]]))
    with_settings = deployment.rewritten(own, [], settings)
    managed = [list(it.path) for it in settings]
    assert deployment.rewritten(with_settings, managed, []) == own


def test_modules_of_a_deployment() -> None:
    base: Any = {"$edgeAgent": {"properties.desired": {"modules": {"one": {}, "two": {}}}}, "$edgeHub": {}}
    layer: Any = {"$edgeAgent": {"properties.desired.modules.three": {}}, "four": {"properties.desired.x": 1}}
    assert deployment.listed_modules(base) == {"$edgeAgent", "$edgeHub", "one", "two"}
    assert deployment.listed_modules(layer) == {"$edgeAgent", "three", "four"}
    assert (deployment.is_layered(base), deployment.is_layered(layer)) == (False, True)
