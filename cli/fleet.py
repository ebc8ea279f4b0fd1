"""`muster fleet`: check fleet descriptions, print their JSON Schema.

Exit codes of `check`: 0 every file is sound, 1 there are faults, 2 wrong usage.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from cli.local.layout import find
from components.sources import load_sources, policy_faults
from fleet import Fault, Fleet, FleetError, load_stack, schema


@click.group()
def fleet() -> None:
    """Check fleet descriptions; their JSON Schema."""


@fleet.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--certificates",
    is_flag=True,
    help="Check the files that a description names, too: certificates above all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.pass_context
def check(ctx: click.Context, files: Sequence[Path], certificates: bool, as_json: bool) -> None:
    """Check stack files (stacks/Pulumi.STACK.yaml) and tell every fault at once. Nothing is created.

    \b
    Example:
      muster fleet check stacks/Pulumi.local.yaml
    """
    results = {str(file): _checked(file, certificates) for file in files}
    click.echo(_as_json(results) if as_json else "\n".join(_told(*result) for result in results.items()))
    ctx.exit(1 if any(not isinstance(result, Fleet) for result in results.values()) else 0)


@fleet.command(name="schema")
def print_schema() -> None:
    """Print the JSON Schema of stack files, for editors (stacks/fleet.schema.json is a copy).

    \b
    Example:
      muster fleet schema > stacks/fleet.schema.json
    """
    click.echo(schema.text(), nl=False)


Result = Fleet | tuple[Fault, ...]


def _checked(file: Path, certificates: bool) -> Result:
    try:
        fleet = load_stack(file)
        if certificates:
            load_sources(fleet, find(file.parent).project, file)
    except FleetError as error:
        return error.faults
    return tuple(policy_faults(fleet, file)) or fleet


def _told(file: str, result: Result) -> str:
    if isinstance(result, Fleet):
        hubs = [_counted(len(result.azure.hubs), "hub")] if result.azure is not None else []
        parts = [*hubs, *([result.aws.region] if result.aws is not None else [])]
        told = ", ".join([*parts, _counted(len(result.groups), "group")])
        return f"{file}: sound (fleet {result.name}: {told})"
    return "\n".join([f"{file}: {_counted(len(result), 'fault')}", *(_fault(fault) for fault in result)])


def _fault(fault: Fault) -> str:
    where = f"{fault.line}:{fault.column}" if fault.line is not None else "-"
    subject = f"{fault.path}: " if fault.path else ""
    return f"  {where:<7} {subject}{fault.wrong}\n          {fault.right}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _as_json(results: dict[str, Result]) -> str:
    faults = [fault for result in results.values() if not isinstance(result, Fleet) for fault in result]
    document = {
        "files": [{"file": file, "sound": isinstance(result, Fleet)} for file, result in results.items()],
        "faults": [fault.plain() for fault in faults],
    }
    return json.dumps(document, indent=2)
