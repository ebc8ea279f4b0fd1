"""docs/benchmarks.md: a section a measurement, each with the day and the machine it was measured on.

Sections stand between markers, so that one of them can be measured again while the others stay as they are.
What was measured at full size is marked so, and stays until that is measured again.
"""

import datetime
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from bench.workspace import PROJECT

REPORT = PROJECT / "docs" / "benchmarks.md"
ORDER = (
    "preview",
    "clouds",
    "fleet-size",
    "provisioning",
    "aws-provisioning",
    "connections",
    "unchanged",
    "manifest",
    "kills",
    "soak",
    "issuing",
    "revocation",
)
_HEAD = """# Benchmarks

Written by `make bench`, `make bench FULL=1` and `make soak` (docs/testing.md); every figure stands beside its
peer or its goal. Median (minimum to maximum). These machines are noisy: trust ratios before seconds.
"""
_SECTION = re.compile(
    r"<!-- section: (?P<key>[a-z-]+)(?P<full>, full)? -->\n(?P<text>.*?)<!-- end -->\n", re.DOTALL
)


class Section(NamedTuple):
    """A measurement's text, and whether it was one of full size."""

    text: str
    is_full: bool = False


def section(title: str, how: str, unit: str, rows: Iterable[tuple[str, str]], goal: str) -> str:
    """One measurement: how it was taken, a table, and what it says about the goal.

    `unit` heads the second column; with bars in it, there are more columns.
    """
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    line = "| --- " * (2 + unit.count("|")) + "|"
    taken = f"{how} " if how else ""
    return f"## {title}\n\n{taken}{_when()}\n\n| | {unit} |\n{line}\n{table}\n\n{goal}\n"


def write(sections: dict[str, str], *, full: bool = False, file: Path = REPORT) -> None:
    """Put these sections in place of those of the same key; the others stay, and so do fuller ones.

    Raises ValueError for a section that has no place in ORDER.
    """
    if lost := sections.keys() - set(ORDER):
        raise ValueError(f"bench/report.py's ORDER has no place for {', '.join(sorted(lost))}")
    known = read(file.read_text()) if file.exists() else {}
    for key, text in sections.items():
        if full or not known.get(key, Section("")).is_full:
            known[key] = Section(text, full)
    parts = [_marked(key, known[key]) for key in ORDER if key in known]
    file.write_text("\n".join([_HEAD, *parts]))


def read(text: str) -> dict[str, Section]:
    """The sections of a report."""
    return {it["key"]: Section(it["text"], bool(it["full"])) for it in _SECTION.finditer(text)}


def _marked(key: str, section: Section) -> str:
    return f"<!-- section: {key}{', full' if section.is_full else ''} -->\n{section.text}<!-- end -->\n"


def _when() -> str:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return f"{today}, Python {platform.python_version()}, {os.cpu_count()} processors."
