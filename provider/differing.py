"""Diff: what changes between two sets of inputs, property by property; and keeping spellings that mean the
same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from provider.fields import Prop, complete, props, top_level
from provider.values import Plain, Properties, has_secret, has_unknown, reveal, show

_PLAIN_KEY = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


class ChangeKind(Enum):
    """What happens to the property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One changed property. `replaces` is the reason why the resource must be replaced; "" means an update
    will do.

    `is_input` is False for a change that was seen in the outputs (drift that an update mends).
    """

    path: str
    kind: ChangeKind
    replaces: str = ""
    is_input: bool = True

    @property
    def name(self) -> str:
        """The top-level property that the path is in."""
        return top_level(self.path)


@dataclass(frozen=True)
class Difference:
    """One property, or one place inside it, where two sets of inputs are not the same."""

    prop: Prop
    path: str
    kind: ChangeKind
    old: Plain
    new: Plain

    def line(self, hidden: Collection[str] = ()) -> str:
        """Both sides for a person: old is what we have, new what the service has; `hidden` names secrets."""
        if self.prop.secret or self.prop.name in hidden:
            return f"{self.path}: differs (secret)"
        return f"{self.path}: here {self._shown(self.old)}, in the service {self._shown(self.new)}"

    def _shown(self, value: Plain) -> str:
        if value is None:
            return "nothing"
        return show(self.prop.normal(value) if self.prop.normal else value)


def differences(cls: type, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> Iterator[Difference]:
    """Where two sets of inputs differ, secrets revealed. An unknown new value counts as different."""
    old, new = complete(cls, old), complete(cls, new)
    for each in props(cls):
        yield from _compare(each, old.get(each.name), new.get(each.name))


def changes(cls: type, old: Mapping[str, Plain], new: Mapping[str, Plain]) -> tuple[Change, ...]:
    """The changes from the old inputs to the new ones. An unknown new value counts as changed."""
    return tuple(Change(each.path, each.kind, each.prop.replaces) for each in differences(cls, old, new))


def bared(old: Mapping[str, Plain], new: Mapping[str, Plain]) -> Iterator[Change]:
    """Properties that the program calls secret and the state holds in clear, as after an import."""
    for name, value in new.items():
        if has_secret(value) and old.get(name) is not None and not has_secret(old[name]):
            yield Change(name, ChangeKind.UPDATE)


def keep_spelling(cls: type, known: Mapping[str, Plain], live: Mapping[str, Plain]) -> Properties:
    """The live properties, each in the spelling the state knows where both mean the same, so a refresh is
    quiet.
    """
    kept = dict(live)
    for each in props(cls):
        if each.name in known and not list(_compare(each, known[each.name], live.get(each.name))):
            kept[each.name] = known[each.name]
    return kept


def _compare(each: Prop, old: Plain, new: Plain) -> Iterator[Difference]:
    old, new = reveal(old), reveal(new)
    comparable = old is not None and new is not None and not has_unknown([old, new])
    if each.normal is None or not comparable:
        yield from _walk(each, old, new, each.name)
    elif each.normal(old) != each.normal(new):
        yield Difference(each, each.name, ChangeKind.UPDATE, old, new)


def _walk(each: Prop, old: Plain, new: Plain, path: str) -> Iterator[Difference]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _walk(each, old.get(key), new.get(key), f"{path}{_step(key)}")
    elif _differ(old, new):
        yield Difference(each, path, _kind(old, new), old, new)


def _differ(old: Plain, new: Plain) -> bool:
    if isinstance(old, bool) or isinstance(new, bool):  # in Python 1 == True, in JSON not
        return old is not new
    return bool(old != new) or has_unknown(new)


def _kind(old: Plain, new: Plain) -> ChangeKind:
    if old is None:
        return ChangeKind.ADD
    return ChangeKind.DELETE if new is None else ChangeKind.UPDATE


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.match(key) else f'["{key}"]'
