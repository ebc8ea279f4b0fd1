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
# A namespace itself is there from the start, empty; its modules come when it is touched.
parts = [name.split(".") for name in sys.modules if name.startswith("pulumi_azure_native.")]
loaded = {namespace[1] for namespace in parts if len(namespace) > 2}
print(json.dumps(sorted(loaded)))
"""


def test_no_component_loads_a_namespace_that_its_fleet_may_not_use() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["iothub"]
