"""`muster certs`: a fleet's identities. To add a command, write its file and name it in COMMANDS.

Exit codes: 0 done; 1 refused, with the reason on standard error (nothing was written); 2 wrong usage.
"""

import click

from cli.lazy import Commands, LazyCommands

COMMANDS: Commands = {
    "init": ("cli.certs.authority:init", "Make a root and one issuer a factory."),
    "ceremony": ("cli.certs.ceremony:group", "A root on a machine without a network, in four steps."),
    "succeed": ("cli.certs.succeed:group", "A new root or issuer beside the old."),
    "issue": ("cli.certs.device:issue", "Make a key and a certificate for one device."),
    "sign": ("cli.certs.device:sign", "Issue a certificate from a request (CSR)."),
    "verify": ("cli.certs.verify:verify", "Verify a certificate; show it as a cloud will see it."),
}


@click.group(cls=LazyCommands, table=COMMANDS)
def certs() -> None:
    """Identities of a fleet: the CA chain, device certificates, checks."""
