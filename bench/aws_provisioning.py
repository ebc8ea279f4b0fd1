"""Devices a second through claim and CSR on the local AWS IoT, beside bare TLS, and the server's CPU for one.

The clients are threads of this one process. A flow is two mutual TLS handshakes (with the claim, with the
certificate of its own), a certificate for the device's key, RegisterThing, and the shadow read and reported.
A group's template asks its hook first, a function on the stand-in of Lambda; so the same is done by a
template without one, which is what AWS IoT itself costs here. The peer is one handshake and nothing else.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

import psutil

from bench import aws_wire, wire
from bench.aws_wire import Newcomer
from bench.report import section
from bench.rounds import Series, interleave, seconds
from bench.workspace import Workspace
from certs.chain import fingerprint, load_certificates
from cli.local.devices import claim_folder
from provider.clients.aws import Aws, Client

DEVICES = 100
ROUNDS = 5
_CLIENTS = 4
_GROUP, _CLAIM, _PLAIN = "vans", "local", "bench-without-hook"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


@dataclass(frozen=True)
class Side:
    """Devices a second, and milliseconds of CPU for one: of the local cloud, of its stand-in's processes."""

    rate: Series
    cloud_ms: Series
    stand_in_ms: Series


@dataclass(frozen=True)
class AwsProvisioning:
    """What was measured: with the hook, without, and bare handshakes."""

    devices: int
    hooked: Side
    plain: Side
    handshakes: Side


def measure(workspace: Workspace, devices: int = DEVICES, rounds: int = ROUNDS) -> AwsProvisioning:
    """Run all three in turn against the workspace's local cloud."""
    ground = _Ground(workspace, devices)
    ground.make_template()
    meters = {name: Meter(int(workspace.endpoints["pid"])) for name in ("hooked", "plain", "handshakes")}
    rates = interleave(
        rounds,
        hooked=lambda: ground.flows(meters["hooked"], ground.template, has_shadow=True),
        plain=lambda: ground.flows(meters["plain"], _PLAIN, has_shadow=False),
        handshakes=lambda: ground.handshakes(meters["handshakes"]),
    )
    sides = {name: meters[name].side(rate) for name, rate in rates.items()}
    return AwsProvisioning(devices, **sides)


def report(found: AwsProvisioning) -> str:
    """The section."""
    sides = {
        "claim, CSR, hook, thing, shadow": found.hooked,
        "the same without hook and first shadow": found.plain,
        "bare mTLS handshake": found.handshakes,
    }
    rows = [
        (name, " | ".join((side.rate.spread(), side.cloud_ms.spread(2), side.stand_in_ms.spread(2))))
        for name, side in sides.items()
    ]
    goal = (
        f"One handshake comes to {found.handshakes.rate.median / found.plain.rate.median:.0f} times the rate "
        f"of a flow without the hook, which has two, and the hook takes "
        f"{1000 / found.hooked.rate.median - 1000 / found.plain.rate.median:.0f} ms of each flow with it."
    )
    how = "One client process, four threads, one local cloud. The stand-in runs the hook, IAM and DynamoDB."
    unit = "a second | CPU of the local cloud, ms each | CPU of its stand-in, ms each"
    return section(f"Provisioning on AWS, {found.devices} devices a round", how, unit, rows, goal)


@dataclass
class Meter:
    """CPU for a device that a round costs a process and those below it; the first round only warms up."""

    pid: int
    cloud_ms: Series = field(default_factory=lambda: Series("cloud"))
    stand_in_ms: Series = field(default_factory=lambda: Series("stand-in"))

    def rate(self, devices: int, work: Callable[[], object]) -> float:
        """Devices a second."""
        before = self._cpu()
        elapsed = seconds(work)
        after = self._cpu()
        for series, start, end in zip((self.cloud_ms, self.stand_in_ms), before, after, strict=True):
            series.values.append((end - start) * 1000 / devices)
        return devices / elapsed

    def side(self, rate: Series) -> Side:
        """Without the round that warmed up."""
        counted = [Series(it.name, it.values[1:]) for it in (self.cloud_ms, self.stand_in_ms)]
        return Side(rate, *counted)

    def _cpu(self) -> tuple[float, float]:
        """Seconds until now: of the process, and of those below it with what they have reaped."""
        process = psutil.Process(self.pid)
        below = 0.0
        for each in process.children(recursive=True):
            below += sum(each.cpu_times()[:4])
        return sum(process.cpu_times()[:2]), below


class _Ground:
    """The claim, the template, and names that nobody has had."""

    def __init__(self, workspace: Workspace, devices: int) -> None:
        layout = workspace.layout
        told: dict[str, Any] = workspace.outputs()["aws"]
        self._aws = Aws(workspace.environment())
        self._devices = devices
        self._numbers = count(1)
        self._folder = workspace.root / "bench-devices"
        self._host = str(told["endpoint"])
        self.template = str(told["groups"][_GROUP]["template"])
        folder = claim_folder(layout.state / "claims" / f"{_CLAIM}.pem")
        port, trust = int(workspace.endpoints["mqtt_port"]), layout.cloud / "tls-ca.pem"
        self._claim = wire.Device("claim", "", folder / "leaf.pem", folder / "key.pem", trust, port)

    def make_template(self) -> None:
        """A template as the group's, without its hook, that the same claim is good for."""
        iot = self._aws.client("iot")
        theirs = iot.call("describe_provisioning_template", templateName=self.template)
        role = self._aws.client("iam").call(
            "create_role", RoleName=_PLAIN, AssumeRolePolicyDocument=json.dumps(_TRUST)
        )
        iot.call(
            "create_provisioning_template",
            templateName=_PLAIN,
            templateBody=theirs["templateBody"],
            provisioningRoleArn=role["Role"]["Arn"],
            enabled=True,
        )
        self._widen_claim(iot)

    def flows(self, meter: Meter, template: str, *, has_shadow: bool) -> float:
        """New devices a second; their keys and requests are made before the clock starts."""
        names = [f"bench-{number:06}" for number in islice(self._numbers, self._devices)]
        with ThreadPoolExecutor(_CLIENTS) as pool:
            made = list(pool.map(self._newcomer, names))

            def flow(device: Newcomer) -> None:
                aws_wire.register(self._claim, self._host, template, device)
                aws_wire.come_up(device.own, self._host, has_shadow=has_shadow)

            return meter.rate(len(made), lambda: list(pool.map(flow, made)))

    def handshakes(self, meter: Meter) -> float:
        """Bare handshakes a second, with the claim."""

        def handshake(_: int) -> None:
            wire.handshake(self._claim, self._host).close()

        with ThreadPoolExecutor(_CLIENTS) as pool:
            return meter.rate(self._devices, lambda: list(pool.map(handshake, range(self._devices))))

    def _newcomer(self, name: str) -> Newcomer:
        return aws_wire.newcomer(self._folder / name, name, self._claim)

    def _widen_claim(self, iot: Client) -> None:
        """Have the claim register by our template as well as by its own."""
        target = self._claim_arn(iot)
        (attached,) = iot.call("list_attached_policies", target=target)["policies"]
        document = iot.call("get_policy", policyName=attached["policyName"])["policyDocument"]
        ours = document.replace(f"/{self.template}/", f"/{_PLAIN}/")
        iot.call("create_policy", policyName=_PLAIN, policyDocument=ours)
        iot.call("attach_policy", policyName=_PLAIN, target=target)

    def _claim_arn(self, iot: Client) -> str:
        known = fingerprint(load_certificates(self._claim.certificate)[0])
        described = iot.call("describe_certificate", certificateId=known)["certificateDescription"]
        return str(described["certificateArn"])
