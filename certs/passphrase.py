"""Where a passphrase comes from: a file, the environment, a prompt. Never an argument, which all can see."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from certs.errors import PassphraseError

FILE_VARIABLE = "MUSTER_KEY_PASSPHRASE_FILE"
VARIABLE = "MUSTER_KEY_PASSPHRASE"
MIN_LENGTH = 12
"""Characters. A stolen key file can be guessed at offline, so this is more than a log-in would ask for."""

_MAX_BYTES = 4096


def read(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    prompt: Callable[[], str] | None = None,
) -> bytes:
    """The passphrase of the key store: from `file`, else the environment, else `prompt` if there is one.

    Raises PassphraseError: no source, an empty one, or a file that is missing or that others than its owner
    can read.
    """
    variables = os.environ if environment is None else environment
    if file is not None:
        return _from_file(file)
    if variables.get(FILE_VARIABLE):
        return _from_file(Path(variables[FILE_VARIABLE]))
    if variables.get(VARIABLE):
        return variables[VARIABLE].encode()
    if prompt is not None:
        return _not_empty(prompt().encode(), "the prompt")
    raise PassphraseError(f"no passphrase: set {FILE_VARIABLE} (or {VARIABLE}), or give a passphrase file")


def read_named(file_variable: str, variable: str, what: str) -> bytes:
    """Another secret, such as a PIN, from the environment; raises PassphraseError."""
    if file := os.environ.get(file_variable):
        return _from_file(Path(file))
    if value := os.environ.get(variable):
        return value.encode()
    raise PassphraseError(f"no {what}: set {file_variable} (a file of mode 0600) or {variable}")


def check_strength(passphrase: bytes) -> None:
    """Refuse to protect a key with a passphrase that is guessed too easily; raises PassphraseError."""
    length = len(passphrase.decode(errors="replace"))
    if length < MIN_LENGTH:
        raise PassphraseError(f"the passphrase has {length} characters; use at least {MIN_LENGTH}")


def _from_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise PassphraseError(f"passphrase file {path}: {error.strerror or 'cannot be read'}") from error
    if mode & 0o077:
        raise PassphraseError(
            f"passphrase file {path} has mode {mode:04o}, so others can read it: chmod 600 {path}"
        )
    if len(content) > _MAX_BYTES:
        raise PassphraseError(f"passphrase file {path} is larger than {_MAX_BYTES} bytes")
    # One line ending, as editors and `echo` leave it, is no part of the passphrase.
    return _not_empty(content.removesuffix(b"\n").removesuffix(b"\r"), f"passphrase file {path}")


def _not_empty(passphrase: bytes, source: str) -> bytes:
    if not passphrase:
        raise PassphraseError(f"{source} gave an empty passphrase")
    return passphrase
