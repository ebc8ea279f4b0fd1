"""What configurations make of a twin's desired properties, pure.

"Automatic device management at scale"
(learn.microsoft.com/azure/iot-hub/iot-hub-automatic-device-management): of two configurations that set one
path, the higher priority wins, of equals the younger; what a twin is no longer targeted for is taken away
again; null removes a property. "Understand IoT Edge automatic deployments" (learn.microsoft.com/
azure/iot-edge/module-deployment-monitoring): of deployments that replace `properties.desired` as a whole one
applies; layered ones, which set deeper paths only, come on top of it where their priority is higher.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Path = tuple[str, ...]
Tree = dict[str, Any]
DESIRED = "properties.desired"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a configuration puts at a path below desired; the empty path is desired as a whole."""

    path: Path
    value: Any
    configuration: str


def settings(content: Mapping[str, Any], configuration: str) -> list[Setting]:
    """The settings of content such as {"properties.desired.a.b": 1}."""
    return [Setting(path_of(key), value, configuration) for key, value in content.items()]


def path_of(key: str) -> Path:
    """The path below desired. Raises ValueError for a key that is not below it."""
    if key != DESIRED and not key.startswith(f"{DESIRED}."):
        raise ValueError(f"{key!r} must be '{DESIRED}' or begin with '{DESIRED}.'")
    path = tuple(key[len(DESIRED) + 1 :].split(".")) if key != DESIRED else ()
    if not all(path):
        raise ValueError(f"{key!r} has an empty name between two dots")
    return path


def effective(ordered: Iterable[Setting]) -> list[Setting]:
    """The settings that count, of all, lowest first: a later one replaces what lies at or below its path."""
    kept: dict[Path, Setting] = {}
    for setting in ordered:
        for path in [it for it in kept if it[: len(setting.path)] == setting.path]:
            del kept[path]
        kept[setting.path] = setting
    return list(kept.values())


def rewritten(desired: Tree, managed: Iterable[Sequence[str]], wanted: Iterable[Setting]) -> Tree:
    """`desired` without what was managed before, with what is wanted now."""
    tree = deepcopy(desired)
    for path in managed:
        _take_away(tree, tuple(path))
    for setting in wanted:
        tree = _put(tree, setting.path, _without_nulls(setting.value))
    return tree


def difference(old: Tree, new: Tree) -> Tree:
    """The merge patch (RFC 7396) that makes `new` of `old`; empty when they are the same."""
    patch: Tree = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = difference(before, value)
            if inner:
                patch[key] = inner
        elif key not in old or type(before) is not type(value) or before != value:
            patch[key] = value
    return patch


def is_layered(modules_content: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a deployment comes on top of another: its $edgeAgent does not replace desired as a whole."""
    return DESIRED not in modules_content.get("$edgeAgent", {})


def listed_modules(modules_content: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Modules that a deployment has content for or tells $edgeAgent to run."""
    found = set(modules_content)
    for key, value in modules_content.get("$edgeAgent", {}).items():
        path = path_of(key)
        if path[:1] == ("modules",) and len(path) > 1:
            found.add(path[1])
        else:
            modules = value.get("modules") if not path and isinstance(value, dict) else None
            modules = value if path == ("modules",) else modules
            found.update(modules if isinstance(modules, dict) else ())
    return found


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A copy; null members are none in a twin."""
    if isinstance(value, dict):
        return {key: _without_nulls(it) for key, it in value.items() if it is not None}
    return deepcopy(value)


def _put(tree: Tree, path: Path, value: Any) -> Tree:  # noqa: ANN401 - JSON
    if not path:
        return value if isinstance(value, dict) else {}
    at = tree
    for name in path[:-1]:
        if not isinstance(at.get(name), dict):
            at[name] = {}
        at = at[name]
    if value is None:
        at.pop(path[-1], None)
    else:
        at[path[-1]] = value
    return tree


def _take_away(tree: Tree, path: Path) -> None:
    """Remove a path, and the objects that are empty without it."""
    if not path:
        tree.clear()
        return
    inner = tree.get(path[0])
    if len(path) == 1:
        tree.pop(path[0], None)
    elif isinstance(inner, dict):
        _take_away(inner, path[1:])
        if not inner:
            del tree[path[0]]
