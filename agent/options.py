"""What one device is told at its start: the command line, the environment, and the files they name.

Everything wrong is found at once (`OptionError`), before the SDK is loaded; the rules are in
`agent.option_checks`. Keys and certificates come as file names only: a key is never an argument.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agent import option_checks as checks
from agent.aws import options as aws
from agent.aws.options import AwsOptions
from agent.credentials import Certificate, Credential, SymmetricKey
from agent.errors import OptionError
from agent.log import LEVELS
from agent.option_checks import Address

PROVISIONING_HOST = "global.azure-devices-provisioning.net"
"""The global device endpoint of DPS, the same for every service and region."""

LISTEN = "127.0.0.1:8883"
"""Devices' SDKs know no other port than 8883."""


@dataclass(frozen=True)
class Issuance:
    """Certificates from DPS: where they are kept; how long before their end they are renewed, None for 20 %
    of their life.
    """

    folder: Path
    renew_before: timedelta | None


@dataclass(frozen=True)
class Parent:
    """The gateway that a child connects through; `trust_pem` are the CAs of the gateway's certificate."""

    host: str
    trust_pem: str | None


@dataclass(frozen=True)
class GatewayOptions:
    """A gateway's own end: where it listens, with what certificate, and whose certificates it trusts for
    children (None: children come with tokens only).
    """

    listen: Address
    server: Certificate
    children_pem: str | None


