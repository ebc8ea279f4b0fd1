"""`muster device`: disable and enable devices; fetch a device's symmetric key."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click

from cli.operating import FILE, Target, json_option, plan_option, print_json, target_options
from fleet.description import Device, Enrollment
from operations import keys
from operations.actions import disable as disabling
from operations.actions import enable as enabling
from operations.actions.holds import Holds
from operations.actions.session import OF_ONE_DEVICE, Order, Outcome, Session, check_devices, new_operation
from operations.cloud import Cloud
from operations.errors import RequestError

UP_TO = 10

Plan = Callable[[Cloud, Holds, str], Outcome]
Act = Callable[[Session, str], Outcome]


@dataclass
class Results:
    """What became of each device."""

    done: list[Outcome] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


_reason = click.option("--reason", required=True, help="Why, for the record and the hub's statusReason.")


@click.group()
def device() -> None:
    """Disable and enable devices; fetch a device's key.

    Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 wrong usage.
    """


@device.command()
@click.argument("registration_ids", nargs=-1, required=True, metavar="REGISTRATION_ID…")
@_reason
@click.option(
    "--up-to", type=click.IntRange(1), default=UP_TO, show_default=True, help="At most so many devices."
)
@click.option("--unregistered", is_flag=True, help="Also keep out devices that nobody knows yet.")
@plan_option
@json_option
@target_options
def disable(
    registration_ids: tuple[str, ...],
    reason: str,
    up_to: int,
    unregistered: bool,
    only_plan: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Disable devices: each one's enrollment first, then its identity in its hub, as one operation.

    A device of a group gets a disabled individual enrollment, which keeps it out of every group. Stopped
    half-way, run the same command again: it goes on. What is done is on record, and `enable` undoes it.

    \b
    Example:
      muster device disable reefer-7 -s prod --reason "stolen from the depot"
    """
    check_devices(registration_ids, up_to)
    order = Order(target.who, reason)
    results = _each(
        target,
        registration_ids,
        partial(disabling.plan, unregistered=unregistered) if only_plan else None,
        partial(disabling.disable, order=order, unregistered=unregistered),
    )
    _tell(results, "disabled", target, only_plan, as_json)
    if not as_json:
        _warn_of_description(target, results.done)
    sys.exit(1 if results.failed else 0)


@device.command()
@click.argument("registration_ids", nargs=-1, required=True, metavar="REGISTRATION_ID…")
@_reason
@click.option("--even-if-changed", is_flag=True, help="Undo also what somebody changed since we disabled it.")
@plan_option
@json_option
@target_options
def enable(
    registration_ids: tuple[str, ...],
    reason: str,
    even_if_changed: bool,
    only_plan: bool,
    as_json: bool,
    target: Target,
) -> None:
    """Enable devices that `disable` disabled: undo exactly what is on record, and nothing else.

    What was disabled before Muster came stays disabled. What somebody changed since is told, and let be.

    \b
    Example:
      muster device enable reefer-7 -s prod --reason "found again, untouched"
    """
    check_devices(registration_ids, len(registration_ids))
    order = Order(target.who, reason)
    results = _each(
        target,
        registration_ids,
        partial(enabling.plan, even_if_changed=even_if_changed) if only_plan else None,
        partial(enabling.enable, order=order, even_if_changed=even_if_changed),
    )
    _tell(results, "enabled", target, only_plan, as_json)
    sys.exit(1 if results.failed else 0)


