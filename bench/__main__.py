"""Run every measurement in one workspace and write docs/benchmarks.md."""

import datetime
import os
import platform
from collections.abc import Callable

from rich.console import Console

from bench import connections, preview, provisioning, unchanged
from bench.rounds import ratio
from bench.workspace import PROJECT, Workspace, started

REPORT = PROJECT / "docs" / "benchmarks.md"

_HEAD = """# Benchmarks

Written by `make bench`; every figure stands beside its peer, measured in turn in the same run. Median
(minimum to maximum). These machines are noisy: trust ratios before seconds. {when}, Python {python},
{cpus} processors.
"""


def main() -> None:
    """Measure, and write the report only when everything was measured."""
    console = Console()
    parts = [_HEAD.format(when=_today(), python=platform.python_version(), cpus=os.cpu_count())]
    with started(devices=1) as workspace:
        for name, section in _SECTIONS.items():
            console.print(f"measuring {name} ...")
            parts.append(section(workspace))
    REPORT.write_text("\n".join(parts))
    console.print(f"wrote {REPORT.relative_to(PROJECT)}")


def _preview(workspace: Workspace) -> str:
    found = preview.measure(workspace)
    rows = [("Muster's program", found.ours.spread(2)), ("flat, hand-written", found.flat.spread(2))]
    goal = f"Muster takes {ratio(found.ours, found.flat):.2f} times as long (goal: at most 1.15)."
    title = f"Preview, nothing changed, {found.resources} resources each"
    return _section(title, "seconds", rows, goal)


def _provisioning(workspace: Workspace) -> str:
    found = provisioning.measure(workspace)
    rows = [
        ("full flows a second", found.flows.spread()),
        ("bare mTLS handshakes a second", found.handshakes.spread()),
        ("server CPU a flow, ms", found.flow_cpu_ms.spread(2)),
        ("server CPU a bare handshake, ms", found.handshake_cpu_ms.spread(2)),
    ]
    goal = f"A flow costs the server {found.flow_cpu_ms.median:.2f} ms of CPU (goal: at most 5 ms)."
    return _section(f"Provisioning, {provisioning.DEVICES} devices a round", "value", rows, goal)


def _connections(workspace: Workspace) -> str:
    found = connections.measure(workspace)
    rows = [("local cloud", f"{found.ours_kb:.1f}"), ("asyncio's own TLS", f"{found.peer_kb:.1f}")]
    goal = f"An idle mTLS connection costs {found.ours_kb:.1f} KB (goal: at most 35 KB)."
    return _section(f"Memory, {found.held} idle mTLS connections held", "KB a connection", rows, goal)


def _unchanged(workspace: Workspace) -> str:
    found = unchanged.measure(workspace)
    rows = [("`muster up`", found.up.spread(2)), ("`pulumi preview`", found.preview.spread(2))]
    goal = f"`muster up` takes {ratio(found.up, found.preview):.2f} times as long as a preview alone."
    return _section(f"`make up` when nothing changes, {unchanged.DEVICES} devices", "seconds", rows, goal)


_SECTIONS: dict[str, Callable[[Workspace], str]] = {
    "preview": _preview,
    "provisioning": _provisioning,
    "connections": _connections,
    "unchanged up": _unchanged,
}


def _section(title: str, unit: str, rows: list[tuple[str, str]], goal: str) -> str:
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"## {title}\n\n| | {unit} |\n| --- | --- |\n{table}\n\n{goal}\n"


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


if __name__ == "__main__":
    main()
