"""`muster setup`: what `make` cannot do with uv alone, the engine and everything around it."""

from __future__ import annotations

import os
from fcntl import LOCK_EX, flock

import click

from cli.local import environment
from cli.local.layout import Layout, find
from cli.local.progress import Reporter
from engine.install import Engine, ensure
from localcloud.providers.install import install


@click.command()
def setup() -> None:
    """Set up what is missing: the Pulumi engine, its plug-ins, the shell environment (.tools/env).

    \b
    Example:
      muster setup
    """
    layout = find()
    engine = ensure_tools(layout, Reporter())
    origin = "built by Muster" if engine.built else f"found at {engine.program}"
    click.echo(f"Pulumi {engine.version} ({origin}). Use it with: source .tools/env, or make shell")


def ensure_tools(layout: Layout, reporter: Reporter) -> Engine:
    """Set up what is missing below .tools, one command at a time. Raises EngineError."""
    layout.tools.mkdir(exist_ok=True)
    with (layout.tools / "lock").open("w") as lock, reporter.step("Set-up") as step:
        flock(lock, LOCK_EX)
        engine = ensure(layout.project, os.environ, step.update)
        install(layout.tools / "pulumi-home", layout.project / ".venv" / "bin" / "python")
        _write_if_new(layout)
        step.done(f"Pulumi {engine.version}")
    return engine


def _write_if_new(layout: Layout) -> None:
    file, text = layout.tools / "env", environment.shell_file(layout)
    if not (file.exists() and file.read_text() == text):
        file.write_text(text)
