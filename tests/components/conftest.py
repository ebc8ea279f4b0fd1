"""Fleets, a throw-away chain, and `declare`: what a fleet's resources look like to the engine."""

import asyncio
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws
import pytest
from pulumi.runtime import mocks, rpc

from certs import authority
from certs.chain import Chain, load_chain
from components.fleet import build
from components.sources import Sources
from fleet import Fleet, load
from tests.components import aws_answers

with warnings.catch_warnings():  # pulumi_aws warns of a class in it that nobody here uses
    warnings.simplefilter("ignore", DeprecationWarning)
    assert pulumi_aws.lambda_.Function is not None  # loaded by the first look

HOST_KEYS = "azure-native:web:listWebAppHostKeys"
SUBSCRIPTION = "/subscriptions/5ab1e8d0-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Declared:
    """One resource as the engine is asked to register it."""

    token: str
    name: str
    urn: str
    parent: str
    provider: str
    inputs: dict[str, Any]
    protect: bool
    depends_on: frozenset[str]
    ignored: tuple[str, ...]
    delete_first: bool


@dataclass
class Program:
    """All a program declared, in order, and what it exported."""

    resources: list[Declared] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret: list[bool] = field(default_factory=list)

    def of(self, token: str) -> list[Declared]:
        """The resources of a type by name; the engine gets them in no certain order."""
        found = [resource for resource in self.resources if resource.token == token]
        return sorted(found, key=lambda resource: resource.name)

    def one(self, token: str) -> Declared:
        """The only resource of a type."""
        (resource,) = self.of(token)
        return resource


class _Cloud(mocks.Mocks):
    """Answers as the clouds would, as far as the program looks at the answers."""

    account = aws_answers.ACCOUNT
    """Of the AWS credentials."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        try:
            found = aws_answers.call(args.token, args.args, self.account)
        except aws_answers.RefusedError as error:
            return {}, [("", str(error))]
        if found is None:
            assert args.token == HOST_KEYS, f"the program asks for no more than keys, not for {args.token}"
            found = {"functionKeys": {"default": "key-of-the-app"}, "masterKey": "another", "systemKeys": {}}
        return found, []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ.startswith(("aws:", "aws-native:", "muster:aws:")):
            told = aws_answers.answer(args.typ, args.name, args.inputs)
            return aws_answers.identity(args.typ, args.name, args.inputs), {**args.inputs, **told}
        answer = _ANSWERS.get(args.typ, _nothing)
        return _arm_id(args), {**args.inputs, **answer(args.inputs)}


def _arm_id(args: mocks.MockResourceArgs) -> str:
    form = _IDS.get(args.typ)
    below = form.format(**args.inputs) if form else f"{args.typ}/{args.name}"
    return f"{SUBSCRIPTION}/resourceGroups/rg/providers/{below}"


_IDS = {
    "azure-native:eventhub:EventHub": (
        "Microsoft.EventHub/namespaces/{namespaceName}/eventhubs/{eventHubName}"
    ),
    "azure-native:servicebus:Queue": "Microsoft.ServiceBus/namespaces/{namespaceName}/queues/{queueName}",
    "azure-native:servicebus:Topic": "Microsoft.ServiceBus/namespaces/{namespaceName}/topics/{topicName}",
    "azure-native:storage:BlobContainer": (
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}"
    ),
    "azure-native:web:WebApp": "Microsoft.Web/sites/{name}",
}
"""Ids that the program takes apart."""


def _nothing(_given: dict[str, Any]) -> dict[str, Any]:
    return {}


def _identity(given: dict[str, Any]) -> dict[str, Any]:
    """A hub's identity as Azure answers: user-assigned ones are a mapping then."""
    users = {each: {"principalId": "p", "clientId": "c"} for each in given.get("userAssignedIdentities", ())}
    own = {"principalId": "principal-of-hub", "tenantId": "tenant"} if "System" in given["type"] else {}
    return {"type": given["type"], "userAssignedIdentities": users, **own}


_Answer = Callable[[dict[str, Any]], dict[str, Any]]

