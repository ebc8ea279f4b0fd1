"""Which parts of a description are on which cloud."""

from collections.abc import Mapping
from typing import Literal, TypeVar

from fleet.description import Enrollment, Group, Manifest

P = TypeVar("P", Group, Enrollment, Manifest)


def on(cloud: Literal["azure", "aws"], parts: Mapping[str, P]) -> dict[str, P]:
    """Those that are on a cloud, by their key."""
    return {key: each for key, each in parts.items() if cloud in each.clouds}
