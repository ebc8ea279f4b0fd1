"""What every process of the local stack is told through its environment, and the same for a person's shell.

Production code reads these variables and no others, so it is the same on the local cloud and on Azure.
Values that are secret stay in files: the shell file says where, and holds none itself.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from cli.local.layout import Layout

#: A developer's own cloud account must never leak into the local stack, nor the other way round.
_FOREIGN = ("AZURE_", "ARM_", "AWS_", "PULUMI_", "MUSTER_")
#: Where AWS' clients look for accounts after the environment: nowhere, or a person's own would be found.
_AWS_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
DEFAULT_PROXY = "http://127.0.0.1:18443"


def fixed(layout: Layout) -> dict[str, str]:
    """The variables that need no running cloud."""
    return {
        "PULUMI_HOME": str(layout.tools / "pulumi-home"),
        # Without side files (`.attrs`): the engine writes them in place, and a kill leaves one that stops it.
        "PULUMI_BACKEND_URL": f"{layout.backend.as_uri()}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(layout.pulumi_passphrase),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "MUSTER_CA_FILE": str(layout.cloud / "tls-ca.pem"),
        "MUSTER_KEY_STORE": str(layout.keys),
        "MUSTER_KEY_PASSPHRASE_FILE": str(layout.key_passphrase),
        **dict.fromkeys(_AWS_FILES, os.devnull),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def variables(layout: Layout, proxy: str, inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Build a child process's environment: this machine's, without its cloud accounts, and ours."""
    given = os.environ if inherited is None else inherited
    kept = {name: value for name, value in given.items() if not name.startswith(_FOREIGN)}
    path = os.pathsep.join([*_folders(layout), kept.get("PATH", os.defpath)])
    return {**kept, **fixed(layout), "MUSTER_PROXY": proxy, "PATH": path, **_credentials(layout)}


def _folders(layout: Layout) -> tuple[str, str]:
    return str(layout.tools / "bin"), str(layout.project / ".venv" / "bin")


def _credentials(layout: Layout) -> dict[str, str]:
    """Read what the local cloud made up for its only tenant and account; nothing before it first ran."""
    lines = [line for file in _files(layout) if file.exists() for line in file.read_text().splitlines()]
    return dict(line.split("=", 1) for line in lines if "=" in line)


def _files(layout: Layout) -> tuple[Path, Path]:
    return layout.cloud / "azure.env", layout.cloud / "aws.env"


def shell_file(layout: Layout) -> str:
    """Write the same for sh, bash and zsh to source. What it sources in turn may not be there yet."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in fixed(layout).items())
    folders = os.pathsep.join(_folders(layout))
    sources = " ".join(shlex.quote(str(file)) for file in (layout.state / "proxy.env", *_files(layout)))
    return f"""\
# Written by `muster setup`: plain pulumi and muster on the local stack. Use it with: source .tools/env
for _muster_name in $(env | sed -n 's/^\\(AWS_[A-Za-z0-9_]*\\)=.*/\\1/p'); do unset "$_muster_name"; done
unset _muster_name
{exports}export MUSTER_PROXY={DEFAULT_PROXY}
case ":$PATH:" in *:{shlex.quote(folders)}:*) ;; *) export PATH={shlex.quote(folders)}:"$PATH" ;; esac
for _muster_file in {sources}; do
  if [ -r "$_muster_file" ]; then
    while IFS= read -r _muster_line; do export "${{_muster_line?}}"; done <"$_muster_file"
  fi
done
unset _muster_file _muster_line
"""
