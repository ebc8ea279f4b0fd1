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
    "renew": ("cli.certs.life_renewal:renew", "Give a device its next certificate."),
    "retire": ("cli.certs.life_renewal:retire", "Retire certificates whose overlap has ended."),
    "revoke": ("cli.certs.life:revoke", "Revoke a device's certificates."),
    "crl": ("cli.certs.life:crl", "Write the revocation lists."),
    "ocsp": ("cli.certs.life_ocsp:ocsp", "Answer whether certificates are revoked, on this machine."),
    "inventory": ("cli.certs.life_inventory:inventory", "What was issued, and what expires when."),
    "waves": ("cli.certs.life_waves:group", "Rotate certificates in waves, with a stop on failures."),
    "audit": ("cli.certs.life_inventory:audit", "Prove that nothing was removed or changed."),
    "bulk": ("cli.certs.bulk:bulk", "Issue for a list of devices, into a bundle."),
    "plan": ("cli.certs.plan:plan", "Measure this machine; say what a list will take."),
    "export": ("cli.certs.line:export", "Write a bundle's devices as files to flash."),
    "line-key": ("cli.certs.line:line_key", "Make the identity of a factory line."),
    "verify": ("cli.certs.verify:verify", "Verify a certificate; show it as a cloud will see it."),
}


@click.group(cls=LazyCommands, table=COMMANDS)
def certs() -> None:
    """Identities of a fleet: the CA chain, device certificates, checks."""
