"""Certificates on disk: whole or not at all, the newest that holds is used, what it replaced goes."""

import subprocess
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent import certificates
from agent.assignment import Assignment
from agent.identities import Identities

from .processes import PROJECT
from .test_certificates import END, NOW, chain_for

NEVER = threading.Event()


class Clock:
    """A wall clock that tests move."""

    def __init__(self) -> None:
        self.moment = NOW

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "identity").mkdir(mode=0o700)
    return tmp_path / "identity"


@pytest.fixture
def identities(folder: Path, clock: Clock) -> Identities:
    return Identities(folder, "sensor-1", clock)


def _new(subject: str = "sensor-1") -> certificates.Identity:
    key = certificates.new_key()
    return certificates.checked(chain_for(key, subject), key, subject, NOW)


def test_nothing_is_known_at_first(identities: Identities, tmp_path: Path, clock: Clock) -> None:
    assert identities.known() is None
    assert identities.in_use() is None
    assert Identities(tmp_path / "missing", "sensor-1", clock).known() is None


def test_what_is_kept_is_known_and_private(identities: Identities, folder: Path) -> None:
    new = _new()
    kept = identities.keep(new, "hub-a", "sensor-one", NEVER)
    assert kept == Assignment("hub-a", "sensor-one", new.validity) == identities.known()
    files = identities.in_use()
    assert files is not None
    assert files.key.read_bytes() == new.key_pem()
    assert {it.stat().st_mode & 0o777 for it in folder.glob("*/*")} == {0o600}


def test_given_up_in_time_nothing_is_kept(identities: Identities, folder: Path) -> None:
    given_up = threading.Event()
    given_up.set()
    assert identities.keep(_new(), "hub-a", "sensor-1", given_up) is None
    assert list(folder.iterdir()) == []


def test_the_newest_is_used_and_the_others_go(identities: Identities, folder: Path) -> None:
    for hub in ("hub-a", "hub-b"):
        identities.keep(_new(), hub, "sensor-1", NEVER)
    assert len(list(folder.iterdir())) == 2, "both are there until the new one has proved itself"
    known = identities.known()
    assert known is not None
    assert known.hub == "hub-b"
    (folder / "unfinished").mkdir()
    identities.retire()
    assert [it.name for it in folder.iterdir()] == ["0000000002"]


def test_one_that_is_over_is_not_known(identities: Identities, clock: Clock) -> None:
    identities.keep(_new(), "hub-a", "sensor-1", NEVER)
    clock.moment = END - timedelta(seconds=1)
    assert identities.known() is not None
    clock.moment = END
    assert identities.known() is None


@pytest.mark.parametrize("damage", ["key.pem", "chain.pem", "assignment.json"])
@pytest.mark.parametrize("how", ["missing", "empty", "nonsense", "another's"])
def test_a_damaged_one_gives_way_to_the_one_before(
    identities: Identities, folder: Path, damage: str, how: str
) -> None:
    identities.keep(_new(), "hub-a", "sensor-1", NEVER)
    identities.keep(_new(), "hub-b", "sensor-1", NEVER)
    file = folder / "0000000002" / damage
    match how:
        case "missing":
            file.unlink()
        case "another's" if damage != "assignment.json":
            file.write_bytes((folder / "0000000001" / damage).read_bytes())
        case _:
            file.write_bytes({"empty": b"", "nonsense": b"\xff{"}.get(how, b"[]"))
    known = identities.known()
    assert known is not None
    assert known.hub == "hub-a"


def test_of_another_device_it_is_not_known(folder: Path, identities: Identities, clock: Clock) -> None:
    identities.keep(_new(), "hub-a", "sensor-1", NEVER)
    assert Identities(folder, "sensor-2", clock).known() is None
    assert Identities(folder, "sensor-1", clock, named=False).known() is not None
    assert Identities(folder, "sensor-2", clock, named=False).known() is None


KILLER = """
import os, signal, sys, threading, time
from pathlib import Path
from agent.identities import Identities
from tests.agent.test_identities import NOW, _new

identities = Identities(Path(sys.argv[1]), "sensor-1", lambda: NOW)
new = _new()
identities.keep(new, "hub-a", "sensor-1", threading.Event())
for moment in range(100):
    writer = os.fork()
    while not writer:
        identities.keep(new, "hub-a", "sensor-1", threading.Event())
        identities.retire()
    time.sleep(0.001 + moment * 0.00037)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    print("whole" if identities.known() else "broken", flush=True)
"""


def test_killed_at_any_moment_what_is_used_is_whole(folder: Path, identities: Identities) -> None:
    command = [sys.executable, "-c", KILLER, str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["whole"] * 100, done.stderr
    identities.retire()
    assert len(list(folder.iterdir())) == 1
