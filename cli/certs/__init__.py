"""`muster certs`: a fleet's identities. To add a command, write its file and name it in COMMANDS.

Exit codes: 0 done; 1 refused, with the reason on standard error (nothing was written); 2 wrong usage.
"""

import click

from cli.lazy import Commands, LazyCommands

COMMANDS: Commands = {
    "init": ("cli.certs.authority:init", "Make a root and one issuer a factory."),
    "issue": ("cli.certs.device:issue", "Make a key and a certificate for one device."),
    "verify": ("cli.certs.verify:verify", "Verify a device's certificate up to a root."),
}


@click.group(cls=LazyCommands, table=COMMANDS)
def certs() -> None:
    """Identities of a fleet: the CA chain, device certificates, checks."""
