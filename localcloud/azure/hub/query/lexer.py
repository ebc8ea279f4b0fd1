"""Text to tokens."""

import re
from typing import NamedTuple

from localcloud.azure.hub.query.errors import QueryError

# `[[name]]` quotes a name that is no plain word, such as a configuration's.
_TOKENS = re.compile(
    r"""(?P<space>\s+|/\*.*?\*/)
    |(?P<quoted>\[\[[^\[\]]+\]\])
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    |(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<sign><=|>=|!=|<>|[=<>+\-*/%(),.\[\];])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"'": "'", '"': '"', "\\": "\\"}


class Token(NamedTuple):
    """`kind`: word, quoted, number, text, sign, end. `text` is a string's value without quotes."""

    kind: str
    text: str
    position: int


def read_tokens(text: str) -> list[Token]:
    """All tokens and an `end`. Raises QueryError."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if found is None:
            raise QueryError(f"{text[at]!r} does not belong here", at + 1)
        kind = found.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, _value(kind, found.group(), at + 1), at + 1))
        at = found.end()
    return [*tokens, Token("end", "", len(text) + 1)]


def _value(kind: str, raw: str, position: int) -> str:
    if kind == "quoted":
        return raw[2:-2].strip()
    if kind != "text":
        return raw

    def plain(found: re.Match[str]) -> str:
        if found.group(1):
            return chr(int(found.group(1), 16))
        if found.group(2) not in _PLAIN_ESCAPES:
            raise QueryError(f"\\{found.group(2)} is no escape; \\', \\\", \\\\ and \\uXXXX are", position)
        return _PLAIN_ESCAPES[found.group(2)]

    return _ESCAPE.sub(plain, raw[1:-1])
