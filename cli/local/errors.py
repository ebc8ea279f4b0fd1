"""What can go wrong with the local stack, as a tree. Each is a sentence for the person, shown without a
traceback.

LocalStackError                exit code 1
├── NoProjectError             no Pulumi.yaml here or above
├── BusyError                  another muster or pulumi works on this stack
├── CloudError                 the local cloud did not start, or ended; carries the end of its log
├── DeploymentError            the engine failed; carries its diagnostics
└── IdentityError              the CA chain, a passphrase file or a device certificate does not fit
"""

from __future__ import annotations

from pathlib import Path

import click

_TAIL_LINES = 12


class LocalStackError(click.ClickException):
    """The local stack cannot do what was asked."""


class NoProjectError(LocalStackError):
    """No Muster project is in the working folder or above it."""


class BusyError(LocalStackError):
    """Another process works on the same local stack."""


class CloudError(LocalStackError):
    """The local cloud did not start, or ended by itself."""


class DeploymentError(LocalStackError):
    """`pulumi up` failed."""


class IdentityError(LocalStackError):
    """The certificates or passphrase files of the local stack do not fit together."""


def with_log(sentence: str, log: Path) -> str:
    """Add the end of a log to a sentence, and where the rest is."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    if not lines:
        return f"{sentence} (Its log {log} is empty.)"
    tail = "\n".join(f"    {line}" for line in lines[-_TAIL_LINES:])
    return f"{sentence}\nThe end of {log}:\n{tail}"
