"""Puts a stand-in where the engine looks for the plugin it stands for.

The engine takes any executable `pulumi-resource-<name>` in
`$PULUMI_HOME/plugins/resource-<name>-v<version>/` as that plugin, and downloads nothing when the folder
is there (docs: "Pulumi plugins", file names on disk). No other metadata is needed: `PulumiPlugin.yaml` is
for plugins that a language host has to start.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

from localcloud.providers import aws, aws_native, azure_native

_STAND_INS = (azure_native, aws, aws_native)

_SCRIPT = """\
#!/bin/sh
# Started by the Pulumi engine in place of {name} {version}: the local cloud's stand-in for it.
exec {python} -P -m {module} "$@"
"""


def install(pulumi_home: Path, python: Path) -> tuple[Path, ...]:
    """Install all stand-ins; the paths of their executables. Installing again changes nothing.

    Args:
        pulumi_home: the `PULUMI_HOME` of the local stack, which never meets a real plugin.
        python: an interpreter that can import `localcloud` and its dependencies.
    """
    return tuple(
        _installed(pulumi_home / "plugins", python, it.PLUGIN_NAME, it.PLUGIN_VERSION, it.__name__)
        for it in _STAND_INS
    )


def _installed(plugins: Path, python: Path, name: str, version: str, module: str) -> Path:
    folder = plugins / f"resource-{name}-v{version}"
    executable = folder / f"pulumi-resource-{name}"
    script = _SCRIPT.format(name=name, version=version, python=shlex.quote(str(python)), module=module)
    if not _is_installed(executable, script):
        folder.mkdir(parents=True, exist_ok=True)
        _replace(executable, script)
    return executable


def _is_installed(executable: Path, script: str) -> bool:
    return executable.is_file() and os.access(executable, os.X_OK) and executable.read_text() == script


def _replace(executable: Path, script: str) -> None:
    """Write beside it and rename, so that an engine never starts half a script."""
    with tempfile.NamedTemporaryFile("w", dir=executable.parent, delete=False) as draft:
        draft.write(script)
    Path(draft.name).chmod(0o755)
    Path(draft.name).replace(executable)
