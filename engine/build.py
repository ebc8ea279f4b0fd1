"""Builds the engine with Go, once for all clones of a user.

The program lands in `$XDG_CACHE_HOME/muster/engine/<key>/pulumi`; the key is a hash of everything that
decides what is built. One build at a time (a lock file), into a folder of its own that is renamed when it
is whole, so that a reader never meets half a program. A build that was ended goes on where it was: Go keeps
every compiled package.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from engine.errors import BuildError
from engine.search import Go

#: The engine's version, as engine/go.mod pins it.
VERSION = "3.259.0"
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
#: Stripped (160 MB become 110), and told its version, which Go modules do not do by themselves.
LDFLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"
SOURCE = Path(__file__).parent
_INPUTS = ("go.mod", "go.sum", "tools.go")
_TAIL_LINES = 15

#: Told how far a long step is: what it does, how many are done, and of how many (0: not known).
Report = Callable[[str, int, int], None]


def cache_root(environment: Mapping[str, str]) -> Path:
    """Return the folder of built engines (XDG Base Directory: an empty or relative value does not count)."""
    configured = environment.get("XDG_CACHE_HOME", "")
    base = Path(configured) if Path(configured).is_absolute() else Path.home() / ".cache"
    return base / "muster" / "engine"


def cache_key(go: Go, source: Path = SOURCE) -> str:
    """Hash what decides the outcome: the modules, the Go version, the flags, the platform."""
    digest = hashlib.sha256()
    for name in _INPUTS:
        digest.update((source / name).read_bytes())
    for part in (go.version, LDFLAGS, platform.system(), platform.machine()):
        digest.update(b"\0" + part.encode())
    return digest.hexdigest()[:16]


def ensure_built(go: Go, environment: Mapping[str, str], report: Report, source: Path = SOURCE) -> Path:
    """Return the built engine, building it when this user has none yet.

    Raises BuildError with the end of Go's output and what to do.
    """
    root, key = cache_root(environment), cache_key(go, source)
    program = root / key / "pulumi"
    if program.exists():
        return program
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / f"{key}.lock", report):
        if not program.exists():
            _build(go, environment, report, source, program)
    return program


@contextmanager
def _locked(path: Path, report: Report) -> Iterator[None]:
    """Hold the lock of one key. The system drops it when the holder dies, however that happens."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another Muster is building the engine: waiting for it", 0, 0)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(go: Go, environment: Mapping[str, str], report: Report, source: Path, program: Path) -> None:
    folder = program.parent
    for left in folder.parent.glob(f"{folder.name}.partial-*"):
        shutil.rmtree(left)
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    partial.mkdir()
    with folder.with_name(f"{folder.name}.log").open("w+") as log:
        run = _GoRun(go, _go_environment(environment), source, log)
        packages = _download(run, report)
        _compile(run, partial / program.name, packages, report)
    partial.rename(folder)


def _go_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Keep the user's module proxy and flags; never fetch another toolchain; need no C compiler."""
    return {**environment, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}


@dataclass(frozen=True)
class _GoRun:
    """Runs Go commands in the module's folder; everything they say goes to the log."""

    go: Go
    environment: Mapping[str, str]
    source: Path
    log: TextIO

    def lines(self, *arguments: str) -> Iterator[str]:
        """Yield what the command prints; raise BuildError when it fails."""
        with subprocess.Popen(
            [self.go.program, *arguments],
            cwd=self.source,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    self.log.write(line)
                    yield line.rstrip()
            except BaseException:
                process.terminate()
                raise
        if process.returncode:
            raise BuildError(self._failure(arguments[0], process.returncode))

    def _failure(self, command: str, code: int) -> str:
        self.log.flush()
        said = Path(self.log.name).read_text().splitlines()[-_TAIL_LINES:]
        end = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        return (
            f"Building the Pulumi engine did not work: `go {command}` {end}. The end of {self.log.name}:\n"
            + "".join(f"    {line}\n" for line in said)
            + "Run the same command again: what was downloaded and compiled is kept; it goes on from there."
        )


def _download(run: _GoRun, report: Report) -> int:
    """Fetch the modules that are missing and return how many packages the engine has."""
    packages = downloads = 0
    report("looking up the engine's modules", 0, 0)
    for line in run.lines("list", "-deps", PACKAGE):
        if line.startswith("go: "):
            downloads += 1
            report(f"downloading the engine's modules ({downloads})", 0, 0)
        else:
            packages += 1
    return packages


def _compile(run: _GoRun, program: Path, packages: int, report: Report) -> None:
    """Compile and link. Go names only what it compiles: a resumed build has fewer to count."""
    report("compiling the engine (about five minutes on two cores, once)", 0, packages)
    arguments = ("build", "-v", "-trimpath", "-ldflags", LDFLAGS, "-o", str(program), PACKAGE)
    for done, _ in enumerate(run.lines(*arguments), start=1):
        report("compiling the engine", min(done, packages), packages)
    report("the engine is built", packages, packages)
