"""Which engine to use: a matching `pulumi` on PATH, else a Go that can build one.

A `pulumi` matches when its version is in `SUPPORTED` and its own `pulumi-language-python` lies beside it:
then the official language host is used too and nothing of ours stands between. What an earlier set-up of
ours put on PATH (`source .tools/env`) does not count as one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import NoEngineError

Version = tuple[int, int, int]

#: From the version that Muster is built and tested with, to before the next major one.
SUPPORTED: tuple[Version, Version] = ((3, 259, 0), (4, 0, 0))
#: The `go` line of engine/go.mod: the engine's own modules ask for it.
MINIMUM_GO: Version = (1, 25, 11)
#: Where Go's own installer puts it, which is not on PATH everywhere.
GO_FOLDERS = (Path("/usr/local/go/bin"), Path("/usr/lib/go/bin"), Path("/opt/homebrew/bin"))

LANGUAGE_HOST = "pulumi-language-python"
#: Lies in a project's `.tools` and says which engine was put into its `bin`.
RECORD = "engine.json"
_ASK_SECONDS = 30


@dataclass(frozen=True)
class Official:
    """A matching engine that the machine has already."""

    program: Path
    version: str


@dataclass(frozen=True)
class Go:
    """A Go toolchain that is new enough to build the engine."""

    program: Path
    version: str


def choose(environment: Mapping[str, str]) -> Official | Go:
    """Find what to use, in the order of PATH.

    Raises NoEngineError, which says of each `pulumi` and `go` that was met why it does not do.
    """
    path = environment.get("PATH", "")
    refused: list[str] = []
    for program in _all_on_path("pulumi", path):
        version = _reason_or_version(program, refused)
        if version:
            return Official(program, version)
    for program in _all_on_path("go", path, GO_FOLDERS):
        go = _go(program, refused)
        if go:
            return go
    raise NoEngineError(_no_engine_text(refused))


def parse_version(text: str) -> Version | None:
    """Read the first `1.2` or `1.2.3` of a text; None when there is none."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def _is_ours(program: Path) -> bool:
    """Tell an engine that an earlier set-up put into some `.tools/bin`: our record lies above it."""
    return (program.parent.parent / RECORD).exists()


def _reason_or_version(program: Path, refused: list[str]) -> str | None:
    """Return the version of a `pulumi` that matches; else add the reason to `refused` (none for our own)."""
    host = program.resolve().with_name(LANGUAGE_HOST)
    if _is_ours(program):
        return None
    text = _ask(program, "version")
    version = parse_version(text)
    if version is None:
        refused.append(f"{program} does not tell its version")
    elif not SUPPORTED[0] <= version < SUPPORTED[1]:
        refused.append(f"{program} is {text}, but {_range_text()} is needed")
    elif not host.exists():
        refused.append(f"{program} has no {LANGUAGE_HOST} beside it")
    else:
        return dotted(version)
    return None


def _go(program: Path, refused: list[str]) -> Go | None:
    text = _ask(program, "env", "GOVERSION")
    version = parse_version(text)
    if version is None:
        refused.append(f"{program} does not tell its version")
    elif version < MINIMUM_GO:
        refused.append(f"{program} is {dotted(version)}, but {dotted(MINIMUM_GO)} or newer is needed")
    else:
        return Go(program, text)
    return None


def _all_on_path(name: str, path: str, more: tuple[Path, ...] = ()) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in [*path.split(os.pathsep), *map(str, more)]:
        found = shutil.which(name, path=folder) if folder else None
        if found and Path(found).resolve() not in seen:
            seen.add(Path(found).resolve())
            yield Path(found)


def _ask(program: Path, *arguments: str) -> str:
    """Run the program and return what it says, or nothing when it fails: then its version is not known."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1", "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def dotted(version: Version) -> str:
    """Write a version as people do: 1.25.11."""
    return ".".join(map(str, version))


def _range_text() -> str:
    return f"{dotted(SUPPORTED[0])} or newer, below {dotted(SUPPORTED[1])},"


def _no_engine_text(refused: list[str]) -> str:
    met = "".join(f"\n  - {reason}" for reason in refused) or "\n  - no `pulumi` and no `go` is on PATH"
    return (
        f"Muster needs the Pulumi engine, and this machine has neither one nor a Go to build one:{met}\n"
        "Do one of the two, then run the same command again:\n"
        f"  1. install Pulumi {_range_text()} with its Python language host (pulumi.com/docs/install)\n"
        f"  2. install Go {dotted(MINIMUM_GO)} or newer (go.dev/doc/install); Muster then builds it, once"
    )
