"""Where the local stack lies, and that one command at a time changes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.local.errors import BusyError, NoProjectError
from cli.local.layout import MARKER, Layout, exclusive, find


def test_a_project_is_found_from_below(layout: Layout) -> None:
    below = layout.project / "docs" / "deep"
    below.mkdir(parents=True)
    assert find(below) == layout


def test_outside_a_project_the_person_is_told(tmp_path: Path) -> None:
    with pytest.raises(NoProjectError, match=r"no Pulumi\.yaml in .* or above it"):
        find(tmp_path)


def test_the_state_is_closed_to_other_users_and_marked_as_ours(layout: Layout) -> None:
    assert layout.state.stat().st_mode & 0o777 == 0o700
    assert layout.devices.stat().st_mode & 0o777 == 0o700
    assert (layout.state / MARKER).exists()


def test_a_second_command_is_told_who_is_at_work(layout: Layout) -> None:
    with (
        exclusive(layout, "`muster up`"),
        pytest.raises(BusyError, match="`muster up` works on this local stack"),
        exclusive(layout, "`muster down`"),
    ):
        pytest.fail("two at once")
    with exclusive(layout, "`muster down`"):
        pass


def test_a_command_that_was_killed_holds_nobody_up(layout: Layout) -> None:
    script = (
        "import os; from pathlib import Path; from cli.local.layout import Layout, exclusive\n"
        f"with exclusive(Layout(Path({str(layout.project)!r})), 'x'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with exclusive(layout, "`muster up`"):
        pass