@dataclass(frozen=True)
class Options:
    """One device. `attempts` 0 means: never give up. `trust_pem` is None for the system's trust.

    With a `hub` the device is registered there already, and asks no DPS; without, `id_scope` names the DPS.
    With `aws` it is on AWS IoT, and what is Azure's alone is empty.
    """

    registration_id: str
    credential: Credential
    id_scope: str
    hub: str
    provisioning_host: str
    attempts: int
    log_level: str
    websockets: bool
    proxy: Address | None
    trust_pem: str | None
    issuance: Issuance | None
    parent: Parent | None
    gateway: GatewayOptions | None
    aws: AwsOptions | None = None

    @property
    def renew_before(self) -> timedelta | None:
        """How long before their end certificates are renewed; None for a part of their life."""
        own = self.issuance or (self.aws and self.aws.claim)
        return own.renew_before if own else None


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m agent`."""
    result = argparse.ArgumentParser(
        prog="python -m agent",
        description="One device: it enrols with Azure DPS or AWS IoT, connects, and keeps its twin.",
        epilog="MUSTER_PROXY (http://host:port) and MUSTER_CA_FILE (PEM) tell how the cloud is reached and "
        "trusted. Exit codes: 0 stopped by a signal, 2 wrong use, 3 refused for good.",
    )
    _add_cloud(result)
    _add_credential(result)
    _add_issuance(result)
    _add_gateway(result)
    aws.add_to(result)
    return result


def _add_cloud(result: argparse.ArgumentParser) -> None:
    result.add_argument(
        "--registration-id", required=True, help="the device's name; a certificate's common name"
    )
    result.add_argument("--id-scope", default="", help="which provisioning service (stack output idScope)")
    result.add_argument(
        "--hub", default="", help="instead of an id scope: the hub that knows the device already"
    )
    result.add_argument("--provisioning-host", default="", help=f"default: {PROVISIONING_HOST}")
    result.add_argument(
        "--attempts", type=int, default=0, help="give up after this many refusals; 0 = never (default)"
    )
    result.add_argument("--websockets", action="store_true", help="MQTT over WebSockets, port 443 alone")
    result.add_argument("--log-level", choices=sorted(LEVELS, key=LEVELS.__getitem__), default="info")


def _add_credential(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group(
        "what the device proves itself with: a certificate (its own, or a claim), or a key"
    )
    group.add_argument("--certificate", type=Path, help="PEM file: the leaf, then its issuers")
    group.add_argument("--key", type=Path, help="PEM file with the leaf's key")
    group.add_argument("--symmetric-key-file", type=Path, help="the device's own key in base64; mode 0600")


def _add_issuance(result: argparse.ArgumentParser) -> None:
    group = result.add_argument_group("a certificate from DPS, for a key that the device makes itself")
    group.add_argument("--request-certificate", action="store_true", help="ask for one (DPS API 2026-11-01)")
    group.add_argument(
        "--identity", type=Path, help="folder for key and certificate; mode 0700 (with a claim, too)"
    )
    group.add_argument(
        "--renew-before-days",
        type=float,
        help="so long before its end (default: at 80 %% of its life; with a claim, too)",
    )


def _add_gateway(result: argparse.ArgumentParser) -> None:
    child = result.add_argument_group("as the child of a gateway")
    child.add_argument("--gateway-host", default="", help="connect to the hub through this gateway")
    child.add_argument("--trust", type=Path, help="PEM file: the CAs of the gateway's certificate")
    group = result.add_argument_group("as a gateway")
    group.add_argument("--gateway", action="store_true", help="let children in")
    group.add_argument("--listen", help=f"address and port (default: {LISTEN})")
    group.add_argument(
        "--server-certificate", type=Path, help="PEM file: shown to children, with its issuers"
    )
    group.add_argument("--server-key", type=Path, help="PEM file with its key; mode 0600")
    group.add_argument("--children-ca", type=Path, help="PEM file: whose certificates children may show")


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Options:
    """Options for one device; raises OptionError with every fault. On a wrong flag argparse exits with 2."""
    given = parser().parse_args(arguments)
    faults: list[str] = []
    proxy = checks.proxy(environment.get("MUSTER_PROXY", ""), faults)
    trust_pem = checks.pem("MUSTER_CA_FILE", _path(environment.get("MUSTER_CA_FILE")), faults)
    faults += [*checks.names(given), *checks.combinations(given), *checks.credential(given)]
    parent, gateway = _parent(given, faults), _gateway(given, faults)
    issuance = _issuance(given, faults)
    if given.claim_template and given.identity is not None and not faults:  # it makes the folder
        faults += checks.folder("--identity", given.identity)
    if faults:
        raise OptionError(faults)
    return Options(
        registration_id=given.registration_id,
        credential=_credential(given),
        id_scope=given.id_scope,
        hub=given.hub.lower(),
        provisioning_host=given.provisioning_host or PROVISIONING_HOST,
        attempts=given.attempts,
        log_level=given.log_level,
        websockets=given.websockets,
        proxy=proxy,
        trust_pem=trust_pem,
        issuance=issuance,
        parent=parent,
        gateway=gateway,
        aws=aws.read(given),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _credential(given: argparse.Namespace) -> Credential:
    if given.symmetric_key_file is not None:
        return SymmetricKey(given.symmetric_key_file)
    return Certificate(given.certificate, given.key)


def _issuance(given: argparse.Namespace, faults: list[str]) -> Issuance | None:
    if not given.request_certificate or given.identity is None:
        return None
    if not faults:  # it makes the folder
        faults += checks.folder("--identity", given.identity)
    days = given.renew_before_days
    return Issuance(given.identity, None if days is None else timedelta(days=min(max(days, 0), 36_500)))


def _parent(given: argparse.Namespace, faults: list[str]) -> Parent | None:
    if not given.gateway_host:
        return None
    return Parent(given.gateway_host, checks.pem("--trust", given.trust, faults))


def _gateway(given: argparse.Namespace, faults: list[str]) -> GatewayOptions | None:
    if not given.gateway or given.server_certificate is None or given.server_key is None:
        return None
    server = Certificate(given.server_certificate, given.server_key)
    files = ("--server-certificate", server.chain), ("--server-key", server.key)
    faults += checks.certificate(*files) or checks.secret(*files[1])
    listen = checks.address("--listen", given.listen or LISTEN, faults)
    children_pem = checks.pem("--children-ca", given.children_ca, faults)
    return GatewayOptions(listen, server, children_pem)
