"""Registration ids from a CSV file, a Parquet file or a range: read in order, and as often as need be.

A source never holds more than a part of its list. It names rows as the person finds them (the line of a file,
the row of a table), and gives what is wrong with a row instead of stopping at it.
"""

from __future__ import annotations

import csv
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, NamedTuple, Protocol

from certs.bulk.errors import ListError

COLUMN = "registration_id"
MAX_LINE = 1 << 17
"""Bytes. No line of a list of ids, or of requests, is longer."""

_PATTERN = re.compile(r"(?P<before>[^{}]*)\{:?(?P<form>0?[1-9][0-9]?d|d)?\}(?P<after>[^{}]*)")
_RIGHT = f"the first line of a list names its columns, and one of them is {COLUMN}"


class Row(NamedTuple):
    """One row: where it stands, its registration id, its request (DER or PEM; None: a key is to be made).

    With a `fault` it says why the row cannot be used, and the rest does not count.
    """

    at: int
    registration_id: str
    request: bytes | None = None
    fault: str = ""


class Source(Protocol):
    """A list that can be read again."""

    @property
    def name(self) -> str:
        """What a person calls it; no directory stands in it."""
        ...

    @property
    def requests(self) -> bool:
        """Whether its rows bring requests."""
        ...

    def rows(self) -> Iterator[Row]:
        """Every row, in order; raises ListError when it cannot be read at all."""
        ...

    def where(self, at: int) -> str:
        """A row's place, in words."""
        ...


@dataclass(frozen=True)
class Range:
    """Ids by counting: `reefer-{:06d}` from `start` on."""

    pattern: str
    count: int
    start: int = 1
    requests: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not _PATTERN.fullmatch(self.pattern):
            raise ListError(
                self.name, [f"{self.pattern!r}: one place for the number is right, as {{}} or {{:06d}}"], 1
            )

    @property
    def name(self) -> str:
        """The pattern and its bounds."""
        return f"range {self.pattern} {self.start}+{self.count}"

    def rows(self) -> Iterator[Row]:
        """Count."""
        form = self.pattern.format
        return (Row(number, form(number)) for number in range(self.start, self.start + self.count))

    def where(self, at: int) -> str:
        """The number."""
        return f"number {at}"


@dataclass(frozen=True)
class CsvList:
    """A CSV file (RFC 4180) in UTF-8 whose first line names its columns."""

    path: Path
    requests: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Iterator[Row]:
        """The rows; a blank line is none."""
        for at, found, fault in records(self.path, (COLUMN,)):
            yield Row(at, found[0] if found else "", None, fault)

    def where(self, at: int) -> str:
        """The line."""
        return f"line {at}"


@dataclass(frozen=True)
class ParquetList:
    """A Parquet file with a column of text, read batch by batch (pyarrow, imported only then)."""

    path: Path
    requests: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def rows(self) -> Iterator[Row]:
        """The rows, counted from 1."""
        parquet, arrow = importlib.import_module("pyarrow.parquet"), importlib.import_module("pyarrow")
        at = 0
        try:
            with parquet.ParquetFile(self.path) as file:
                if COLUMN not in file.schema_arrow.names:
                    raise ListError(self.name, [f"has no column {COLUMN}"], 1)
                for batch in file.iter_batches(batch_size=4096, columns=[COLUMN]):
                    for at, value in enumerate(_texts(batch, self.name), at + 1):  # noqa: B020  goes on counting
                        yield Row(at, value or "", None, "" if value is not None else "is empty")
        except (OSError, arrow.ArrowException, UnicodeDecodeError) as error:
            raise ListError(self.name, [f"row {at + 1}: cannot be read: {error}"], 1) from error

    def where(self, at: int) -> str:
        """The row."""
        return f"row {at}"


def of_file(path: Path) -> Source:
    """The list in a file: Parquet by its name, else CSV."""
    return ParquetList(path) if path.suffix in (".parquet", ".pq") else CsvList(path)


def records(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str], str]]:
    """Line, the values of these columns, and what is wrong with them, for every record of a CSV file.

    Raises ListError when the file cannot be read, or lacks a column.
    """
    try:
        with path.open("rb") as file:
            yield from parse(file, columns, path.name)
    except OSError as error:
        raise ListError(path.name, [f"cannot be read: {error.strerror or error}"], 1) from error


def parse(file: IO[bytes], columns: tuple[str, ...], name: str) -> Iterator[tuple[int, list[str], str]]:
    """As `records`, from a file that is open."""
    reader = csv.reader(_lines(file, name), strict=True)
    places = _places(_header(reader, name), columns, name)
    while True:
        try:
            found = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, [], f"is no CSV: {error}"
            continue
        if found:
            yield reader.line_num, *_values(found, places)


def _header(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        found = next(reader, [])
    except csv.Error as error:
        raise ListError(name, [f"line 1: is no CSV: {error}"], 1) from error
    return [column.strip().removeprefix("\ufeff") for column in found]


def _places(header: list[str], columns: tuple[str, ...], name: str) -> list[int]:
    faults = [f"line 1: has no column {column}: {_RIGHT}" for column in columns if column not in header]
    faults += [f"line 1: names {column} twice" for column in columns if header.count(column) > 1]
    if faults:
        raise ListError(name, faults, len(faults))
    return [header.index(column) for column in columns]


def _values(found: list[str], places: list[int]) -> tuple[list[str], str]:
    if max(places) >= len(found):
        return [], f"has {len(found)} columns only"
    values = [found[place] for place in places]
    try:
        "".join(values).encode("utf-8")
    except UnicodeEncodeError:  # what `surrogateescape` let through
        return [], "is not UTF-8"
    return values, ""


def _lines(file: IO[bytes], name: str) -> Iterator[str]:
    for at, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), 1):
        if len(line) > MAX_LINE:
            raise ListError(name, [f"line {at}: longer than {MAX_LINE} bytes; is this a list?"], 1)
        yield line.decode("utf-8", errors="surrogateescape")


def _texts(batch: object, name: str) -> list[str | None]:
    values: list[str | None] = batch.column(0).to_pylist()  # type: ignore[attr-defined]  # a RecordBatch
    if any(value is not None and not isinstance(value, str) for value in values):
        raise ListError(name, [f"column {COLUMN} holds no text"], 1)
    return values
