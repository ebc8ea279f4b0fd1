"""The `muster` command's front door: which subcommands there are, and how a user's mistake ends.

Subcommands are imported when they are called, so that `muster --help` stays fast. To add one, write
`cli/<name>.py` and name it in COMMANDS. Exit codes: 0 done, 1 refused (the reason is on standard error),
2 wrong usage.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "fleet": ("cli.fleet:fleet", "Check fleet descriptions; their JSON Schema."),
    "certs": ("cli.certs:certs", "The CA chain, device certificates, checks."),
    "setup": ("cli.setup:setup", "Set up what is missing: the Pulumi engine, the tools."),
    "up": ("cli.up:up", "Bring up the local cloud, the stack and its devices."),
    "down": ("cli.down:down", "Stop everything local and remove its state."),
    "status": ("cli.status:status", "What runs, and which devices are up."),
}
"""Name: (where the command is, as module:attribute; what `muster --help` says of it)."""

USER_ERRORS: tuple[str, ...] = (
    "fleet.errors:FleetError",
    "certs.errors:CertsError",
    "engine.errors:EngineError",
)
"""Roots of error trees whose messages are for the person, as module:attribute.

`click.ClickException` counts anyway; any other error is a fault of ours and keeps its traceback.
"""


class LazyCommands(click.Group):
    """A group that knows its commands by name and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        """The command of that name, imported now; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  as above
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401  click's signature
        """Run the command; a user's mistake becomes a message and exit code 1, without a traceback."""
        try:
            return super().invoke(ctx)
        except _user_errors() as error:
            raise click.ClickException(str(error)) from error


def _user_errors() -> tuple[type[BaseException], ...]:
    """The roots of USER_ERRORS in packages that are loaded: of the others nothing can have been raised."""
    names = (name.split(":") for name in USER_ERRORS)
    loaded = (getattr(sys.modules.get(module), root, None) for module, root in names)
    return tuple(kind for kind in loaded if kind is not None)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="muster", message="muster %(version)s")
def main() -> None:
    """Provision secure IoT fleets as code."""
