"""The `muster` command's front door: which subcommands there are, and how a user's mistake ends.

Subcommands are imported when they are called, so that `muster --help` stays fast. To add one, write
`cli/<name>.py` and name it in COMMANDS. Exit codes: 0 done, 1 refused (the reason is on standard error),
2 wrong usage.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from cli.lazy import Commands, LazyCommands

COMMANDS: Commands = {
    "fleet": ("cli.fleet:fleet", "Check fleet descriptions; their JSON Schema."),
    "certs": ("cli.certs:certs", "The CA chain, device certificates, checks."),
    "setup": ("cli.setup:setup", "Set up what is missing: the Pulumi engine, the tools."),
    "up": ("cli.up:up", "Bring up the local cloud, the stack and its devices."),
    "preview": ("cli.preview:preview", "What `pulumi up` would do, with an account or without one."),
    "down": ("cli.down:down", "Stop everything local and remove its state."),
    "status": ("cli.status:status", "What runs, and which devices are up."),
    "device": ("cli.device:device", "Disable and enable devices; fetch a device's key."),
    "revocation": ("cli.revocation:group", "Disable the devices that CRLs list."),
    "rotation": ("cli.rotation:group", "Which devices still use the old intermediate."),
    "aws": ("cli.aws:aws", "Temporary permission to provision on AWS."),
    "completion": ("cli.completion:completion", "What makes bash, zsh or fish complete commands."),
}
USER_ERRORS: tuple[str, ...] = (
    "fleet.errors:FleetError",
    "certs.errors:CertsError",
    "engine.errors:EngineError",
    "operations.errors:OperationsError",
    "provider.clients.errors:ClientError",
)
"""Roots of error trees whose messages are for the person, as module:attribute.

`click.ClickException` counts anyway; any other error is a fault of ours and keeps its traceback.
"""


class _Main(LazyCommands):
    """The front door: the commands, and how a user's mistake ends."""

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


@click.group(cls=_Main, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="muster", message="muster %(version)s")
def main() -> None:
    """Provision secure IoT fleets as code."""
