"""`muster completion`: let the shell complete commands, options, and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_MUSTER_COMPLETE"
"""What the shell's function sets when it asks `muster` for completions; click's convention."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete `muster`.

    \b
    Example: one of these in the start-up file of the shell
      bash  eval "$(muster completion bash)"
      zsh   eval "$(muster completion zsh)"
      fish  muster completion fish | source
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    click.echo(kind(ctx.find_root().command, {}, "muster", VARIABLE).source())
