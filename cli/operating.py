"""What the commands that operate a fleet have in common: which services, which record, on whose word.

Exit codes of all of them: 0 done; 1 refused or failed, with the reason on standard error; 2 wrong usage;
3 done, and something is left that only a person can decide (`revocation reconcile`, `rotation report`).
"""

from __future__ import annotations

import functools
import getpass
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from cryptography import x509

from certs.chain import load_certificate
from cli.local import cloud as local_cloud
from cli.local import environment
from cli.local.errors import CloudError
from cli.local.layout import STACK, Layout, find
from fleet import Fleet, load_stack
from operations.audit import AuditLog
from operations.azure import AzureCloud, azure_cloud
from operations.errors import RequestError
from provider.clients.dps_service import API_VERSIONS, REGISTRY_API_VERSION

FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)
LEFT_OVER = 3

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
_SERVICE_DOMAIN = "azure-devices-provisioning.net"
_HUB_DOMAIN = "azure-devices.net"

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
plan_option = click.option(
    "--plan", "only_plan", is_flag=True, help="Say what would be done; change nothing."
)


@dataclass(frozen=True)
class Target:
    """The services of one fleet, the record of what is done to its devices, and who asks.

    `service` is "" for a fleet that is not on Azure.
    """

    service: str
    api_version: str
    hubs: tuple[str, ...]
    place: Path | None
    who: str
    variables: Mapping[str, str] = field(repr=False)
    issuers: Mapping[str, Path] = field(default_factory=dict)
    fleet: Fleet | None = None
    stack: str = ""

    @property
    def record(self) -> Path:
        """Where the record is. Raises NoProjectError where none was named and there is no project."""
        name = self.stack or self.service.partition(".")[0]
        return self.place or find().project / ".muster" / name / "operations.jsonl"

    @property
    def log(self) -> AuditLog:
        """The record."""
        return AuditLog(self.record)

    @contextmanager
    def cloud(self) -> Iterator[AzureCloud]:
        """The services on Azure, while the block runs. Raises RequestError when the fleet has none there."""
        if not self.service:
            raise RequestError(f"the fleet of stack {self.stack} is not on Azure, where this command works")
        with azure_cloud(self.variables, self.service, self.api_version, self.hubs) as opened:
            yield opened

    def certificates_of_issuers(self, given: tuple[Path, ...]) -> dict[str, x509.Certificate]:
        """The fleet's issuers: those that its description names, and those given. Raises UnreadableError.

        An issuer that has expired counts as well: its certificates and its CRLs may live on.
        """
        files = {**self.issuers, **{str(path): path for path in given}}
        if not files:
            raise click.UsageError("Which issuers? Name a stack (-s), or their certificates (--issuer).")
        return {name: load_certificate(path) for name, path in files.items()}


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name a fleet; the command gets them as one argument, `target`."""

    @_options
    @functools.wraps(command)
    def run(  # one parameter an option
        *args: Any,  # noqa: ANN401 - the command's own
        stack: str | None,
        service: str | None,
        hub: tuple[str, ...],
        api_version: str | None,
        record: Path | None,
        who: str | None,
        **kwargs: Any,  # noqa: ANN401 - the command's own
    ) -> Any:  # noqa: ANN401 - the command's own
        made = _target(stack, service, hub, api_version, record, who)
        return command(*args, target=made, **kwargs)

    return run


def print_json(value: Mapping[str, Any], *, err: bool = False) -> None:
    """One JSON object; on standard error where standard output is somebody else's."""
    click.echo(json.dumps(value, indent=2), err=err)


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    given = (
        click.option("-s", "--stack", metavar="STACK", help="The fleet, by its stack in this project."),
        click.option("--service", metavar="HOST", help="Or its provisioning service, by host name."),
        click.option(
            "--hub", multiple=True, metavar="HOST", help="With --service: a hub of it; repeat for more."
        ),
        click.option(
            "--api-version",
            type=click.Choice(API_VERSIONS),
            help="Of the provisioning service. [the stack's provisioningApi, or the newest]",
        ),
        click.option(
            "--record",
            type=FILE,
            envvar="MUSTER_RECORD",
            show_envvar=True,
            help="Where it is on record what was done. [.muster/STACK/operations.jsonl]",
        ),
        click.option(
            "--who", envvar="MUSTER_WHO", show_envvar=True, help="Who does it, for the record. [your login]"
        ),
    )
    for option in reversed(given):
        command = option(command)
    return command


def _target(
    stack: str | None,
    service: str | None,
    hubs: tuple[str, ...],
    api_version: str | None,
    record: Path | None,
    who: str | None,
) -> Target:
    if (stack is None) == (service is None):
        raise click.UsageError("Which fleet? Give either its stack (-s) or its service (--service).")
    if stack is not None and hubs:
        raise click.UsageError("--hub goes with --service; a stack names its hubs.")
    who = who or login()
    if service is None:
        return _of_stack(stack or "", api_version, record, who)
    host, hubs = _host(service, "--service"), tuple(_host(name, "--hub") for name in hubs)
    return Target(host, api_version or REGISTRY_API_VERSION, hubs, record, who, dict(os.environ))


def _of_stack(stack: str, api_version: str | None, record: Path | None, who: str) -> Target:
    layout = find()
    fleet = load_stack(layout.project / "stacks" / f"Pulumi.{stack}.yaml")
    azure = fleet.azure
    hubs = () if azure is None else tuple(f"{hub.name}.{_HUB_DOMAIN}".lower() for hub in azure.hubs.values())
    return Target(
        service="" if azure is None else f"{azure.provisioning_service}.{_SERVICE_DOMAIN}".lower(),
        api_version=api_version or (REGISTRY_API_VERSION if azure is None else azure.provisioning_api),
        hubs=hubs,
        place=record,
        who=who,
        variables=variables(layout, stack),
        issuers={name: layout.project / path for name, path in fleet.identity.issuers.items()}
        | {"root": layout.project / fleet.identity.root},
        fleet=fleet,
        stack=stack,
    )


def variables(layout: Layout, stack: str) -> dict[str, str]:
    """The person's own settings; for stack `local` those of the local stack. Raises CloudError.

    azure-identity reads the process's own environment, so they are put there, too.
    """
    if stack == STACK:
        proxy = local_cloud.proxy_of_running(layout)
        if proxy is None:
            raise CloudError("The local stack is not up: run `muster up` first.")
        found = environment.variables(layout, proxy)
        for name in set(os.environ) - set(found):
            del os.environ[name]
        os.environ.update(found)
    return dict(os.environ)


def _host(name: str, option: str) -> str:
    if not _HOST.fullmatch(name.lower()) or "." not in name:
        raise click.UsageError(f"{option} {name!r}: a host name such as contoso.{_SERVICE_DOMAIN} is due.")
    return name.lower()


def login() -> str:
    """Who works here, by the machine's word."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
