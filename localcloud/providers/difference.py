"""What changed between two sets of inputs, property by property, and what that forces. No IO."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from localcloud.providers.paths import Path, pattern
from localcloud.providers.wire import Data, reveal

Same = Callable[[Path, Any, Any], bool]


class Kind(Enum):
    """How a property changed."""

    ADD = "add"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """One property that changed; `replaces` when the cloud cannot change it in place."""

    path: Path
    kind: Kind
    replaces: bool = False


@dataclass(frozen=True)
class Difference:
    """All changes, and whether the old resource has to go before the new one can come."""

    changes: tuple[Change, ...] = ()
    delete_first: bool = False

    @property
    def replaces(self) -> bool:
        """Whether any change forces a replacement."""
        return any(change.replaces for change in self.changes)


def compare(
    old: Mapping[str, Any], new: Mapping[str, Any], fixed: Collection[str], same: Same | None = None
) -> tuple[Change, ...]:
    """The changes from old to new inputs, in order of their paths.

    Args:
        old: inputs as state has them; secrets are compared by their values.
        new: inputs as the program declares them; an unknown value differs from every known one.
        fixed: patterns (`location`, `properties.sku[].name`) of what only a replacement changes.
        same: says when two values that are written differently mean the same.
    """
    walk = _objects((), reveal(old), reveal(new), same or _never)
    return tuple(Change(path, kind, _forces(path, fixed)) for path, kind in walk)


def _never(_path: Path, _old: Data, _new: Data) -> bool:
    return False


def _forces(path: Path, fixed: Collection[str]) -> bool:
    """Whether the path, or what it is part of, is fixed."""
    return any(pattern(path[:length]) in fixed for length in range(1, len(path) + 1))


def _values(path: Path, old: Data, new: Data, same: Same) -> Iterator[tuple[Path, Kind]]:
    if old == new or same(path, old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _objects(path, old, new, same)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(path, old, new, same)
    else:
        yield path, Kind.UPDATE


def _objects(
    path: Path, old: Mapping[str, Any], new: Mapping[str, Any], same: Same
) -> Iterator[tuple[Path, Kind]]:
    for name in sorted(old.keys() | new.keys()):
        if name.startswith("__"):  # notes of the provider to itself
            continue
        if name not in old:
            yield (*path, name), Kind.ADD
        elif name not in new:
            yield (*path, name), Kind.DELETE
        else:
            yield from _values((*path, name), old[name], new[name], same)


def _lists(path: Path, old: list[Any], new: list[Any], same: Same) -> Iterator[tuple[Path, Kind]]:
    for index, (before, after) in enumerate(zip(old, new, strict=False)):
        yield from _values((*path, index), before, after, same)
    shared = min(len(old), len(new))
    kind = Kind.ADD if len(new) > shared else Kind.DELETE
    for index in range(shared, max(len(old), len(new))):
        yield (*path, index), kind
