"""Files of a device that nobody else may read, and that outlive a loss of power."""

import os
from pathlib import Path


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet, with mode 0600. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Write a file, mode 0600, so that a reader finds it whole, or what was there before. Raises OSError."""
    whole = path.with_name(f"{path.name}.unfinished")
    whole.unlink(missing_ok=True)
    write_new(whole, content)
    whole.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have the names in a folder outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
