"""Resource types that the local cloud keeps and checks, and does no more with.

Their document is the body, with the service's defaults below it and what only the service knows above it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.azure.arm.identity import assigned
from localcloud.azure.arm.resources import Build, Draft, World

Values = Callable[[World, Draft], Mapping[str, Any]]
_NOT_KEPT = frozenset({"id", "name", "type", "etag", "properties", "identity", "systemData"})


def nothing(_world: World, _draft: Draft) -> Mapping[str, Any]:
    """No values."""
    return {}


def keep(
    defaults: Mapping[str, Any] | None = None, computed: Values = nothing, *, state: bool = True
) -> Build:
    """A build function.

    Args:
        defaults: properties that the service sets when the body has none.
        computed: properties that the service writes itself.
        state: whether the type has a `provisioningState`.
    """

    def build(world: World, draft: Draft) -> dict[str, Any]:
        document = {key: value for key, value in draft.body.items() if key not in _NOT_KEPT}
        identity = assigned(world, draft)
        if identity is not None:
            document["identity"] = identity
        done = {"provisioningState": "Succeeded"} if state else {}
        own = computed(world, draft)
        return {**document, "properties": {**(defaults or {}), **draft.properties, **done, **own}}

    return build


def fixed(draft: Draft, *paths: str) -> None:
    """Add a fault for each property that changes though it is set for good at creation."""
    for path in paths:
        steps = path.split(".")
        before, now = draft.was(*steps), draft.at(*steps)
        if draft.before and now is not None and before is not None and now != before:
            draft.wrong(path, f"cannot change from {before} to {now} after creation")


def within(draft: Draft, path: str, least: float, most: float, unit: str = "") -> None:
    """Add a fault when a number is outside its range."""
    value = draft.at(*path.split("."))
    if isinstance(value, int | float) and not least <= value <= most:
        draft.wrong(path, f"must be {least:g} to {most:g}{unit and f' {unit}'}, not {value}")
