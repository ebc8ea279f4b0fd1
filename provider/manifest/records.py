"""The rows of a CSV or Parquet file, one after the other, in bounded memory. Knows nothing of enrollments.

A record is its line (CSV: the line where it begins; Parquet: its number, from 1) and its cells by column; an
empty cell is left out. CSV is UTF-8 with commas and a header line (RFC 4180); PEM may stand in quotes over
several lines. pyarrow is loaded for Parquet only."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from provider.manifest.errors import UnreadableFileError

BATCH_ROWS = 512
CSV: Final = ".csv"
PARQUET: Final = ".parquet"


class Record(NamedTuple):
    """One row as it stands in the file."""

    line: int
    cells: Mapping[str, Any]


class Table(NamedTuple):
    """An open file: its columns, and its rows, to be read once."""

    columns: tuple[str, ...]
    records: Iterator[Record]


def table(path: Path) -> AbstractContextManager[Table]:
    """Open a file for reading. Raises UnreadableFileError, here and while the rows are read."""
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise UnreadableFileError(
            str(path), [f"its name ends in {path.suffix or 'nothing'}; .csv or .parquet would be right"]
        )
    return opener(path)


@contextmanager
def _csv_table(path: Path) -> Iterator[Table]:
    with _opened(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, None)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UnreadableFileError(str(path), [_csv_fault(path, error, reader.line_num)]) from None
        if not header:
            raise UnreadableFileError(
                str(path), ["line 1: it holds nothing; a line of column names would be right"]
            )
        columns = tuple(name.strip() for name in header)
        yield Table(columns, _csv_records(path, reader, columns))


def _csv_records(path: Path, reader: Any, columns: tuple[str, ...]) -> Iterator[Record]:  # noqa: ANN401 - csv has no public type
    line = reader.line_num + 1
    try:
        for cells in reader:
            if cells:
                if len(cells) != len(columns):
                    wrong = (
                        f"line {line}: has {len(cells)} cells; {len(columns)}, as the header, would be right"
                    )
                    raise UnreadableFileError(str(path), [wrong])
                yield Record(line, {name: cell for name, cell in zip(columns, cells, strict=True) if cell})
            line = reader.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFileError(str(path), [_csv_fault(path, error, line)]) from None


def _csv_fault(path: Path, error: Exception, line: int) -> str:
    if not isinstance(error, UnicodeDecodeError):
        cause = (
            "a quote is never closed, or the row is too long" if "field larger" in str(error) else str(error)
        )
        return f"line {max(line, 1)}: is no CSV ({cause})"
    with path.open("rb") as file:  # decoding runs ahead of the rows: look where it is
        for number, text in enumerate(file, 1):
            try:
                text.decode()
            except UnicodeDecodeError as found:
                wrong = f"byte {found.object[found.start]:#04x} at column {found.start + 1}"
                return f"line {number}: is no UTF-8 ({wrong}); a file saved as UTF-8 would be right"
    return "is no UTF-8; a file saved as UTF-8 would be right"


@contextmanager
def _parquet_table(path: Path) -> Iterator[Table]:
    import pyarrow as arrow  # type: ignore[import-untyped]  # large: only who has Parquet pays for it
    import pyarrow.parquet as parquet  # type: ignore[import-untyped]  # it comes without types

    with _opened(path) as raw:
        try:
            # Without pre_buffer, and with a buffer a column, a row group is never in memory as a whole.
            file = parquet.ParquetFile(raw, pre_buffer=False, buffer_size=1 << 16)
        except (arrow.ArrowException, OSError) as error:
            raise UnreadableFileError(str(path), [f"is no Parquet ({_first_line(error)})"]) from None
        with file:
            yield Table(tuple(file.schema_arrow.names), _parquet_records(path, file, arrow.ArrowException))


def _parquet_records(path: Path, file: Any, failure: type[Exception]) -> Iterator[Record]:  # noqa: ANN401 - pyarrow is untyped
    line = 0
    try:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
            for row in batch.to_pylist():
                line += 1
                yield Record(
                    line, {name: cell for name, cell in row.items() if cell is not None and cell != ""}
                )
    except UnicodeDecodeError:
        raise UnreadableFileError(str(path), [f"row {line + 1} or a few after it: is no UTF-8"]) from None
    except (failure, OSError) as error:
        raise UnreadableFileError(
            str(path), [f"after row {line}: is no Parquet ({_first_line(error)})"]
        ) from None


def _opened(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise UnreadableFileError(str(path), [f"cannot be opened: {error.strerror}"]) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


_OPENERS: dict[str, Callable[[Path], AbstractContextManager[Table]]] = {
    CSV: _csv_table,
    PARQUET: _parquet_table,
}
