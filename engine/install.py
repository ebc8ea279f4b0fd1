"""Puts the engine that was found or built into a project's `.tools/bin`, and remembers which it was.

`.tools/bin` shares the engine with the cache, so that clones cost no disk and `rm -rf .tools` undoes all of
it. An official engine is a symbolic link: it finds its own language host beside the real file. One that we
built is a hard link (a copy on another file system) with our launcher beside it, because the engine looks
for its language host beside itself and warns about one that it finds elsewhere.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.build import VERSION, Report, ensure_built
from engine.search import LANGUAGE_HOST, RECORD, SUPPORTED, Official, choose, parse_version

#: Found from where it lies, so that a project that is moved or linked still works.
_LAUNCHER = """#!/bin/sh
# Started by the Pulumi engine; see engine/language_host.py
project=$(cd -P "$(dirname "$0")/../.." && pwd -P)
exec "$project/.venv/bin/python" -m engine.language_host "$@"
"""


@dataclass(frozen=True)
class Engine:
    """The engine of a project: which program, its version, and whether Muster built it."""

    program: Path
    version: str
    built: bool


def ensure(project: Path, environment: Mapping[str, str], report: Report) -> Engine:
    """Return the project's engine, finding or building it when there is none yet.

    Raises EngineError. Costs nothing but two file reads when everything is there.
    """
    tools = project / ".tools"
    engine = installed(tools)
    if engine is None:
        engine = _obtain(environment, report)
        _install(engine, tools)
    return engine


def installed(tools: Path) -> Engine | None:
    """Read which engine was installed; None when there is none, it has gone, or another is needed now."""
    record = tools / RECORD
    if not (record.exists() and (tools / "bin" / "pulumi").exists()):
        return None
    known = json.loads(record.read_text())
    engine = Engine(Path(known["program"]), known["version"], known["built"])
    whole = not engine.built or (tools / "bin" / LANGUAGE_HOST).exists()
    return engine if whole and _still_right(engine) else None


def _still_right(engine: Engine) -> bool:
    version = parse_version(engine.version)
    if engine.built:
        return engine.version == VERSION
    return version is not None and SUPPORTED[0] <= version < SUPPORTED[1]


def _obtain(environment: Mapping[str, str], report: Report) -> Engine:
    choice = choose(environment)
    if isinstance(choice, Official):
        return Engine(choice.program, choice.version, built=False)
    return Engine(ensure_built(choice, environment, report), VERSION, built=True)


def _install(engine: Engine, tools: Path) -> None:
    binaries = tools / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    for name in ("pulumi", LANGUAGE_HOST):
        (binaries / name).unlink(missing_ok=True)
    if engine.built:
        _link_or_copy(engine.program, binaries / "pulumi")
        launcher = binaries / LANGUAGE_HOST
        launcher.write_text(_LAUNCHER)
        launcher.chmod(0o755)
    else:
        (binaries / "pulumi").symlink_to(engine.program.resolve())
    record = {**asdict(engine), "program": str(engine.program)}
    whole = tools / "engine.json.new"
    whole.write_text(json.dumps(record, indent=2) + "\n")
    whole.replace(tools / RECORD)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(source, target)
