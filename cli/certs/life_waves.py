"""`muster certs waves`: rotate certificates a few at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from certs.errors import UnreadableError
from certs.life import waves
from certs.life.books import Books
from certs.life.waves import Outcome, Plan, WaveError
from certs.reading import read_bytes
from cli.certs.life import directory_option
from cli.certs.shared import FILE, days_option, json_option, print_json, reported

_file = click.argument("file", type=FILE)


@click.group("waves")
def group() -> None:
    """Rotate certificates in waves: a few devices first, and a stop when too many fail."""


@group.command("plan")
@_file
@directory_option
@days_option("--within", 30, "Devices whose certificate expires within so many days.")
@click.option("--devices", type=FILE, help="These devices instead, one registration id a line.")
@click.option(
    "--shares",
    default=",".join(f"{each:g}" for each in waves.DEFAULT_SHARES),
    show_default=True,
    help="How much of them, in percent, each wave brings it up to.",
)
@click.option(
    "--tolerate",
    type=float,
    default=waves.DEFAULT_TOLERATED,
    show_default=True,
    help="Failures in percent of a wave; more stop it.",
)
@json_option
@reported
def plan_command(
    file: Path,
    directory: Path,
    within: int,
    devices: Path | None,
    shares: str,
    tolerate: float,
    as_json: bool,
) -> None:
    """Plan the waves, into FILE.

    \b
    Example:
      muster certs waves plan rotation.json --directory pki --within 400
    """
    found = _lines(devices) if devices else _expiring(directory, within)
    plan = waves.plan(found, _shares(shares), tolerate)
    waves.write(file, plan, new=True)
    _told(plan, as_json)


@group.command("next")
@_file
@json_option
@reported
def next_command(file: Path, as_json: bool) -> None:
    """Open the next wave and print its devices: renew those, then report. Refused after too many failures.

    \b
    Example:
      muster certs waves next rotation.json
    """
    plan = waves.read(file).next()
    waves.write(file, plan)
    if as_json:
        print_json(_facts(plan))
        return
    click.echo(f"wave {plan.opened} of {len(plan.waves)}, {len(plan.pending())} devices:", err=True)
    for each in plan.pending():
        click.echo(each)


@group.command("report")
@_file
@click.option("--done", multiple=True, help="A device that has its new certificate; repeat for more.")
@click.option("--failed", multiple=True, help="A device that has not; repeat for more.")
@click.option("--done-file", type=FILE, help="The same, one registration id a line.")
@click.option("--failed-file", type=FILE, help="The same, one registration id a line.")
@json_option
@reported
def report_command(
    file: Path,
    done: tuple[str, ...],
    failed: tuple[str, ...],
    done_file: Path | None,
    failed_file: Path | None,
    as_json: bool,
) -> None:
    """Report what became of devices, or only show how far it is. Exit code 1 when it is stopped.

    \b
    Example:
      muster certs waves report rotation.json --done reefer-1
    """
    good = [*done, *(_lines(done_file) if done_file else ())]
    bad = [*failed, *(_lines(failed_file) if failed_file else ())]
    both = sorted(set(good) & set(bad))
    if both:
        raise WaveError("\n".join(f"{each!r} is reported done and failed" for each in both))
    plan = waves.read(file)
    outcomes: dict[str, Outcome] = {**dict.fromkeys(good, "done"), **dict.fromkeys(bad, "failed")}
    if outcomes:
        plan = plan.report(outcomes)
        waves.write(file, plan)
    _told(plan, as_json)
    if plan.state == "stopped":
        raise SystemExit(1)


def _expiring(directory: Path, within: int) -> list[str]:
    now = datetime.now(UTC)
    with Books.open(directory) as books:
        ending = books.inventory.ending(now, now + timedelta(days=within))
        return list(
            {held.issued.registration_id.lower(): held.issued.registration_id for held in ending}.values()
        )


def _shares(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: percentages, such as 1,10,100", param_hint="--shares") from error


def _lines(path: Path) -> list[str]:
    try:
        text = read_bytes(path, waves.MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(str(path), "no UTF-8", "one registration id a line") from error
    return [each.strip() for each in text.splitlines() if each.strip()]


def _facts(plan: Plan) -> dict[str, object]:
    return {
        "state": plan.state,
        "opened": plan.opened,
        "tolerated": plan.tolerated,
        "waves": [_wave(plan, wave) for wave in plan.waves],
        "pending": plan.pending(),
    }


def _wave(plan: Plan, wave: Iterable[str]) -> dict[str, int]:
    known = [plan.outcomes.get(each, "pending") for each in wave]
    return {"devices": len(known), **{each: known.count(each) for each in ("done", "failed", "pending")}}


def _told(plan: Plan, as_json: bool) -> None:
    if as_json:
        print_json(_facts(plan))
        return
    for number, wave in enumerate(plan.waves, start=1):
        found = _wave(plan, wave)
        state = f"{found['done']} done, {found['failed']} failed" if number <= plan.opened else "not opened"
        click.echo(f"wave {number}: {found['devices']} devices, {state}")
    click.echo(plan.state)
