"""Where the end-to-end tests run: on the local cloud, or with `make test-cloud` in a real subscription.

The one place that knows the difference. A test that takes the fixture `place`, or one that is built on it,
runs on both; `control` and `counters` are None in Azure, which cannot be told to fail, nor what it counted.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

from certs import authority
from tests.e2e.workspace import Workspace
from tests.localcloud.control.client import Control

CLOUD, SUBSCRIPTION, SPENDING = "MUSTER_TEST_CLOUD", "MUSTER_TEST_SUBSCRIPTION", "MUSTER_TEST_SPENDING_OK"
"""The first is what `make test-cloud` sets; the others are a person's word."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ISSUERS = re.compile(r"/pki/([a-z0-9-]+)\.pem")


class NoPermissionError(Exception):
    """Nobody has said that these tests may spend money."""


def permitted(environment: Mapping[str, str]) -> str:
    """The subscription that may be used. Raises NoPermissionError with all that is missing."""
    subscription = environment.get(SUBSCRIPTION, "").lower()
    wrong = []
    if not _ID.fullmatch(subscription):
        wrong.append(f"{SUBSCRIPTION} must be the id of a subscription that holds nothing else of value")
    if not subscription or environment.get(SPENDING, "").lower() != subscription:
        wrong.append(f"{SPENDING} must be the same id again: it says that you pay for what is made there")
    if wrong:
        raise NoPermissionError(
            "make test-cloud makes hubs, a provisioning service and a function app in Azure, which cost "
            "money, and removes them at the end. It does nothing until you say so:\n"
            + "\n".join(f"  - {each}" for each in wrong)
            + "\nSee docs/testing.md."
        )
    return subscription


@dataclass(frozen=True)
class Reach:
    """How devices reach the cloud: a CONNECT proxy and a trust anchor, or nothing special."""

    proxy: tuple[str, int] | None = None
    trust: Path | None = None

    def told(self) -> dict[str, Any]:
        """As `sdk_devices` takes it."""
        return {"proxy": self.proxy, "trust": self.trust.read_text() if self.trust else None}


class Place(Protocol):
    """A project of its own with one stack, and the cloud under it."""

    workspace: Workspace
    stack: str
    fleet: str
    """The fleet's name: names in the cloud begin with it."""
    function_seconds: float
    """How long a fresh function app may take before it answers."""

    @property
    def pki(self) -> Path:
        """The fleet's CA chain, once it is up."""

    @property
    def passphrase(self) -> bytes:
        """What opens its keys."""

    def up(self, **told: str) -> subprocess.CompletedProcess[str]:
        """Bring up what is described; `told` are further environment variables."""

    def start_up(self, **told: str) -> subprocess.Popen[str]:
        """Begin to, and return while it works; what it says goes to its stdout."""

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""

    def environment(self) -> dict[str, str]:
        """What a tool of this stack is told."""

    def reach(self) -> Reach:
        """How devices reach the cloud."""

    def counters(self) -> dict[str, int] | None:
        """Refusals by reason, where the cloud counts them for us."""

    def control(self) -> Control | None:
        """Faults and time, where the cloud can be told."""

    def close(self) -> None:
        """Remove everything."""


def describe(place: Place, fleet: Mapping[str, Any]) -> None:
    """Write the stack's file: the fleet, named as the place wants it."""
    file = place.workspace.root / "stacks" / f"Pulumi.{place.stack}.yaml"
    config = {
        "azure-native:location": "westeurope",
        "muster:fleet": {"name": place.fleet, "protect": False, **fleet},
    }
    file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))


class LocalPlace:
    """The local cloud, by `muster up` as a person runs it."""

    stack, fleet, function_seconds = "local", "whole", 20.0

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    @property
    def pki(self) -> Path:
        """Made by the first `muster up`."""
        return self.workspace.state / "pki"

    @property
    def passphrase(self) -> bytes:
        """Made by the first `muster up`."""
        return (self.workspace.state / "key-passphrase").read_bytes()

    def up(self, **told: str) -> subprocess.CompletedProcess[str]:
        """`muster up` without devices."""
        return self.workspace.muster("up", "--devices", "0", **told)

    def start_up(self, **told: str) -> subprocess.Popen[str]:
        """The same."""
        return self.workspace.start_up(0, **told)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return self.workspace.outputs()

    def environment(self) -> dict[str, str]:
        """As `source .tools/env` gives it."""
        trust = {"MUSTER_CA_FILE": str(self.workspace.state / "cloud" / "tls-ca.pem")}
        return self.workspace.environment() | self.workspace.settings() | trust

    def reach(self) -> Reach:
        """Through the local cloud's proxy, with its trust anchor."""
        proxy = self.workspace.settings()["MUSTER_PROXY"]
        host, _, port = proxy.removeprefix("http://").rpartition(":")
        return Reach((host, int(port)), self.workspace.state / "cloud" / "tls-ca.pem")

    def counters(self) -> dict[str, int]:
        """Of the control surface."""
        with self.control() as control:
            return control.counters()

    def control(self) -> Control:
        """The control surface."""
        return Control(self.workspace.state / "cloud")

    def close(self) -> None:
        """`muster down`."""
        self.workspace.muster("down")


