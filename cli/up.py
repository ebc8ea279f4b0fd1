"""`muster up`: from nothing to provisioned devices, and from anything half done to the same."""

from __future__ import annotations

import json
import sys
import time
from functools import partial

import click
from rich.console import Console

from cli.local import cloud, environment, identity
from cli.local.deployment import Deployment, Outcome
from cli.local.devices import plan
from cli.local.errors import DeploymentError
from cli.local.layout import Layout, exclusive, find
from cli.local.progress import Reporter, Step
from cli.local.provisioning import Provisioned, bring_up, issue_certificates
from cli.local.recovery import left_behind, recover
from cli.local.runner import Reached, Runner
from cli.local.stack_file import kept
from cli.local.summary import Summary
from cli.setup import ensure_tools
from fleet import Fleet, load_stack

_MOST_DEVICES = 9999


@click.command()
@click.option(
    "--devices",
    default=20,
    show_default=True,
    type=click.IntRange(0, _MOST_DEVICES),
    help="How many devices run on each cloud. Fewer than now: the surplus stops, its registrations stay.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON instead of tables.")
def up(devices: int, as_json: bool) -> None:
    """Bring up the local cloud, the stack and its devices.

    Whatever is there already is left as it is; run it again after an interruption and it finishes the work.
    Exit code 1 when fewer devices came up than were asked for.

    \b
    Example:
      muster up --devices 200
    """
    layout = find()
    with exclusive(layout, "`muster up`"):
        summary = bring_all_up(layout, devices, Reporter())
    summary.save(layout.summary)
    if as_json:
        click.echo(json.dumps(summary.as_json(), indent=2))
    else:
        summary.show(Console())
    sys.exit(0 if summary.complete else 1)


def bring_all_up(layout: Layout, count: int, reporter: Reporter) -> Summary:
    """Run the steps of `up` in order; the description is checked first, so a fault in it leaves nothing."""
    began = time.monotonic()
    fleet = load_stack(layout.stack_file)
    ensure_tools(layout, reporter)
    layout.create()
    identity.ensure_passphrases(layout)
    with reporter.step("CA chain") as step:
        chain = identity.ensure_chain(layout, fleet, step)
        with identity.LeafIssuer(layout, fleet, chain) as issuer:
            identity.ensure_claims(layout, fleet, issuer)
    with reporter.step("Local cloud") as step:
        endpoints = cloud.ensure(layout, step)
    variables = environment.variables(layout, endpoints.proxy)
    outcome = deploy(Deployment(layout, variables), reporter)
    runner = Runner(layout, variables, Reached.of(fleet, outcome.outputs))
    with identity.LeafIssuer(layout, fleet, chain) as issuer:
        issued, provisioned = provision(layout, fleet, count, issuer, runner, reporter)
    return Summary(fleet.clouds, outcome, provisioned, issued, endpoints.started, time.monotonic() - began)


def deploy(deployment: Deployment, reporter: Reporter) -> Outcome:
    """Recover from an interrupted update when there was one, then `pulumi up`."""
    with kept(deployment.layout.stack_file):
        deployment.ensure_stack()
        if left_behind(deployment):
            with reporter.step("Interrupted update") as step:
                recover(deployment, step)
                step.done("cleared; what it left undone is done next")
        with reporter.step("pulumi up") as step:
            return _up(deployment, step)


def _up(deployment: Deployment, step: Step) -> Outcome:
    """Run the engine; when it failed because the local cloud has ended, say that instead."""
    try:
        return deployment.up(step)
    except DeploymentError:
        cloud.require(deployment.layout)
        raise


def provision(
    layout: Layout,
    fleet: Fleet,
    count: int,
    issuer: identity.LeafIssuer,
    runner: Runner,
    reporter: Reporter,
) -> tuple[int, Provisioned]:
    """Give the devices certificates and bring them up; returns how many were issued, and how they came up."""
    devices = plan(layout, fleet, count)
    with reporter.step("Device certificates") as step:
        issued = issue_certificates(devices, issuer, step)
    with reporter.step("Devices") as step:
        return issued, bring_up(layout, devices, runner, step, partial(cloud.require, layout))
