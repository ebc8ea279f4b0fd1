"""Puts the engine that was found or built into a project's `.tools/bin`, and remembers which it was.

`.tools/bin` holds links only, so that clones share one engine and `rm -rf .tools` undoes everything. It
gets the official language host when the engine is an official one, else our own launcher.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.build import VERSION, Report, ensure_built
from engine.search import LANGUAGE_HOST, LAUNCHER_MARK, SUPPORTED, Official, choose, parse_version

#: Found from where it lies, so that a project that is moved or linked still works.
_LAUNCHER = f"""#!/bin/sh
# Started by the Pulumi engine; see engine/language_host.py
exec "$(dirname "$0")/../../.venv/bin/python" -m {LAUNCHER_MARK} "$@"
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
    record = tools / "engine.json"
    if not (
        record.exists() and (tools / "bin" / "pulumi").exists() and (tools / "bin" / LANGUAGE_HOST).exists()
    ):
        return None
    known = json.loads(record.read_text())
    engine = Engine(Path(known["program"]), known["version"], known["built"])
    return engine if _still_right(engine) else None


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
    for old in (binaries / "pulumi", *binaries.glob(f"{LANGUAGE_HOST}*")):
        old.unlink(missing_ok=True)
    (binaries / "pulumi").symlink_to(engine.program)
    if engine.built:
        launcher = binaries / LANGUAGE_HOST
        launcher.write_text(_LAUNCHER)
        launcher.chmod(0o755)
    else:
        for host in _official_hosts(engine.program):
            (binaries / host.name).symlink_to(host)
    record = {**asdict(engine), "program": str(engine.program)}
    whole = tools / "engine.json.new"
    whole.write_text(json.dumps(record, indent=2) + "\n")
    whole.replace(tools / "engine.json")


def _official_hosts(program: Path) -> list[Path]:
    """The language host, and the `…-exec` script it needs, beside the engine or beside its link."""
    for folder in (program.parent, program.resolve().parent):
        hosts = sorted(folder.glob(f"{LANGUAGE_HOST}*"))
        if hosts:
            return hosts
    return []
