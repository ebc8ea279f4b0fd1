"""What a type alone cannot say of a field. They stand in `Annotated` hints; `shapes` reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Doc:
    """What a field is for. The JSON Schema carries it, so editors show it."""

    text: str


@dataclass(frozen=True, slots=True)
class Derived:
    """A field that the file may leave out, because loading works it out by `rule`.

    `wrong` and `right` are said when loading could not; without them the cause has its own fault already.
    """

    rule: str
    wrong: str = ""
    right: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A kind that this union does not have, though a reader may look for it here: what to do instead."""

    key: str
    right: str


@dataclass(frozen=True, slots=True)
class NotWith:
    """A field that says nothing where `key` stands beside it, and so must not stand there too."""

    key: str


@dataclass(frozen=True, slots=True)
class OnlyOn:
    """A field that means something on one cloud only. Where the part that has it is not there, it must not
    stand; where it is and `needed`, it must."""

    cloud: str
    needed: bool = False


@dataclass(frozen=True, slots=True)
class NotOn:
    """A field, or a kind of a union (its class's NOT_ON), that a cloud cannot do: why, and what to do
    instead. It is refused wherever the part that has it is on that cloud, be it on another one too."""

    cloud: str
    why: str
    right: str


LINE_CHARACTER = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
"""A character of text on one line that YAML and terminals take as it is."""
WORD_CHARACTER = r"[^\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]"
"""The same, and no space."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a form: `pattern` (alike in Python and ECMA 262) is all of it, `right` tells it in words."""

    pattern: str
    noun: str
    right: str

    def matches(self, text: str) -> bool:
        """Whether the whole text has the form."""
        return re.fullmatch(self.pattern, text) is not None


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number of at least `least` and at most `most`; if `among` is given, one of those."""

    least: int
    most: int
    among: tuple[int, ...] = ()

    @property
    def right(self) -> str:
        """What would be right, in words."""
        if self.among:
            return f"one of {', '.join(map(str, self.among))}"
        return f"{self.least} to {self.most}"

    def holds(self, number: int) -> bool:
        """Whether the number is one of them."""
        return self.least <= number <= self.most and (not self.among or number in self.among)


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries a mapping or a list has, and what an entry is called in a message."""

    noun: str
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class TwinDocument:
    """A free JSON object of a device twin: values of any JSON type but null, keys as IoT Hub takes them.

    Not `whole`: a part of one, which may be a single value too.
    """

    whole: bool = True
