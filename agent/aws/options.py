"""What a device of AWS IoT is told at its start, beside what every device is told. No SDK."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

PORT, ALPN_PORT = 8883, 443
"""MQTT with a client certificate; the same on 443, told apart by ALPN `x-amzn-mqtt-ca` ("Device communication
protocols")."""

PARAMETER = "SerialNumber"
"""The parameter of a provisioning template that gets the registration id, as AWS' own templates name it."""


@dataclass(frozen=True)
class Claim:
    """Fleet provisioning by claim: the template, where the device keeps its own key and certificate, what the
    template is told; how long before their end certificates are renewed, None for 20 % of their life.
    """

    template: str
    folder: Path
    parameters: Mapping[str, str] = field(default_factory=dict)
    renew_before: timedelta | None = None


@dataclass(frozen=True)
class AwsOptions:
    """One device of AWS IoT. `topics` (`fleet/group`): below it lies its telemetry; empty: it sends none."""

    endpoint: str
    port: int
    topics: str
    is_just_in_time: bool
    claim: Claim | None

    def telemetry(self, thing: str) -> str:
        """The topic of a thing's telemetry; empty when it has none (AWS: "MQTT topic design", `dt/`)."""
        return f"dt/{self.topics}/{thing}/telemetry" if self.topics else ""


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options of AWS mode, which `--endpoint` selects."""
    group = parser.add_argument_group("on AWS IoT, instead of an id scope or a hub")
    group.add_argument("--endpoint", default="", help="the account's endpoint (stack output aws.endpoint)")
    group.add_argument(
        "--port", type=int, choices=(PORT, ALPN_PORT), help=f"default: {PORT}; {ALPN_PORT}: MQTT by ALPN"
    )
    group.add_argument("--topics", default="", help="FLEET/GROUP: sends telemetry below dt/FLEET/GROUP/ID")
    group.add_argument(
        "--just-in-time",
        action="store_true",
        help="the certificate is registered by the first connection: try again until it is active",
    )
    group.add_argument(
        "--claim-template",
        default="",
        help="the certificate is a claim: ask for an own one by this provisioning template; needs --identity",
    )
    group.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help=f"for the template, beside {PARAMETER}, which is the registration id; repeat for more",
    )


def read(given: argparse.Namespace) -> AwsOptions | None:
    """The options of AWS mode; None on Azure. They were checked before (`agent.aws.checks`)."""
    if not given.endpoint:
        return None
    claim = None
    if given.claim_template and given.identity is not None:
        told = dict(each.split("=", 1) for each in given.parameter)
        parameters = {PARAMETER: given.registration_id, **told}
        days = given.renew_before_days
        before = None if days is None else timedelta(days=days)
        claim = Claim(given.claim_template, given.identity, parameters, before)
    return AwsOptions(given.endpoint.lower(), given.port or PORT, given.topics, given.just_in_time, claim)
