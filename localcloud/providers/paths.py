"""Property paths as the engine writes them: `properties.routing.routes[0].name`, `tags["a.b"]`."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def render(path: Path) -> str:
    """A path in the engine's notation (pulumi/sdk `resource.ParsePropertyPath`)."""
    text = ""
    for step in path:
        text += _step(step, first=not text)
    return text


def _step(step: str | int, *, first: bool) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN.fullmatch(step):
        return step if first else f".{step}"
    return f"[{json.dumps(step)}]"


def pattern(path: Path) -> str:
    """A path without its list positions, as tables name properties: `properties.iotHubs[].location`."""
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f".{step}" if text else step
    return text
