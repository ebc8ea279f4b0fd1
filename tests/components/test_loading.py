"""What a program loads before it declares anything: a preview waits for it."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.workspace import PROJECT

_LOADED = """
import importlib, json, pkgutil, sys
import components.azure
for module in pkgutil.walk_packages(components.azure.__path__, "components.azure."):
    if ".template" not in module.name:
        importlib.import_module(module.name)
print(json.dumps(sorted({name.split(".")[1] for name in sys.modules if name.startswith("pulumi_azure_native.")})))
"""


def test_no_component_loads_a_namespace_that_its_fleet_may_not_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)) <= {
        "_utilities",
        "_inputs",
        "_enums",
        "outputs",
        "iothub",
        "provider",
    }
