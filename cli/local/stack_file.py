"""Keeps the committed stack file as it is.

Pulumi writes an `encryptionsalt` into a stack's file, which belongs to the passphrase of this one local
state: in a file that is committed it would be a change after every first `up`, and a wrong passphrase after
every `down`. Pulumi keeps the salt in its state too and falls back to it, so the line can go, unless the
file holds secrets of the user's own (`pulumi config set --secret`), which need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

_SALT = "encryptionsalt"


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Put the file back as it was, byte for byte, when all that the block added is Pulumi's salt."""
    drop_salt(path)
    before = path.read_bytes()
    try:
        yield
    finally:
        if _holds_only_a_salt_more(path.read_bytes(), before):
            path.write_bytes(before)


def drop_salt(path: Path) -> None:
    """Remove the salt, for instance one of an earlier local state, unless secrets in the file need it."""
    text = path.read_text() if path.exists() else ""
    if f"\n{_SALT}:" not in f"\n{text}" or _has_secrets(text):
        return
    path.write_text(
        "".join(line for line in text.splitlines(keepends=True) if not line.startswith(f"{_SALT}:"))
    )


def _has_secrets(text: str) -> bool:
    return "secure:" in text


def _holds_only_a_salt_more(after: bytes, before: bytes) -> bool:
    if after == before or _has_secrets(after.decode()):
        return False
    now, then = yaml.safe_load(after), yaml.safe_load(before)
    if not (isinstance(now, dict) and isinstance(then, dict)):
        return False
    return {key: value for key, value in now.items() if key != _SALT} == then
