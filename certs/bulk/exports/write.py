"""Writes an export: a new folder that appears whole, or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from certs import durable, passphrase
from certs.bulk.errors import BulkError
from certs.bulk.exports.devices import Device
from certs.bulk.exports.forms import FORMS, MIN_ITERATIONS, File, Options
from certs.errors import StorageError


def write(
    found: Iterable[Device],
    target: Path,
    form: str,
    options: Options,
    progress: Callable[[int], None] = lambda count: None,  # noqa: ARG005  tells nobody
) -> int:
    """Write devices in a form of FORMS into a new folder (mode 0700), device by device; how many they were.

    Raises what `devices` does; PassphraseError (too short), BulkError, ExistsError, StorageError: then the
    folder is not there.
    """
    if form == "pkcs12":
        passphrase.check_strength(options.passphrase)
        if options.iterations < MIN_ITERATIONS:
            raise BulkError(f"{options.iterations} iterations: at least {MIN_ITERATIONS} are right")
    count = 0
    with durable.new_directory(target, durable.PRIVATE_DIRECTORY, "an export") as scratch:
        for count, device in enumerate(found, 1):
            _put(scratch, FORMS[form](device, options), target)
            progress(count)
        os.sync()  # one flush for all files: the folder gets its name only after it
    return count


def _put(folder: Path, files: Sequence[File], target: Path) -> None:
    try:
        for each in files:
            path = folder / each.path
            path.parent.mkdir(mode=durable.PRIVATE_DIRECTORY, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, each.mode), "wb") as file:
                file.write(each.data)
    except OSError as error:
        raise StorageError(target, error) from error
