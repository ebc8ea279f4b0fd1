"""`muster setup`, `up`, `down`, `status` before anything is there, or when it is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MUSTER = Path(sys.executable).with_name("muster")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    return tmp_path


def muster(folder: Path, *arguments: str, path: str = "/usr/bin:/bin") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}
    return subprocess.run(
        [MUSTER, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("command", ["setup", "up", "down", "status"])
def test_outside_a_project_each_says_so(command: str, tmp_path: Path) -> None:
    answer = muster(tmp_path, command)
    assert answer.returncode == 1
    assert "There is no Pulumi.yaml" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_down_with_nothing_there_is_done(project: Path) -> None:
    answer = muster(project, "down")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "Nothing runs" in answer.stdout


def test_down_removes_no_folder_that_muster_did_not_make(project: Path) -> None:
    precious = project / ".muster" / "local" / "precious"
    precious.parent.mkdir(parents=True)
    precious.touch()
    answer = muster(project, "down")
    assert answer.returncode == 1
    assert "Muster did not make it" in answer.stderr
    assert precious.exists()


def test_down_removes_the_state_and_says_so(project: Path) -> None:
    state = project / ".muster" / "local"
    (state / "devices" / "one").mkdir(parents=True)
    (state / "muster-local-state").touch()
    answer = muster(project, "down")
    assert answer.returncode == 0, answer.stderr
    assert "Local state: removed" in answer.stderr
    assert not state.exists()


def test_status_with_nothing_there(project: Path) -> None:
    answer = muster(project, "status")
    assert answer.returncode == 0, answer.stderr
    assert "does not run" in answer.stdout


def test_without_go_and_pulumi_set_up_tells_both_ways_out(project: Path) -> None:
    if any((Path(folder) / "go").exists() for folder in ("/usr/local/go/bin", "/usr/lib/go/bin")):
        script = (
            "import engine.search; engine.search.GO_FOLDERS = ()\n"
            "import sys; sys.argv = ['muster', 'setup']\n"
            "from cli.main import main; main()"
        )
        command = [sys.executable, "-c", script]
    else:
        command = [str(MUSTER), "setup"]
    environment = {"PATH": str(project), "HOME": str(project), "LANG": "C.UTF-8"}
    answer = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    assert "install Pulumi 3.259.0 or newer" in answer.stderr
    assert "install Go 1.25.11 or newer" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_faulty_description_leaves_nothing_half_made(project: Path) -> None:
    (project / "stacks" / "Pulumi.local.yaml").write_text("config:\n  muster:fleet: {nmae: x}\n")
    answer = muster(project, "up", path=os.environ["PATH"])
    assert answer.returncode == 1
    assert "nmae" in answer.stderr
    assert "Pulumi.local.yaml" in answer.stderr
    assert not (project / ".muster" / "local").exists()


def test_a_number_of_devices_that_makes_no_sense_is_refused(project: Path) -> None:
    answer = muster(project, "up", "--devices", "-1")
    assert answer.returncode == 2
    assert "--devices" in answer.stderr
