"""docs/manifests.md tells what the code does: its file is taken as it stands, its table has every column."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from provider.clients.aws_things import MARKS
from provider.fields import props
from provider.handlers.device_manifest_inputs import Inputs
from provider.handlers.manifests import Outputs
from provider.handlers.thing_manifest import Inputs as InputsOnAws
from provider.manifest import paced, pacing, telling
from provider.manifest.columns import COLUMNS
from provider.manifest.entries import LIMIT_BYTES

PAGE = (Path(__file__).parents[3] / "docs" / "manifests.md").read_text()


def test_the_file_of_the_page_is_taken(handler: Any, life: Any, dps: Any, write: Any) -> None:
    (text,) = re.findall(r"```csv\n(.*?)```", PAGE, re.DOTALL)
    one = life(handler)
    one.create(write(text, attestation="x509"))
    assert one.properties["accepted"] == 2
    first, second = dps.enrollments["fridge-0001"], dps.enrollments["fridge-0002"]
    assert first["initialTwin"] == {
        "tags": {"site": "oslo"},
        "properties": {"desired": {"intervalSeconds": 60}},
    }
    assert second["initialTwin"]["properties"]["desired"] == {"intervalSeconds": "60"}
    assert second["provisioningStatus"] == "disabled"


def test_the_table_has_every_column() -> None:
    cells = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \|", PAGE, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}
    assert set(COLUMNS) <= named


def test_inputs_outputs_and_limits_are_those_of_the_code() -> None:
    own = {"manifestName", "file", "contentHash", "attestation", "allowRemovals", "adopt"}
    assert own <= {each.name for each in props(Inputs)}
    for name in (*own, *(each.name for each in props(Outputs))):
        assert f"`{name}`" in PAGE
    assert pacing.VARIABLE in PAGE
    assert paced.VARIABLE in PAGE
    for name in (*(each.name for each in props(InputsOnAws)), *MARKS):
        assert f"`{name}`" in PAGE
    assert f"{pacing.PER_MINUTE:,} operations a minute" in PAGE
    assert f"more than {LIMIT_BYTES:,} bytes" in PAGE
    assert f"more than {telling.REMOVED_ROWS} rows" in PAGE
    assert telling.REMOVED_SHARE == 0.1
