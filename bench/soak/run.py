"""Everything together: devices come up, the storm passes, all settles, and the books are compared."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psutil

from bench.cloud import Cloud, opened
from bench.connections import allow_open_files
from bench.identities import issue
from bench.soak import audit, service
from bench.soak.device import Orders, SoakDevice
from bench.soak.operator import Operator
from bench.soak.plan import Plan
from bench.soak.telemetry import ANSWER_SECONDS
from bench.soak.weather import Weather
from bench.workspace import Workspace
from tests.localcloud.control.client import Control

_GROUP = "reefers"
_STACK_BYTES = 512 * 1024
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Result:
    """What a soak was, and what was found wrong: nothing, it is to be hoped."""

    plan: Plan
    findings: list[str]
    unsettled: list[str]
    """Devices that had work under way when patience was over."""
    messages: int
    repeats: int
    twin_changes: int
    unanswered: list[str]
    """Twin changes that the operator's client gave up, with its reasons."""
    connections: int
    enrolments: int
    struck: Counter[str]
    failures: Counter[str]
    settled_seconds: float
    megabytes: float
    cpu_seconds: float

    @property
    def is_sound(self) -> bool:
        """Nothing lost, nothing doubled, nothing left undone, and something was tried."""
        tried = self.messages and self.twin_changes and all(self.struck.values())
        return not self.findings and not self.unsettled and bool(tried)


def measure(workspace: Workspace, plan: Plan) -> Result:
    """Soak a stack in which `plan.agents` devices are up already."""
    allow_open_files(plan.devices + 500)
    orders = Orders()
    identities = [replace(it, patience=ANSWER_SECONDS) for it in issue(workspace, plan.devices, "soak")]
    devices = [SoakDevice(it, plan, orders, seed) for seed, it in enumerate(identities)]
    outputs = workspace.outputs()
    hubs, dps = list(outputs["hubs"].values()), str(outputs["dpsHost"])
    server = psutil.Process(int(workspace.endpoints["pid"]))
    with (
        opened(workspace.environment()) as cloud,
        Control(workspace.layout.cloud) as control,
        _living(devices, plan, orders),
    ):
        unready = _wait(
            lambda: [it.ledger.device for it in devices if not it.ledger.seen], plan.settle_at_most
        )
        agents = _agents(workspace)
        placed = {it.ledger.device: it.ledger.hub for it in devices if it.ledger.hub} | agents
        operator = Operator(cloud.azure, placed, plan.twin_changes_a_second)
        weather = Weather(control, plan.fault_every)
        _storm(operator, weather, plan)
        orders.quiet.set()
        began = time.monotonic()
        unsettled = unready + _wait(
            lambda: [it.ledger.device for it in devices if not it.settled], plan.settle_at_most
        )
        unsettled += _wait_for_agents(cloud, agents, plan.settle_at_most)
        settled = time.monotonic() - began
        books = service.read(cloud, hubs, dps, _GROUP, control.counters())
    ledgers = [it.ledger for it in devices]
    found = audit.findings(ledgers, agents, books, operator.written, operator.tried)
    return Result(
        plan,
        found,
        unsettled,
        messages=sum(it.acknowledged for it in ledgers),
        repeats=sum(it.sent - it.acknowledged for it in ledgers),
        twin_changes=sum(map(len, operator.written.values())),
        unanswered=operator.unanswered,
        connections=sum(it.connections for it in ledgers),
        enrolments=sum(it.enrolments for it in ledgers),
        struck=weather.struck,
        failures=sum((it.failures for it in ledgers), Counter()),
        settled_seconds=settled,
        megabytes=server.memory_info().rss / 1e6,
        cpu_seconds=sum(server.cpu_times()[:2]),
    )


@contextmanager
def _living(devices: Sequence[SoakDevice], plan: Plan, orders: Orders) -> Iterator[None]:
    """A thread a device; all of them have ended afterwards."""
    usual = threading.stack_size(_STACK_BYTES)
    threads = [threading.Thread(target=it.run, name=it.ledger.device, daemon=True) for it in devices]
    try:
        for thread in threads:
            thread.start()
            time.sleep(1 / plan.ramp_a_second)
        threading.stack_size(usual)
        yield
    finally:
        threading.stack_size(usual)
        orders.over.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join(60)


def _storm(operator: Operator, weather: Weather, plan: Plan) -> None:
    stop = threading.Event()
    workers = [threading.Thread(target=it.run, args=(stop,)) for it in (operator, weather)]
    for worker in workers:
        worker.start()
    stop.wait(plan.seconds)
    stop.set()
    for worker in workers:
        worker.join()


def _wait(unready: Callable[[], list[str]], at_most: float) -> list[str]:
    """Until nobody is named for two looks in a row; those that are when patience is over."""
    deadline, calm = time.monotonic() + at_most, 0
    while (left := unready()) or calm < 2:
        calm = 0 if left else calm + 1
        if time.monotonic() > deadline:
            return left
        time.sleep(_POLL_SECONDS)
    return []


def _wait_for_agents(cloud: Cloud, agents: Mapping[str, str], at_most: float) -> list[str]:
    """Until each genuine agent has reported the version of its twin; those that have not in time."""
    return _wait(lambda: [it for it, hub in agents.items() if service.is_behind(cloud, hub, it)], at_most)


def _agents(workspace: Workspace) -> dict[str, str]:
    """The genuine devices of the stack that are on Azure, and their hubs."""
    summary = json.loads(workspace.layout.summary.read_text())
    there = [it for it in summary["devices"] if it["cloud"] == "azure"]
    return {str(it["registrationId"]): str(it["hub"]) for it in there}
