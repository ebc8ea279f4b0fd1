"""`muster up` when nothing changes, beside `pulumi preview` alone."""

from dataclasses import dataclass

from bench.rounds import Series, interleave, seconds
from bench.workspace import Workspace

DEVICES = 20
ROUNDS = 5


@dataclass(frozen=True)
class Unchanged:
    """Seconds a run."""

    up: Series
    preview: Series


def measure(workspace: Workspace) -> Unchanged:
    """Run both in turn, with the devices up."""
    workspace.up(DEVICES)
    series = interleave(
        ROUNDS,
        up=lambda: seconds(lambda: workspace.up(DEVICES)),
        preview=lambda: seconds(lambda: workspace.pulumi("preview")),
    )
    return Unchanged(series["up"], series["preview"])
