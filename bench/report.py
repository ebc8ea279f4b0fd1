"""docs/benchmarks.md: a section a measurement, each with the day and the machine it was measured on.

Sections stand between markers, so that one of them can be measured again while the others stay as they are.
"""

import datetime
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

from bench.workspace import PROJECT

REPORT = PROJECT / "docs" / "benchmarks.md"
ORDER = ("preview", "fleet-size", "provisioning", "connections", "unchanged", "manifest", "kills", "soak")
_HEAD = """# Benchmarks

Written by `make bench`, `make bench FULL=1` and `make soak` (docs/testing.md); every figure stands beside its
peer or its goal. Median (minimum to maximum). These machines are noisy: trust ratios before seconds.
"""
_SECTION = re.compile(r"<!-- section: (?P<key>[a-z-]+) -->\n(?P<text>.*?)<!-- end -->\n", re.DOTALL)


def section(title: str, how: str, unit: str, rows: Iterable[tuple[str, str]], goal: str) -> str:
    """One measurement: how it was taken, a table, and what it says about the goal."""
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    taken = f"{how} " if how else ""
    return f"## {title}\n\n{taken}{_when()}\n\n| | {unit} |\n| --- | --- |\n{table}\n\n{goal}\n"


def write(sections: dict[str, str], file: Path = REPORT) -> None:
    """Put these sections in place of those of the same key; the others stay."""
    known = read(file.read_text()) if file.exists() else {}
    merged = known | sections
    parts = [f"<!-- section: {key} -->\n{merged[key]}<!-- end -->\n" for key in ORDER if key in merged]
    file.write_text("\n".join([_HEAD, *parts]))


def read(text: str) -> dict[str, str]:
    """The sections of a report."""
    return {found["key"]: found["text"] for found in _SECTION.finditer(text)}


def _when() -> str:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"{today}, Python {platform.python_version()}, {os.cpu_count()} processors."
