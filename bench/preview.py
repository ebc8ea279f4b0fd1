"""`pulumi preview` of Muster's program, beside a hand-written flat program with the same resources.

Both stacks are up on the same local cloud, on Azure alone (what both clouds cost is bench/both_clouds.py's),
and nothing changes: what is timed is the preview that stands in most pull requests.
"""

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bench.rounds import Series, interleave, seconds
from bench.workspace import PROJECT, Workspace, started

ROUNDS = 7


@dataclass(frozen=True)
class Preview:
    """Seconds a preview, and how many resources (components aside) each program declares."""

    ours: Series
    flat: Series
    resources: int


def measure(rounds: int = ROUNDS) -> Preview:
    """Bring the flat program up beside Muster's, then preview both in turn.

    Raises RuntimeError when the two do not declare the same resources: the comparison would say nothing.
    """
    with started(devices=0, cloud="azure") as workspace:
        return _measure(workspace, rounds)


def _measure(workspace: Workspace, rounds: int) -> Preview:
    flat = _bring_up(workspace)
    ours, theirs = (_declared(workspace, folder) for folder in (workspace.root, flat))
    if ours != theirs:
        raise RuntimeError(f"the flat program declares {theirs}, Muster's {ours}")
    series = interleave(
        rounds,
        ours=lambda: seconds(lambda: workspace.pulumi("preview", "--expect-no-changes")),
        flat=lambda: seconds(lambda: workspace.pulumi("preview", "--expect-no-changes", folder=flat)),
    )
    return Preview(series["ours"], series["flat"], ours.total())


def _bring_up(workspace: Workspace) -> Path:
    """The flat project, up in a folder of the workspace: its paths are relative to that."""
    flat = Path(shutil.copytree(PROJECT / "bench" / "flat", workspace.root / "flat"))
    for command in (
        ["stack", "init"],
        ["config", "set", "pki", str(workspace.layout.pki)],
        ["up", "--yes", "--skip-preview"],
    ):
        workspace.pulumi(*command, folder=flat)
    return flat


def _declared(workspace: Workspace, folder: Path) -> Counter[str]:
    """How many resources of each type the stack holds, without components and the stack itself."""
    exported = json.loads(workspace.pulumi("stack", "export", folder=folder))
    return Counter(r["type"] for r in exported["deployment"]["resources"] if r.get("custom"))