class CloudPlace:
    """A subscription in Azure: a resource group of its own, named at random, destroyed at the end.

    Who we are is for azure-identity to find (`az login`, or AZURE_* of a service principal).
    """

    stack, function_seconds = "cloud", 300.0

    def __init__(self, workspace: Workspace, subscription: str) -> None:
        self.workspace = workspace
        self.fleet = f"mt{secrets.token_hex(4)}"
        self._state = workspace.root / ".muster" / self.stack
        self._tools = workspace.root / ".tools" / "bin"
        self._subscription = subscription
        self._is_made = False

    @property
    def pki(self) -> Path:
        """Made before the first `up`."""
        return self._state / "pki"

    @property
    def passphrase(self) -> bytes:
        """Random, like that of a person."""
        return self._secret("key-passphrase").read_bytes()

    def up(self, **told: str) -> subprocess.CompletedProcess[str]:
        """`pulumi up`, the CA chain and the stack made before where they are missing."""
        self._make()
        return self._pulumi("up", "--yes", "--skip-preview", **told)

    def start_up(self, **told: str) -> subprocess.Popen[str]:
        """The same."""
        self._make()
        return subprocess.Popen(
            self._command("up", "--yes", "--skip-preview"),
            cwd=self.workspace.root,
            env=self.environment() | told,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        found: dict[str, Any] = json.loads(self._pulumi("stack", "output", "--json").stdout)
        return found

    def environment(self) -> dict[str, str]:
        """The person's own, and where our state is."""
        return dict(os.environ) | {
            "PATH": os.pathsep.join([str(self._tools), os.environ.get("PATH", os.defpath)]),
            "PULUMI_HOME": str(self._state / "pulumi-home"),
            "PULUMI_BACKEND_URL": (self._state / "backend").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self._secret("pulumi-passphrase")),
            "MUSTER_KEY_STORE": str(self.pki / "keys"),
            "MUSTER_KEY_PASSPHRASE_FILE": str(self._secret("key-passphrase")),
            "ARM_SUBSCRIPTION_ID": self._subscription,
            "AZURE_SUBSCRIPTION_ID": self._subscription,
        }

    def reach(self) -> Reach:
        """As every device does."""
        return Reach()

    def counters(self) -> None:
        """Azure has none for us."""

    def control(self) -> None:
        """Azure cannot be told to fail."""

    def close(self) -> None:
        """`pulumi destroy`. Raises RuntimeError when something is left, which then costs money."""
        if not self._is_made:
            return
        gone = self._pulumi("destroy", "--yes", "--skip-preview")
        if gone.returncode:
            raise RuntimeError(
                f"NOT ALL IS REMOVED: delete resource group {self.fleet}-{self.stack} in subscription "
                f"{self._subscription} by hand.\n{gone.stdout}{gone.stderr}"
            )

    def _make(self) -> None:
        if self._is_made:
            return
        for folder in (self._state, self._state / "backend"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        described = (self.workspace.root / "stacks" / f"Pulumi.{self.stack}.yaml").read_text()
        issuers = sorted(set(_ISSUERS.findall(described)) - {"root"})
        authority.init(self.pki, self.fleet, issuers, self.passphrase)
        made = self._pulumi("stack", "init")
        assert made.returncode == 0, made.stderr
        self._is_made = True

    def _secret(self, name: str) -> Path:
        path = self._state / name
        if not path.exists():
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
        return path

    def _command(self, *arguments: str) -> list[str]:
        return [str(self._tools / "pulumi"), *arguments, "--stack", self.stack, "--non-interactive"]

    def _pulumi(self, *arguments: str, **told: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*arguments),
            cwd=self.workspace.root,
            env=self.environment() | told,
            capture_output=True,
            text=True,
            check=False,
        )
