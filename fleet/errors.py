"""What a description does wrong, told to the person who wrote it.

    FleetError             everything this package raises for a user's mistake
      .faults              every fault of one reading, in the order of the file

A `Finding` is a fault before its place in a file is known; `loading` turns findings into faults.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from fleet.secrecy import kind_of

Path = tuple[str | int, ...]
"""Where a value stands: keys of mappings and indexes of lists, from the description's root."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_:-]+")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault by its path. `at_key`: it is about the key; `needs`: paths that must be sound for it."""

    path: Path
    wrong: str
    right: str
    at_key: bool = False
    needs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where, what, and what would be right.

    `line` and `column` count from 1; they are None when no file holds the place.
    """

    file: str
    line: int | None
    column: int | None
    path: str
    wrong: str
    right: str

    def __str__(self) -> str:
        where = [self.file, *(str(number) for number in (self.line, self.column) if number is not None)]
        subject = f"{self.path}: " if self.path else ""
        return f"{':'.join(where)}: {subject}{self.wrong}; {self.right}"

    def plain(self) -> dict[str, str | int | None]:
        """The fault as JSON-ready values."""
        return asdict(self)


class FleetError(Exception):
    """A description that cannot be used. `faults` has every one that was found, never just the first."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


def written(path: Path) -> str:
    """A path as people write it: `groups.reefers.allocation.hubs[1]`; an unusual key stands in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"
    return text


def named(key: str) -> str:
    """A key for a message: bare when it is an ordinary one, else in quotes."""
    return key if _PLAIN_KEY.fullmatch(key) else shown(key)


def shown(value: object) -> str:
    """A value for a message: short, on one line, nothing in it that a terminal would obey."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case int() | float():
            return _number(value)
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return f"a {type(value).__name__}"


def _number(value: int | float) -> str:
    """A number as the file writes it; Python refuses to print an integer of some thousand digits."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    return repr(value)


def _quoted(text: str) -> str:
    secret = kind_of(text)
    if secret is not None:
        return secret
    cut = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    body = json.dumps(cut, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in body)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def one_of(known: Iterable[str], given: str, noun: str) -> str:
    """What would be right where one of `known` was due: the nearest as a guess, and all there are."""
    names = list(known)
    if not names:
        return f"there is no {noun} to name"
    near = difflib.get_close_matches(given[:200], names, n=1, cutoff=0.7)
    guess = f"did you mean {named(near[0])}? " if near else ""
    return f"{guess}known: {', '.join(named(name) for name in names)}"
