"""Building the engine into the cache: once, whole or not at all, one at a time, with a clear end."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import build
from engine.errors import BuildError
from engine.search import Go
from tests.engine.conftest import SYSTEM, Put

#: Says what Go says; `build` writes the program that `-o` names, and counts how often it ran.
FAKE_GO = r"""
case "$1" in
  list) echo "go: downloading example.org/one v1.0.0" >&2; echo one; echo two ;;
  build)
    echo run >>"$(dirname "$0")/runs"
    [ -n "$FAIL" ] && { echo "one.go:1:1: no space left on device" >&2; exit 1; }
    [ -n "$SLEEP" ] && sleep "$SLEEP"
    while [ "$1" != -o ]; do shift; done
    echo one; echo two
    printf '#!/bin/sh\necho built\n' >"$2"; chmod +x "$2" ;;
esac
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name in ("go.mod", "go.sum", "tools.go"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"PATH": SYSTEM, "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def go(put: Put) -> Go:
    return Go(put("go/go", FAKE_GO), "go1.26.8")


def quiet(_text: str, _done: int, _total: int) -> None:
    """Show nothing."""


def runs(tmp_path: Path) -> int:
    file = tmp_path / "go" / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_it_builds_once_and_says_how_far_it_is(
    go: Go, environment: dict[str, str], source: Path, tmp_path: Path
) -> None:
    said: list[tuple[str, int, int]] = []
    program = build.ensure_built(go, environment, lambda *step: said.append(step), source)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "built\n"
    assert ("downloading the engine's modules (1)", 0, 0) in said
    assert ("compiling the engine", 2, 2) in said
    assert build.ensure_built(go, environment, quiet, source) == program
    assert runs(tmp_path) == 1


def test_another_go_or_other_modules_are_another_engine(go: Go, source: Path) -> None:
    key = build.cache_key(go, source)
    assert key != build.cache_key(Go(go.program, "go1.26.9"), source)
    (source / "go.sum").write_text("changed")
    assert key != build.cache_key(go, source)


def test_a_failure_shows_the_end_of_gos_output_and_the_next_try_goes_on(
    go: Go, environment: dict[str, str], source: Path, tmp_path: Path
) -> None:
    with pytest.raises(BuildError) as failed:
        build.ensure_built(go, environment | {"FAIL": "1"}, quiet, source)
    assert "`go build` failed with exit code 1" in str(failed.value)
    assert "no space left on device" in str(failed.value)
    assert "Run the same command again" in str(failed.value)
    assert build.ensure_built(go, environment, quiet, source).exists()
    assert not list((tmp_path / "cache").rglob("*.partial-*"))


def test_what_a_killed_build_left_is_cleared_and_the_build_done(
    go: Go, environment: dict[str, str], source: Path, tmp_path: Path
) -> None:
    script = (
        "from pathlib import Path; from engine import build; from engine.search import Go\n"
        f"go = Go(Path({str(go.program)!r}), {go.version!r})\n"
        f"show = lambda *step: print(*step, flush=True)\n"
        f"build.ensure_built(go, {environment | {'SLEEP': '30'}!r}, show, Path({str(source)!r}))"
    )
    killed = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert killed.stdout is not None
    while b"compiling" not in killed.stdout.readline():
        pass
    os.killpg(killed.pid, 9)
    killed.wait()
    killed.stdout.close()
    cache = build.cache_root(environment)
    assert list(cache.glob("*.partial-*"))
    assert build.ensure_built(go, environment, quiet, source).exists()
    assert not list(cache.glob("*.partial-*"))


def test_two_builds_at_once_are_one(
    go: Go, environment: dict[str, str], source: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    threads = [
        threading.Thread(
            target=build.ensure_built,
            args=(go, environment | {"SLEEP": "0.3"}, lambda text, *_: said.append(text), source),
        )
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs(tmp_path) == 1
    assert "another Muster is building the engine: waiting for it" in said


def test_the_lock_of_a_process_that_died_holds_nobody_up(
    go: Go, environment: dict[str, str], source: Path
) -> None:
    root = build.cache_root(environment)
    root.mkdir(parents=True)
    lock = root / f"{build.cache_key(go, source)}.lock"
    script = (
        "import fcntl, os; "
        f"file = open({str(lock)!r}, 'w'); fcntl.flock(file, {fcntl.LOCK_EX}); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    assert build.ensure_built(go, environment, quiet, source).exists()


@pytest.mark.parametrize(
    ("configured", "expected"),
    [("/var/cache/mine", "/var/cache/mine"), ("", "~/.cache"), ("here", "~/.cache")],
)
def test_the_cache_is_the_users(configured: str, expected: str) -> None:
    root = build.cache_root({"XDG_CACHE_HOME": configured})
    assert root == Path(expected).expanduser() / "muster" / "engine"


def test_the_committed_modules_pin_the_version_that_the_program_is_told() -> None:
    assert f"github.com/pulumi/pulumi/pkg/v3 v{build.VERSION}" in (build.SOURCE / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{build.VERSION} h1:" in (build.SOURCE / "go.sum").read_text()
