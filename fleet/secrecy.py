"""Texts that look like a secret: a description holds none, and a message repeats none."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SHORTEST = 12
_KINDS: tuple[tuple[str, str], ...] = (
    ("a connection string with a key", r"(?i:SharedAccessKey|AccountKey|SharedAccessSignature)\s*="),
    ("a SAS token", r"(?i:SharedAccessSignature\s+s|[?&]sig=[A-Za-z0-9%+/]{20})"),
    ("an address with a function's key", r"(?i:[?&]code=[A-Za-z0-9%+/_-]{8})"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    ("a key in base64", r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==)(?![A-Za-z0-9+/=])"),
)
"""Keys of IoT Hub and the provisioning service are 32 or 64 bytes in base64."""
_SECRET = re.compile("|".join(f"(?P<K{number}>{pattern})" for number, (_, pattern) in enumerate(_KINDS)))


def kind_of(text: str) -> str | None:
    """What kind of secret the text looks like; None for an ordinary one."""
    match = _SECRET.search(text) if len(text) >= _SHORTEST else None
    return _KINDS[int(str(match.lastgroup)[1:])][0] if match else None


def secrets(value: object) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
    """Every text in a plain value that looks like a secret: its path, its kind, whether it is a key."""
    todo: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, str) and (kind := kind_of(item)):
            yield path, kind, False
        elif isinstance(item, dict):
            todo += [((*path, str(key)), entry) for key, entry in item.items()]
            for key in item:
                if isinstance(key, str) and (kind := kind_of(key)):
                    yield (*path, key), kind, True
        elif isinstance(item, list | tuple):
            todo += [((*path, index), entry) for index, entry in enumerate(item)]
