"""Loads the engine's protocol messages without the SDK around them, for a quick start.

`import pulumi.runtime.proto` runs `pulumi/__init__.py`, which loads the whole SDK with its tracing (0.5
s). The messages need none of it. Only for a process that is nothing but a plugin: call it before anything
else is imported.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def prefer_bare_messages() -> None:
    """Let `pulumi.runtime.proto` be imported from its folder alone; does nothing once pulumi is loaded."""
    spec = importlib.util.find_spec("pulumi")
    if "pulumi" in sys.modules or spec is None or spec.submodule_search_locations is None:
        return
    home = Path(next(iter(spec.submodule_search_locations)))
    for name, folder in (("pulumi", home), ("pulumi.runtime", home / "runtime")):
        bare = ModuleType(name)
        bare.__path__ = [str(folder)]
        sys.modules[name] = bare
