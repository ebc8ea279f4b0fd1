"""One run of a manifest on AWS in a process of its own, to be killed: `python -m … TASK`.

A task is a JSON file: the environment, the inputs, the known state (of an update), where the new state goes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from provider.clients.aws import Aws
from provider.clients.retry import Clock
from provider.handlers.thing_manifest import ThingManifest
from provider.manifest import run


def main(task: dict[str, Any]) -> None:
    run.SETTLE_SECONDS = 0.2
    environment = task["environment"]
    handler = ThingManifest(Aws(environment).client, Clock(), environment)
    checked = handler.check(task["inputs"])
    assert not checked.faults, checked.faults
    new = handler.state(checked.inputs, {}).inputs
    if (known := task.get("known")) is None:
        made = handler.create(new)
    else:
        made = handler.update(handler.state(known["inputs"], known["properties"]), new)
    properties = handler.properties(checked.inputs, made.outputs)
    Path(task["result"]).write_text(json.dumps({"inputs": checked.inputs, "properties": properties}))


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
