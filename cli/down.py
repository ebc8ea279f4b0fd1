"""`muster down`: stops everything that runs on this machine and removes the local state."""

from __future__ import annotations

import shutil

import click

from cli.local import cloud, processes, stack_file
from cli.local.devices import existing_pid_files
from cli.local.errors import LocalStackError
from cli.local.layout import MARKER, Layout, exclusive, find
from cli.local.progress import Reporter


@click.command()
def down() -> None:
    """Stop the devices and the local cloud, and remove .muster/local with all its keys and state.

    Asks nothing, and does nothing when there is nothing. What `muster setup` made stays.

    \b
    Example:
      muster down
    """
    layout = find()
    if not layout.state.exists():
        click.echo("Nothing runs, and there is no local state.")
        return
    if not (layout.state / MARKER).exists():
        raise LocalStackError(
            f"{layout.state} has no {MARKER} in it, so Muster did not make it and does not remove it."
        )
    with exclusive(layout, "`muster down`"):
        _remove(layout, Reporter())


def _remove(layout: Layout, reporter: Reporter) -> None:
    with reporter.step("Devices and local cloud") as step:
        stopped = processes.stop([*existing_pid_files(layout), cloud.pid_file(layout)])
        step.done(f"{stopped} processes stopped")
    with reporter.step("Local state") as step:
        stack_file.drop_salt(layout.stack_file)
        shutil.rmtree(layout.state)
        step.done("removed")
