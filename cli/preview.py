"""`muster preview`: what `pulumi up` would do to a stack, with an account or without one."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from cli.local import cloud, environment, processes, scratch
from cli.local.deployment import Deployment, Outcome
from cli.local.errors import DeploymentError
from cli.local.layout import STACK, Layout, find
from cli.local.progress import Reporter
from cli.setup import ensure_tools
from fleet import load_stack

#: What our provider would ask of a service, to tell more in its notices, there is nobody to answer.
_OFFLINE = {"MUSTER_OFFLINE": "1"}


@dataclass(frozen=True)
class Previewed:
    """What a preview came to: an outcome, or why there is none."""

    outcome: Outcome | None
    failure: str = ""


@click.command()
@click.option(
    "-s",
    "--stack",
    "stacks",
    multiple=True,
    required=True,
    metavar="STACK",
    help="The stack; more than one -s previews each.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Preview as a new stack on a throw-away local cloud: no account, no keys, nothing left behind.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of tables.")
def preview(stacks: Sequence[str], offline: bool, as_json: bool) -> None:
    """Tell what `pulumi up` would do, by the real engine and providers. Nothing is changed.

    Without --offline the stack's own state and cloud account are read, as pulumi's settings and the
    environment name them. With it, certificates that the description names are made up, so it shows no fault
    of theirs (`muster fleet check --certificates` does).

    Exit codes: 0 every stack can be previewed, 1 one cannot (the reason is on standard error), 2 wrong usage.

    \b
    Example:
      muster preview -s prod --offline
    """
    layout = find()
    reporter = Reporter()
    names = list(dict.fromkeys(stacks))
    for name in names:
        load_stack(_file(layout, name))
    ensure_tools(layout, reporter)
    with _deployments(layout, names, offline, reporter) as deployments:
        results = {name: _previewed(deployment, reporter) for name, deployment in deployments.items()}
    _tell(results, as_json)
    sys.exit(1 if any(result.outcome is None for result in results.values()) else 0)


def _file(layout: Layout, stack: str) -> Path:
    return layout.project / "stacks" / f"Pulumi.{stack}.yaml"


@contextmanager
def _deployments(
    layout: Layout, stacks: Sequence[str], offline: bool, reporter: Reporter
) -> Iterator[Mapping[str, Deployment]]:
    """The stacks, ready to be previewed while the block runs."""
    if offline:
        with _throw_away(layout, stacks, reporter) as deployments:
            yield deployments
    else:
        yield {stack: Deployment(layout, _own_environment(layout, stack), stack) for stack in stacks}


@contextmanager
def _throw_away(
    layout: Layout, stacks: Sequence[str], reporter: Reporter
) -> Iterator[Mapping[str, Deployment]]:
    """New stacks in a scratch project, whose local cloud runs while the block does."""
    with tempfile.TemporaryDirectory(prefix="muster-preview-") as folder:
        fleets = {stack: load_stack(_file(layout, stack)) for stack in stacks}
        made = scratch.lay_out(layout.project, Path(folder), fleets)
        try:
            with reporter.step("Throw-away local cloud") as step:
                proxy = cloud.ensure(made.layout, step, cloud.ANY_PORTS).proxy
            variables = environment.variables(made.layout, proxy)
            yield {
                stack: _new(
                    made.layout, {**variables, **_OFFLINE, "MUSTER_KEY_STORE": str(made.keys[stack])}, stack
                )
                for stack in stacks
            }
        finally:
            processes.stop([cloud.pid_file(made.layout)])


def _new(layout: Layout, variables: Mapping[str, str], stack: str) -> Deployment:
    deployment = Deployment(layout, variables, stack)
    deployment.ensure_stack()
    return deployment


def _own_environment(layout: Layout, stack: str) -> dict[str, str]:
    """The person's own settings; for stack `local` those of the local stack, which must be up."""
    if stack != STACK:
        tools = str(layout.tools / "bin")
        return {**os.environ, "PATH": os.pathsep.join([tools, os.environ.get("PATH", os.defpath)])}
    proxy = cloud.proxy_of_running(layout)
    if proxy is None:
        raise DeploymentError("The local stack is not up: run `muster up` first, or preview it --offline.")
    return environment.variables(layout, proxy)


def _previewed(deployment: Deployment, reporter: Reporter) -> Previewed:
    """Preview one stack; that it cannot be is a result, too, so that all stacks are told of."""
    with tempfile.TemporaryDirectory(prefix="muster-preview-") as folder:
        try:
            with reporter.step(f"Preview of {deployment.stack}") as step:
                return Previewed(deployment.preview(Path(folder) / "preview.log", step))
        except DeploymentError as error:
            return Previewed(None, error.message)


def _tell(results: Mapping[str, Previewed], as_json: bool) -> None:
    for stack, result in results.items():
        if result.outcome is None:
            click.echo(f"Stack {stack}: {result.failure}", err=True)
    if as_json:
        stacks = {stack: _plain(result) for stack, result in results.items()}
        click.echo(json.dumps({"stacks": stacks}, indent=2))
        return
    console = Console()
    for stack, result in results.items():
        if result.outcome is not None:
            _show(console, stack, result.outcome)


def _plain(result: Previewed) -> dict[str, Any]:
    if result.outcome is None:
        return {"sound": False, "failure": result.failure}
    return {
        "sound": True,
        "changes": dict(sorted(result.outcome.changes.items())),
        "resources": [
            {"operation": operation, "type": kind, "name": urn.rsplit("::", 1)[-1]}
            for urn, (operation, kind) in sorted(result.outcome.operations.items())
        ],
        "notices": result.outcome.notices,
    }


def _show(console: Console, stack: str, outcome: Outcome) -> None:
    console.print()
    table = Table(title=f"Stack {stack}: {outcome.describe('would be ')}", title_justify="left")
    for name in ("operation", "type", "resources"):
        table.add_column(name, justify="right" if name == "resources" else "left", overflow="fold")
    for (operation, kind), count in sorted(outcome.touched.items()):
        table.add_row(operation, kind, str(count))
    console.print(table)
    for notice in outcome.notices:
        console.print(f"! {notice}", markup=False, highlight=False, soft_wrap=True)
