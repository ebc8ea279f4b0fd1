"""Certificate requests from a folder or a CSV file: keys were made on the devices, nothing private comes in.

A folder holds a request a file, whose common name is the registration id. A CSV file has the columns
registration_id and csr (PEM in quotes, or DER in base64).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from certs import csr
from certs.bulk.errors import ListError
from certs.bulk.lists import COLUMN, Row, Source, records
from certs.errors import UnreadableError
from certs.keys import PublicKey
from certs.profiles import Profile
from certs.reading import read_bytes

SUFFIXES = (".csr", ".req", ".pem", ".der")


@dataclass(frozen=True)
class RequestFolder:
    """A folder of requests, in the order of their files' names."""

    path: Path
    requests: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The folder's name."""
        return f"{self.path.name}/"

    def rows(self) -> Iterator[Row]:
        """A row a file; the registration id is in the request."""
        for at, file in enumerate(self._files):
            try:
                yield Row(at, "", read_bytes(self.path / file, csr.MAX_BYTES))
            except UnreadableError as error:
                yield Row(at, "", None, error.wrong)

    def where(self, at: int) -> str:
        """The file."""
        return self._files[at]

    @cached_property
    def _files(self) -> list[str]:
        try:
            return sorted(each.name for each in self.path.iterdir() if each.suffix in SUFFIXES)
        except OSError as error:
            raise ListError(self.name, [f"cannot be read: {error.strerror or error}"], 1) from error


@dataclass(frozen=True)
class RequestList:
    """A CSV file of registration ids and their requests."""

    path: Path
    requests: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Iterator[Row]:
        """A row a record."""
        for at, found, fault in records(self.path, (COLUMN, "csr")):
            yield Row(at, "", None, fault) if fault else _row(at, *found)

    def where(self, at: int) -> str:
        """The line."""
        return f"line {at}"


def of_path(path: Path) -> Source:
    """The requests of a folder, or else of a CSV file."""
    return RequestFolder(path) if path.is_dir() else RequestList(path)


def admitted(row: Row, where: str, profile: Profile) -> tuple[str, PublicKey]:
    """The registration id and the key of a row's request.

    Raises UnreadableError, RequestError (every fault: a bad proof, a weak key, another name, …).
    """
    return csr.check(csr.parse(row.request or b"", where), row.registration_id or None, profile)


def _row(at: int, registration_id: str, text: str) -> Row:
    if not registration_id:
        return Row(at, "", None, f"has no {COLUMN}")
    if "-----BEGIN" in text:
        return Row(at, registration_id, text.encode())
    try:
        return Row(at, registration_id, base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return Row(at, registration_id, None, "its csr is neither PEM nor base64")
