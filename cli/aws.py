"""`muster aws`: the temporary permission to provision on AWS."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from cli.local.layout import find
from cli.operating import FILE, json_option, login, print_json, variables
from components.aws import names
from fleet import load_stack
from fleet.description.aws import Aws as Described
from operations import grants
from operations.actions.session import Order
from operations.audit import AuditLog
from operations.errors import RequestError
from operations.grants import Granted, Wanted
from provider.clients.aws import Aws

_NOT_FOUND = 127
"""What a shell says of a command that is not there."""


@dataclass(frozen=True)
class Asked:
    """The stack, its record, and the person's own settings."""

    stack: str
    fleet: str
    described: Described
    record: Path
    folder: Path
    variables: Mapping[str, str] = field(repr=False)


@click.group()
def aws() -> None:
    """Temporary permission to provision on AWS."""


@aws.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND…]")
@click.option(
    "-s", "--stack", required=True, metavar="STACK", help="The fleet, by its stack in this project."
)
@click.option(
    "--minutes",
    type=int,
    default=grants.SHORTEST_MINUTES,
    show_default=True,
    help="How long, 15 at least and aws.provisioner.maxMinutes at most.",
)
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--profile", metavar="NAME", help="Instead of running COMMAND, write a file with this profile.")
@click.option("--out", type=FILE, help="The file, mode 0600. [.muster/STACK/aws-NAME, only with --profile]")
@click.option(
    "--record",
    type=FILE,
    envvar="MUSTER_RECORD",
    show_envvar=True,
    help="Where it is on record what was done. [.muster/STACK/operations.jsonl]",
)
@click.option("--who", envvar="MUSTER_WHO", show_envvar=True, help="Who asks, for the record. [your login]")
@json_option
def grant(
    command: tuple[str, ...],
    stack: str,
    minutes: int,
    reason: str,
    profile: str | None,
    out: Path | None,
    record: Path | None,
    who: str | None,
    as_json: bool,
) -> None:
    """Take on the role that may provision, for some minutes, and run COMMAND with it.

    Only COMMAND gets the session, in its environment; with --profile a file gets it instead. Who asked, when,
    why and for how long is on record, the credentials are not. What is told here goes to standard error while
    COMMAND has standard output.

    Exit codes: COMMAND's own; 1 refused or failed, 2 wrong usage, 127 no such COMMAND.

    \b
    Example:
      muster aws grant -s prod --reason "new topics, MR 41" -- pulumi up
      muster aws grant -s prod --reason "look around" --minutes 30 --profile coldchain
    """
    if bool(command) == (profile is not None):
        raise click.UsageError("Give either a COMMAND (after --) or --profile.")
    if out is not None and profile is None:
        raise click.UsageError("--out goes with --profile.")
    order = Order(who or login(), reason)
    asked = _asked(stack, record)
    if profile is None:
        _run(asked, command, minutes, order, as_json)
    else:
        _write(asked, profile, out, minutes, order, as_json)


def _asked(stack: str, record: Path | None) -> Asked:
    layout = find()
    fleet = load_stack(layout.project / "stacks" / f"Pulumi.{stack}.yaml")
    if fleet.aws is None:
        raise RequestError(f"the fleet of stack {stack} is not on AWS: there is nothing to provision there")
    folder = layout.project / ".muster" / stack
    return Asked(
        stack=stack,
        fleet=fleet.name,
        described=fleet.aws,
        record=record or folder / "operations.jsonl",
        folder=folder,
        variables=variables(layout, stack),
    )


def _granted(asked: Asked, minutes: int, order: Order, purpose: str) -> Granted:
    described = asked.described
    if described.provisioner is None:
        raise RequestError(
            "the description has no aws.provisioner: without it there is no role to take on; add it, and "
            "have an administrator run `pulumi up`"
        )
    wanted = Wanted(
        role=names.scoped(asked.fleet, asked.stack, "provisioner"),
        partition=names.partition(described.region),
        region=described.region,
        account=described.account,
        minutes=minutes,
        most_minutes=described.provisioner.max_minutes,
        purpose=purpose,
    )
    with AuditLog(asked.record).open() as writer:
        return grants.grant(Aws(asked.variables, described.region), wanted, order, writer)


def _run(asked: Asked, command: tuple[str, ...], minutes: int, order: Order, as_json: bool) -> None:
    program = shutil.which(command[0], path=asked.variables.get("PATH"))
    if program is None:
        click.echo(f"Error: there is no command {command[0]}; nothing was asked for", err=True)
        sys.exit(_NOT_FOUND)
    granted = _granted(asked, minutes, order, f"command {Path(program).name}")
    _tell(asked, granted, order, as_json, err=True)
    sys.exit(_outcome([program, *command[1:]], granted.variables(asked.variables)))


def _write(asked: Asked, profile: str, out: Path | None, minutes: int, order: Order, as_json: bool) -> None:
    file = (out or asked.folder / f"aws-{profile}").absolute()
    grants.check_profile(profile, file)
    granted = _granted(asked, minutes, order, f"profile {profile}")
    grants.write_profile(profile, file, granted)
    _tell(asked, granted, order, as_json, file=file, profile=profile)


def _tell(
    asked: Asked,
    granted: Granted,
    order: Order,
    as_json: bool,
    *,
    err: bool = False,
    file: Path | None = None,
    profile: str | None = None,
) -> None:
    until = f"{granted.until:%Y-%m-%dT%H:%M:%SZ}"
    if as_json:
        told: dict[str, Any] = {
            "role": granted.role_arn,
            "account": granted.account,
            "region": granted.region,
            "until": until,
            "identity": granted.identity,
            "accessKeyIdSuffix": granted.suffix,
            "who": order.who,
            "reason": order.reason,
            "record": str(asked.record),
        }
        made = {} if file is None else {"file": str(file), "profile": profile}
        print_json({**told, **made}, err=err)
        return
    click.echo(f"{granted.role_arn} until {until}, as {granted.identity} (key …{granted.suffix})", err=err)
    if file is not None:
        click.echo(f"  in {file} (mode 0600); use it with\n  {_usage(file, profile, granted.region)}")


def _usage(file: Path, profile: str | None, region: str) -> str:
    return f"AWS_SHARED_CREDENTIALS_FILE={file} AWS_PROFILE={profile} AWS_REGION={region} pulumi up"


def _outcome(command: list[str], environment: Mapping[str, str]) -> int:
    """Run the command and wait for it; what the terminal or the system sends to stop us is its to answer."""
    with subprocess.Popen(command, env=environment) as process, _passed_on(process):
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _passed_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ctrl-C reaches the command by itself; SIGTERM and SIGHUP are handed on."""

    def hand_on(number: int, _frame: object) -> None:
        process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