_ANSWERS: dict[str, _Answer] = {
    "azure-native:resources:ResourceGroup": lambda given: {"name": given["resourceGroupName"]},
    "azure-native:eventhub:Namespace": lambda given: {"name": given["namespaceName"]},
    "azure-native:servicebus:Namespace": lambda given: {"name": given["namespaceName"]},
    "azure-native:storage:StorageAccount": lambda given: {"name": given["accountName"]},
    "azure-native:storage:BlobContainer": lambda given: {"name": given["containerName"]},
    "azure-native:storage:Blob": lambda given: {"url": f"https://blobs/{given['blobName']}"},
    "azure-native:web:WebApp": lambda given: {
        "defaultHostName": f"{given['name']}.azurewebsites.net",
        "identity": _identity(given["identity"]),
    },
    "azure-native:network:PrivateEndpoint": lambda given: {"name": given["privateEndpointName"]},
    "azure-native:deviceregistry:Namespace": lambda given: {
        "name": given["namespaceName"],
        "identity": {"type": "SystemAssigned", "principalId": "principal-of-namespace", "tenantId": "tenant"},
    },
    "azure-native:managedidentity:UserAssignedIdentity": lambda given: {
        "principalId": f"principal-of-{given['resourceName']}",
        "clientId": f"client-of-{given['resourceName']}",
    },
    "azure-native:iothub:IotHubResource": lambda given: {
        "name": given["resourceName"],
        "etag": f"etag-of-{given['resourceName']}",
        "identity": _identity(given.get("identity") or {"type": "None"}),
        "properties": {
            **given["properties"],
            "hostName": f"{given['resourceName']}.azure-devices.net",
            "authorizationPolicies": [{"keyName": "device", "primaryKey": pulumi.Output.secret("k")}],
        },
    },
    "azure-native:deviceprovisioningservices:IotDpsResource": lambda given: {
        "etag": "etag-of-dps",
        "identity": {"type": "SystemAssigned", "principalId": "principal-of-dps", "tenantId": "tenant"},
        "properties": {
            **given["properties"],
            "idScope": "0ne00AB12CD",
            "deviceProvisioningHostName": "global.azure-devices-provisioning.net",
            "serviceOperationsHostName": (
                f"{given['provisioningServiceName']}.azure-devices-provisioning.net"
            ),
        },
    },
}


class _Monitor(mocks.MockMonitor):
    """Keeps what the mocks are not told: options and dependencies."""

    def __init__(self, program: Program) -> None:
        super().__init__(_Cloud())
        self._program = program

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 (the engine's name for it)
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # pulumi's
        declared = Declared(
            token=request.type,
            name=request.name,
            urn=answer.urn,
            parent=request.parent,
            provider=request.provider,
            inputs=rpc.deserialize_properties(request.object, keep_unknowns=True),
            protect=request.protect,
            depends_on=frozenset(request.dependencies),
            ignored=tuple(request.ignoreChanges),
            delete_first=request.deleteBeforeReplace,
        )
        if request.type != "pulumi:pulumi:Stack":
            self._program.resources.append(declared)
        return answer


def _description(**changes: Any) -> dict[str, Any]:
    """A fleet of two hubs and one group, with top-level keys changed."""
    return {
        "name": "coldchain",
        "azure": {"hubs": {"eu-1": {}, "eu-2": {"sku": "S2", "units": 3}}},
        "identity": {"root": "pki/root.pem", "issuers": {"oslo": "pki/oslo.pem"}},
        "groups": {
            "reefers": {
                "attestation": {"x509": {"issuer": "oslo"}},
                "allocation": {"hubs": ["eu-1", "eu-2"]},
                "twin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}},
            }
        },
    } | changes


def _described(stack: str = "prod", **changes: Any) -> Fleet:
    """The same as a checked fleet of a stack."""
    return load(_description(**changes), file=f"Pulumi.{stack}.yaml", location="westeurope")


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with root.pem, oslo.pem and bergen.pem."""
    folder = tmp_path_factory.mktemp("project") / "pki"
    authority.init(folder, "coldchain", ["oslo", "bergen"], b"a passphrase for tests")
    return folder


@pytest.fixture(scope="session")
def chain(pki: Path) -> Chain:
    """What the fleet of `described` names."""
    return load_chain(pki / "root.pem", {"oslo": pki / "oslo.pem"})


@pytest.fixture(scope="session", autouse=True)
def _loops() -> Iterator[None]:
    """Pulumi's mocks ask for the current event loop, which Python 3.12 no longer makes without a warning, and
    make one more in each thread, which nobody closes."""
    made: list[asyncio.AbstractEventLoop] = []

    def make() -> asyncio.AbstractEventLoop:
        made.append(asyncio.get_event_loop_policy().new_event_loop())
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "new_event_loop", make)
        asyncio.set_event_loop(make())
        yield
        asyncio.set_event_loop(None)
        for loop in made:
            loop.close()


@pytest.fixture
def observed() -> Program:
    """What the test's program declares, from now on."""
    return _observed()


def _observed() -> Program:
    program = Program()
    mocks.set_mocks(_Cloud(), project="muster", stack="prod", preview=False, monitor=_Monitor(program))
    return program


@pytest.fixture
def declare(chain: Chain) -> Callable[..., Program]:
    """Runs the program for a fleet (and the files that it names) against the mocks."""

    def run(fleet: Fleet, **files: Any) -> Program:
        program = _observed()
        sources = replace(Sources(chain, {}, {}), **files)

        def declare_all() -> pulumi.Output[Any]:
            outputs = pulumi.Output.from_input(build(fleet, sources))
            is_secret: pulumi.Output[bool] = pulumi.Output.from_input(outputs.is_secret())
            return pulumi.Output.all(
                outputs.apply(program.outputs.update), is_secret.apply(program.secret.append)
            )

        awaited: Callable[[], None] = mocks.test(declare_all)  # type: ignore[no-untyped-call]  # pulumi's
        awaited()
        return program

    return run


@pytest.fixture
def description() -> dict[str, Any]:
    return _description()


@pytest.fixture
def described() -> Callable[..., Fleet]:
    return _described