@device.command()
@click.argument("registration_id")
@click.option("--group", help="The group that it belongs to; without it, its individual enrollment.")
@click.option("--out", type=FILE, required=True, help="The file to make, mode 0600; must not exist.")
@click.option("--secondary", is_flag=True, help="The secondary key instead of the primary one.")
@target_options
def key(registration_id: str, group: str | None, out: Path, secondary: bool, target: Target) -> None:
    """Fetch a device's symmetric key into a file, to be moved to the device. It is never printed.

    The key of a group's device is derived from the group's, which stays in memory. Write REGISTRATION_ID as
    the device will.

    \b
    Example:
      muster device key scanner-3 --group scanners --out scanner-3.key -s prod
    """
    if out.exists():
        raise RequestError(f"{out} is there already, and no key is ever overwritten")
    source = f"group {group}" if group else "its individual enrollment"
    order = Order(target.who, f"key of {source} for a device")
    with target.cloud() as cloud, target.log.open() as writer:
        found = keys.device_key(cloud, registration_id, group, "secondary" if secondary else "primary")
        session = Session(cloud, writer)
        subject = session.subject("key", new_operation(), registration_id, order)
        session.note(subject, "fetched", group=group, slot="secondary" if secondary else "primary")
        keys.write(out, found)
    click.echo(f"{registration_id}: its key, from {source}, is in {out} (mode 0600); keep no copy")


def _each(target: Target, registration_ids: Iterable[str], plan: Plan | None, act: Act) -> Results:
    """Plan or act on one device after the other."""
    with target.cloud() as cloud:
        if plan is not None:
            holds = Holds(target.log.entries())
            return _collected(registration_ids, partial(plan, cloud, holds))
        with target.log.open() as writer:
            return _collected(registration_ids, partial(act, Session(cloud, writer)))


def _collected(registration_ids: Iterable[str], act: Callable[[str], Outcome]) -> Results:
    """What goes wrong with one device does not stop the others."""
    results = Results()
    for name in registration_ids:
        try:
            results.done.append(act(name))
        except OF_ONE_DEVICE as error:
            results.failed[name] = str(error)
    return results


def _tell(results: Results, verb: str, target: Target, only_plan: bool, as_json: bool) -> None:
    for text in results.failed.values():
        click.echo(f"Error: {text}", err=True)
    if as_json:
        devices = [outcome_document(outcome, verb, only_plan) for outcome in results.done]
        devices += [
            {"registrationId": name, "outcome": "failed", "error": text, "steps": []}
            for name, text in results.failed.items()
        ]
        print_json({"service": target.service, "record": str(target.record), "devices": devices})
        return
    for outcome in results.done:
        click.echo(outcome_text(outcome, verb, only_plan))


def outcome_text(outcome: Outcome, verb: str, only_plan: bool) -> str:
    """What became of a device, for a person."""
    if not outcome.changed:
        headline = f"{outcome.registration_id}: {verb} already"
    elif only_plan:
        headline = f"{outcome.registration_id}: would be {verb}"
    else:
        gone_on = ", going on where an earlier command was stopped" if outcome.resumed else ""
        headline = f"{outcome.registration_id}: {verb} (operation {outcome.operation}{gone_on})"
    return "\n".join([headline, *(f"  {step.text}" for step in outcome.steps)])


def outcome_document(outcome: Outcome, verb: str, only_plan: bool) -> dict[str, Any]:
    """What became of a device, for a program."""
    changed = "planned" if only_plan else verb
    return {
        "registrationId": outcome.registration_id,
        "outcome": changed if outcome.changed else "unchanged",
        "operation": outcome.operation,
        "resumed": outcome.resumed,
        "steps": [
            {"what": step.what, "action": step.action, "hub": step.hub, "how": step.how, "etag": step.etag}
            for step in outcome.steps
        ],
    }


def _warn_of_description(target: Target, outcomes: Sequence[Outcome]) -> None:
    """A description that still says enabled will have its way at the next `pulumi up`."""
    if target.fleet is None:
        return
    named: dict[str, Enrollment | Device] = {**target.fleet.enrollments, **target.fleet.devices}
    for outcome in outcomes:
        entry = named.get(outcome.registration_id)
        if entry is not None and entry.enabled:
            click.echo(
                f"! {outcome.registration_id} stands in the fleet's description: set `enabled: false` there, "
                "too, or the next `pulumi up --refresh` enables it again",
                err=True,
            )
