"""`python -m bench.soak`: soak a stack of its own, and write the result into docs/benchmarks.md."""

import argparse
import dataclasses
import sys

from bench import report
from bench.soak.plan import Plan
from bench.soak.run import Result, measure
from bench.workspace import started

_SHOWN = 20


def main() -> int:
    """0 when nothing was lost or doubled; 1 when something was, and then nothing is written."""
    plan = _plan()
    with started(devices=plan.agents) as workspace:
        result = measure(workspace, plan)
    print(described(result))
    print(*(f"{count} x {why}" for why, count in result.failures.most_common(_SHOWN)), sep="\n")
    print(*result.unanswered[:_SHOWN], sep="\n")
    for finding in [*result.findings, *(f"{name}: not settled in time" for name in result.unsettled)][
        :_SHOWN
    ]:
        print(finding)
    if result.is_sound:
        full = plan.minutes >= Plan.minutes and plan.devices >= Plan.devices
        report.write({"soak": described(result)}, full=full)
    return 0 if result.is_sound else 1


def described(result: Result) -> str:
    """The report's section."""
    plan = result.plan
    rows = [
        ("telemetry messages, each acknowledged", f"{result.messages:,}"),
        ("of them sent again after a fault", f"{result.repeats:,}"),
        ("twin changes, each seen and reported by its device", f"{result.twin_changes:,}"),
        ("connections", f"{result.connections:,}"),
        ("enrolments", f"{result.enrolments:,}"),
        (
            "faults that struck",
            ", ".join(f"{count:,} {name}" for name, count in sorted(result.struck.items())),
        ),
        ("seconds until all was settled after the last fault", f"{result.settled_seconds:.0f}"),
        ("memory of the local cloud, MB", f"{result.megabytes:.0f}"),
        ("CPU seconds of the local cloud", f"{result.cpu_seconds:.0f}"),
        ("lost, doubled or wrong", str(len(result.findings) + len(result.unsettled))),
    ]
    title = f"Soak: {plan.devices + plan.agents:,} connected devices, {plan.minutes:g} minutes, under faults"
    how = (
        f"{plan.devices:,} devices on a wire client, {plan.agents} genuine agents (azure-iot-device). At the "
        "end messages, versions of twins on both sides, and the registries of hubs and DPS are compared."
    )
    goal = "None lost, none duplicated in the registry." if result.is_sound else "This is a failure."
    return report.section(title, how, "value", rows, goal)


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    usual = Plan()
    parser.add_argument("--minutes", type=float, default=usual.minutes, help="default: %(default)g")
    parser.add_argument("--devices", type=int, default=usual.devices, help="default: %(default)d")
    parser.add_argument("--agents", type=int, default=usual.agents, help="default: %(default)d")
    return dataclasses.replace(usual, **vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
