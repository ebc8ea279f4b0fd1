"""Progress: plain lines without a terminal, live ones in it, no colour when none is wanted."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cli.local import progress
from cli.local.progress import Reporter


def test_without_a_terminal_a_step_is_one_plain_line() -> None:
    out = io.StringIO()
    with Reporter(Console(file=out)).step("Local cloud") as step:
        step.update("starting")
        step.done("listens [on] 127.0.0.1")
    assert out.getvalue() == "✓ Local cloud: listens [on] 127.0.0.1\n"


def test_a_long_step_says_now_and_then_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PLAIN_SECONDS", 0.0)
    out = io.StringIO()
    with Reporter(Console(file=out)).step("Set-up") as step:
        step.update("compiling", 3, 1600)
    assert "  Set-up: compiling (3 of 1600)\n" in out.getvalue()


def test_a_step_that_fails_leaves_no_tick() -> None:
    out = io.StringIO()

    def fail() -> None:
        with Reporter(Console(file=out)).step("Devices"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "✓" not in out.getvalue()


@pytest.mark.parametrize("no_color", [True, False])
def test_no_color_is_honoured_in_a_terminal(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with Reporter(console).step("Devices") as step:
        step.update("devices up", 2, 4)
        step.done("4 of 4 up")
    assert "✓ Devices: 4 of 4 up" in out.getvalue()
    assert ("\x1b[3" in out.getvalue()) is not no_color
