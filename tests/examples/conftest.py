"""An example brought up as its README says: a project with its stack file, a local cloud, the real engine.

What an example says exists already (a network, a workspace, an event hub of somebody else's, a function that
signs) is made first, in the local cloud, by plain calls to ARM and AWS.
"""

from __future__ import annotations

import io
import json
import shutil
import ssl
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from bench.workspace import PROJECT
from bench.workspace import lay_out as lay_out_project
from cli.local import cloud, environment, processes, scratch
from cli.local.deployment import Deployment, Outcome
from cli.local.layout import Layout
from cli.local.progress import Reporter, Step
from cli.setup import ensure_tools
from fleet import load_stack
from provider.clients.aws import Aws

EXAMPLES = PROJECT / "examples"
SOMEBODYS = "00000000-0000-4000-8000-000000000000"
"""The subscription that examples name where they mean the reader's own."""
_LINKED = ("components",)

_VERSIONS = {
    "Microsoft.Network/virtualNetworks": "2024-05-01",
    "Microsoft.Network/virtualNetworks/subnets": "2024-05-01",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.OperationalInsights/workspaces": "2023-09-01",
    "Microsoft.EventHub/namespaces": "2024-01-01",
    "Microsoft.EventHub/namespaces/eventhubs": "2024-01-01",
    "Microsoft.ServiceBus/namespaces": "2024-01-01",
    "Microsoft.ServiceBus/namespaces/queues": "2024-01-01",
    "Microsoft.ServiceBus/namespaces/topics": "2024-01-01",
    "Microsoft.Storage/storageAccounts": "2024-01-01",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "2024-01-01",
}
_HERE = {"location": "westeurope"}

EXISTING: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "network/providers/Microsoft.Network/virtualNetworks/plant",
        "Microsoft.Network/virtualNetworks",
        {**_HERE, "properties": {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}},
    ),
    (
        "network/providers/Microsoft.Network/virtualNetworks/plant/subnets/devices",
        "Microsoft.Network/virtualNetworks/subnets",
        {"properties": {"addressPrefix": "10.1.1.0/24"}},
    ),
    (
        "network/providers/Microsoft.Network/privateDnsZones/privatelink.azure-devices.net",
        "Microsoft.Network/privateDnsZones",
        {"location": "global"},
    ),
    (
        "security/providers/Microsoft.OperationalInsights/workspaces/watch",
        "Microsoft.OperationalInsights/workspaces",
        {**_HERE, "properties": {"sku": {"name": "PerGB2018"}}},
    ),
    (
        "lake/providers/Microsoft.EventHub/namespaces/lake-events",
        "Microsoft.EventHub/namespaces",
        {**_HERE, "sku": {"name": "Standard"}},
    ),
    (
        "lake/providers/Microsoft.EventHub/namespaces/lake-events/eventhubs/devices",
        "Microsoft.EventHub/namespaces/eventhubs",
        {"properties": {}},
    ),
    (
        "lake/providers/Microsoft.ServiceBus/namespaces/lake-queues",
        "Microsoft.ServiceBus/namespaces",
        {**_HERE, "sku": {"name": "Standard"}},
    ),
    (
        "lake/providers/Microsoft.ServiceBus/namespaces/lake-queues/queues/orders",
        "Microsoft.ServiceBus/namespaces/queues",
        {"properties": {}},
    ),
    (
        "lake/providers/Microsoft.ServiceBus/namespaces/lake-queues/topics/moves",
        "Microsoft.ServiceBus/namespaces/topics",
        {"properties": {}},
    ),
    (
        "lake/providers/Microsoft.Storage/storageAccounts/lakefiles",
        "Microsoft.Storage/storageAccounts",
        {**_HERE, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"},
    ),
    (
        "lake/providers/Microsoft.Storage/storageAccounts/lakefiles/blobServices/default/containers/vault",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        {},
    ),
    (
        "lake/providers/Microsoft.Storage/storageAccounts/lakefiles/blobServices/default/containers/uploads",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        {},
    ),
)


