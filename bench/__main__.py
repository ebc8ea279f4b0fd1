"""`python -m bench`: run the measurements in one workspace and put them into docs/benchmarks.md.

A usual run takes about half an hour; with --full the fleet has a million devices, which takes hours, most of
them because a throttled service takes 10,000 rows a minute. Sections that were measured full are only
replaced by others that were.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from bench import (
    aws_provisioning,
    both_clouds,
    connections,
    fleet_size,
    issuing,
    manifest,
    preview,
    provisioning,
    report,
    revocation,
    unchanged,
)
from bench.report import section
from bench.rounds import ratio
from bench.workspace import PROJECT, Workspace, started

_QUICK_ROWS, _QUICK_THROTTLED_ROWS = 50_000, 20_000
_QUICK_KILLS, _QUICK_KILLED_ROWS = 20, 8_000
_LOCAL_LIMIT = "the local cloud refuses what is above DPS' documented 1,000 operations a minute"


def main() -> None:
    """Measure what was asked for; each section is written when it was measured."""
    options = _options()
    console = Console()
    with started(devices=1) as workspace:
        for name in options.only or list(_SECTIONS):
            console.print(f"measuring {name} ...")
            report.write({name: _SECTIONS[name](workspace, options.full)}, full=options.full)
    console.print(f"wrote {report.REPORT.relative_to(PROJECT)}")


def _preview(_workspace: Workspace, _full: bool) -> str:
    found = preview.measure()
    rows = [("Muster's program", found.ours.spread(2)), ("flat, hand-written", found.flat.spread(2))]
    goal = f"Muster takes {ratio(found.ours, found.flat):.2f} times as long (goal: at most 1.15)."
    title = f"Preview, nothing changed, {found.resources} resources each"
    return section(title, "On Azure.", "seconds", rows, goal)


def _clouds(workspace: Workspace, full: bool) -> str:
    found = both_clouds.measure(workspace)
    small, vast = both_clouds.SMALL, both_clouds.VAST if full else both_clouds.QUICK
    few, many = both_clouds.resources(workspace, small), both_clouds.resources(workspace, vast)
    return both_clouds.report(found, {small: few, vast: many})


def _fleet_size(workspace: Workspace, full: bool) -> str:
    found = fleet_size.measure(workspace, fleet_size.VAST if full else fleet_size.QUICK)
    vast = found.peer_at(found.devices)
    rows = [
        (f"Muster, {fleet_size.SMALL} devices", found.small.spread(2)),
        (f"Muster, {found.devices:,} devices", found.large.spread(2)),
        *(
            (f"a resource a device, {size:,} devices", series.spread(2))
            for size, series in found.peers.items()
        ),
        (f"a resource a device, {found.devices:,} devices, extrapolated", f"{vast:,.0f}"),
    ]
    goal = (
        f"A fleet of {found.devices:,} takes {ratio(found.large, found.small):.2f} times as long as one of "
        f"{fleet_size.SMALL} (goal: at most 1.05). The peer needs {found.seconds_a_resource * 1000:.1f} ms "
        "for each further device; its last row is that, times the devices."
    )
    how = "The fleets are manifests of rows with keys, in the service already; nothing changed."
    return section("Preview, by the size of the fleet", how, "seconds", rows, goal)


def _provisioning(workspace: Workspace, _full: bool) -> str:
    found = provisioning.measure(workspace)
    rows = [
        ("full flows a second", found.flows.spread()),
        ("bare mTLS handshakes a second", found.handshakes.spread()),
        ("server CPU a flow, ms", found.flow_cpu_ms.spread(2)),
        ("server CPU a bare handshake, ms", found.handshake_cpu_ms.spread(2)),
    ]
    goal = f"A flow costs the server {found.flow_cpu_ms.median:.2f} ms of CPU (goal: at most 5 ms)."
    return section(f"Provisioning, {provisioning.DEVICES} devices a round", "", "value", rows, goal)


def _aws_provisioning(workspace: Workspace, _full: bool) -> str:
    return aws_provisioning.report(aws_provisioning.measure(workspace))


def _connections(workspace: Workspace, _full: bool) -> str:
    found = connections.measure(workspace)
    rows = [("local cloud", f"{found.ours_kb:.1f}"), ("asyncio's own TLS", f"{found.peer_kb:.1f}")]
    goal = f"An idle mTLS connection costs {found.ours_kb:.1f} KB (goal: at most 35 KB)."
    title = f"Memory, {found.held} idle mTLS connections held"
    return section(title, "", "KB a connection", rows, goal)


def _unchanged(workspace: Workspace, _full: bool) -> str:
    found = unchanged.measure(workspace)
    rows = [("`muster up`", found.up.spread(2)), ("`pulumi preview`", found.preview.spread(2))]
    goal = f"`muster up` takes {ratio(found.up, found.preview):.2f} times as long as a preview alone."
    title = f"`make up` when nothing changes, {unchanged.DEVICES} devices"
    return section(title, "", "seconds", rows, goal)


def _manifest(workspace: Workspace, full: bool) -> str:
    sizes = (manifest.ROWS, manifest.ROWS) if full else (_QUICK_ROWS, _QUICK_THROTTLED_ROWS)
    found = manifest.speed(workspace, *sizes)
    runs = {
        "made, at full speed": found.made,
        "nothing changed": found.unchanged,
        "one row in a hundred changed": found.changed,
        "made, with throttling on": found.throttled,
    }
    rows = [
        (
            f"{name}: {run.rows:,} rows",
            f"{run.seconds:,.1f} | {run.rows_a_second:,.0f} | {run.megabytes:,.0f}",
        )
        for name, run in runs.items()
    ]
    goal = (
        f"With throttling on, {_LOCAL_LIMIT}; the manifest gets {found.share_of_limit:.1%} of what that "
        f"allows, {manifest.LIMIT_ROWS_A_SECOND:.0f} rows a second (goal: at least 95 %); {found.refused} of "
        f"its calls were refused. The most memory was {max(it.megabytes for it in runs.values()):.0f} MB "
        "(goal: below 200 MB)."
    )
    how = "Each run is a process of its own that holds what the provider's does."
    return section("A manifest", how, "seconds | rows a second | MB at most", rows, goal)


def _kills(workspace: Workspace, full: bool) -> str:
    sizes = (manifest.KILLS, manifest.KILLED_ROWS) if full else (_QUICK_KILLS, _QUICK_KILLED_ROWS)
    found = manifest.kills(workspace, *sizes)
    rows = [
        ("kills", f"{found.kills}"),
        ("rows of the manifest", f"{found.rows:,}"),
        ("rows that were done twice", f"{len(found.twice)}"),
        ("rows that are missing", f"{len(found.missing)}"),
    ]
    how = "The process that delivers a manifest is killed (SIGKILL) at random moments and started again."
    goal = (
        "What the service has done is counted before it, row by row (goal: nothing twice, nothing missing)."
    )
    return section("A manifest, killed", how, "value", rows, goal)


def _issuing(_workspace: Workspace, full: bool) -> str:
    return issuing.report(issuing.measure(full=full))


def _revocation(_workspace: Workspace, full: bool) -> str:
    return revocation.report(revocation.measure(revocation.CERTIFICATES if full else revocation.QUICK))


_SECTIONS: dict[str, Callable[[Workspace, bool], str]] = {
    "preview": _preview,
    "clouds": _clouds,
    "fleet-size": _fleet_size,
    "provisioning": _provisioning,
    "aws-provisioning": _aws_provisioning,
    "connections": _connections,
    "unchanged": _unchanged,
    "manifest": _manifest,
    "kills": _kills,
    "issuing": _issuing,
    "revocation": _revocation,
}


@dataclass(frozen=True)
class _Options:
    full: bool
    only: list[str]


def _options() -> _Options:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="a million devices, two hundred kills: hours")
    parser.add_argument(
        "--only", action="append", choices=_SECTIONS, default=[], help="this section; may be given again"
    )
    given = parser.parse_args()
    return _Options(given.full, given.only)


if __name__ == "__main__":
    main()
