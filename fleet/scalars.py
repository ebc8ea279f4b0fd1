"""What plain words of a YAML file mean: the core schema of YAML 1.2, which leaves `yes` and `1:30` text.

Pulumi's engine follows it but for a few words of YAML 1.1 (measured with pulumi 3.272: `010` is 8, `12_000`
is 12000, `0b11` is 3, `2024-01-01` becomes a time in words of Go's). Such words are AMBIGUOUS: they are
refused rather than read one way here and another way there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

STRING = "tag:yaml.org,2002:str"
AMBIGUOUS = "ambiguous"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_BOOL = "tag:yaml.org,2002:bool"
_NULL = "tag:yaml.org,2002:null"

RESOLVERS: tuple[tuple[str, str, list[str]], ...] = (
    (
        AMBIGUOUS,
        r"^(?:[-+]?0[0-9]+|[-+]?0b[01_]+|[-+]?[0-9][0-9xa-fA-F]*_[0-9a-fA-F_.]*"
        r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?)$",
        list("-+0123456789"),
    ),
    (_NULL, r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    (_INT, r"^(?:[-+]?[0-9]{1,100}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100})$", list("-+0123456789")),
    (
        _FLOAT,
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
)
"""(tag, pattern, first characters) of plain scalars; the first that fits counts, and none means text."""

_BASES = {"0x": 16, "0o": 8}


def _whole(text: str) -> int:
    return int(text[2:], _BASES[text[:2]]) if text[:2] in _BASES else int(text)


def _fraction(text: str) -> float:
    # Python spells infinity and not-a-number without the full stop.
    return float(text.replace(".", "", 1) if text.lstrip("-+.")[:1] in "iInN" else text)


VALUES: dict[str, Callable[[str], Any]] = {
    STRING: str,
    AMBIGUOUS: str,
    _NULL: lambda _text: None,
    _BOOL: lambda text: text.lower() == "true",
    _INT: _whole,
    _FLOAT: _fraction,
}
"""By tag, what a scalar's text is worth."""
