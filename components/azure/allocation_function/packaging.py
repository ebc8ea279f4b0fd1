"""A folder of functions as a zip that is the same, byte for byte, wherever and whenever it is made."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The first moment that a zip can tell: times of files are not content."""
_MODE = 0o644 << 16
_LEFT_OUT = frozenset({"__pycache__", "local.settings.json", "node_modules"})
"""Made by tools, or settings of a developer's own machine, which hold secrets."""
_ENTRY = "host.json"
_MOST_BYTES = 100 * 1024 * 1024


class PackageError(Exception):
    """A folder that is no function project."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(f"{wrong}; {right}")
        self.wrong = wrong
        self.right = right


def read(folder: Path) -> dict[str, bytes]:
    """The project's files by their path in it, without what is hidden or made by tools.

    Raises PackageError.
    """
    if not folder.is_dir():
        raise PackageError(
            f"{folder.name} is no folder", "name the one with host.json and function_app.py in it"
        )
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if _belongs(path, folder)
    }
    if _ENTRY not in files:
        raise PackageError(
            f"{folder.name} has no {_ENTRY}", "a project of Azure Functions has one at its top"
        )
    if sum(map(len, files.values())) > _MOST_BYTES:
        raise PackageError(
            f"{folder.name} holds more than {_MOST_BYTES >> 20} MB", "leave out what the functions need not"
        )
    return files


def archive(files: Mapping[str, bytes]) -> bytes:
    """The zip of these files: equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _OLDEST)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, on whatever machine this runs
            package.writestr(entry, files[name])
    return buffer.getvalue()


def write(files: Mapping[str, bytes], into: Path) -> Path:
    """Write the zip of these files into a folder, under the hash of its content; the path of it."""
    package = archive(files)
    into.mkdir(parents=True, exist_ok=True)
    file = into / f"{hashlib.sha256(package).hexdigest()[:32]}.zip"
    if not file.exists():
        whole = file.with_suffix(".new")
        whole.write_bytes(package)
        whole.replace(file)
    return file


def _belongs(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return not any(
        part in _LEFT_OUT or (part.startswith(".") and part != ".python_packages") for part in parts
    )