class Arm:
    """Azure Resource Manager of the local cloud, as an operator's script would use it."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        trust = ssl.create_default_context(cafile=variables["MUSTER_CA_FILE"])
        self._http = httpx.Client(proxy=variables["MUSTER_PROXY"], verify=trust, trust_env=False)
        self._http.headers["Authorization"] = f"Bearer {self._token()}"

    def put(self, below: str, version: str, body: Mapping[str, Any]) -> None:
        """Make a resource of a resource group: `below` follows `…/resourceGroups/`."""
        url = f"https://management.azure.com/subscriptions/{self._variables['ARM_SUBSCRIPTION_ID']}"
        answer = self._http.put(
            f"{url}/resourceGroups/{below}", params={"api-version": version}, json=dict(body)
        )
        assert answer.is_success, answer.text

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _token(self) -> str:
        answer = self._http.post(
            f"https://login.microsoftonline.com/{self._variables['AZURE_TENANT_ID']}/oauth2/v2.0/token",
            data={
                "grant_type": "client_credentials",
                "client_id": self._variables["AZURE_CLIENT_ID"],
                "client_secret": self._variables["AZURE_CLIENT_SECRET"],
                "scope": "https://management.azure.com/.default",
            },
        )
        return str(answer.raise_for_status().json()["access_token"])


@dataclass(frozen=True)
class Example:
    """An example in a project of its own, with a local cloud that runs."""

    deployment: Deployment
    log: Path

    def up(self) -> Outcome:
        """`pulumi up`."""
        return self.deployment.up(Step("up"))

    def preview(self) -> Outcome:
        """`pulumi preview`."""
        return self.deployment.preview(self.log, Step("preview"))

    def set_secret(self, name: str, value: str) -> None:
        """`pulumi config set --secret NAME`, the value on standard input."""
        program = str(self.deployment.layout.tools / "bin" / "pulumi")
        done = subprocess.run(
            [program, "config", "set", "--secret", name, "--stack", self.deployment.stack],
            cwd=self.deployment.layout.project,
            env=dict(self.deployment.environment),
            input=value,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def state(self) -> list[dict[str, Any]]:
        """The resources in Pulumi's state."""
        exported = json.loads(self.deployment.run("stack", "export"))
        found: list[dict[str, Any]] = exported["deployment"].get("resources") or []
        return found

    def destroy(self) -> None:
        """`pulumi destroy`, after whatever was protected no longer is."""
        self.deployment.run("state", "unprotect", "--all", "--yes")
        self.deployment.run("destroy", "--yes", "--skip-preview")


@contextmanager
def example(name: str, folder: Path) -> Iterator[Example]:
    """An example, ready to come up."""
    project, root = folder / "project", folder / "scratch"
    for each in (project, root):
        each.mkdir()
    lay_out_project(project)
    ensure_tools(Layout(project), Reporter(Console(quiet=True)))
    shutil.copytree(EXAMPLES, project / "examples")
    for part in _LINKED:
        (project / part).symlink_to(PROJECT / part)
    stack_file = project / "stacks" / f"Pulumi.{name}.yaml"
    shutil.copy(EXAMPLES / name / stack_file.name, stack_file)
    made = scratch.lay_out(project, root, {name: load_stack(stack_file)})
    try:
        variables = _cloud(made.layout) | {"MUSTER_KEY_STORE": str(made.keys[name])}
        _in_our_subscription(made.layout.project / "stacks" / stack_file.name, variables)
        _make_existing(variables)
        deployment = Deployment(made.layout, variables, name)
        deployment.ensure_stack()
        yield Example(deployment, folder / "preview.log")
    finally:
        processes.stop([cloud.pid_file(made.layout)])


def _cloud(layout: Layout) -> dict[str, str]:
    proxy = cloud.ensure(layout, Step("cloud"), cloud.ANY_PORTS).proxy
    return environment.variables(layout, proxy)


def _in_our_subscription(stack_file: Path, variables: Mapping[str, str]) -> None:
    text = stack_file.read_text()
    stack_file.write_text(text.replace(SOMEBODYS, variables["ARM_SUBSCRIPTION_ID"]))


def _make_existing(variables: Mapping[str, str]) -> None:
    arm = Arm(variables)
    for group in ("network", "security", "lake"):
        arm.put(group, "2024-03-01", _HERE)
    for below, kind, body in EXISTING:
        arm.put(below, _VERSIONS[kind], body)
    arm.close()
    _make_function(Aws(variables))


def _make_function(aws: Aws) -> None:
    """A function that could sign certificates; nobody asks it to."""
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = aws.client("iam").call("create_role", RoleName="signs", AssumeRolePolicyDocument=trust)["Role"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    raise NotImplementedError\n")
    aws.client("lambda").call(
        "create_function",
        FunctionName="sign-certificates",
        Runtime="python3.13",
        Handler="index.handler",
        Role=role["Arn"],
        Code={"ZipFile": code.getvalue()},
    )
