"""The plugin on the engine's wire, in process; and started as the engine starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from localcloud.providers.azure_native import PLUGIN_VERSION
from localcloud.providers.azure_native.plugin import AzureNative
from localcloud.providers.install import install
from localcloud.providers.server import start
from localcloud.providers.wire import UNKNOWN, Secret, decode, encode

STAND_INS = {"azure-native": PLUGIN_VERSION, "aws": "7.51.1", "aws-native": "1.84.0"}
URN = "urn:pulumi:dev::coldchain::muster:azure:IotHub$azure-native:iothub:IotHubResource::eu"
INPUTS: dict[str, Any] = {
    "resourceGroupName": "rg",
    "resourceName": "eu-1",
    "location": "westeurope",
    "sku": {"name": "S1", "capacity": 1},
}


@pytest.fixture
def engine(plugin: AzureNative) -> Iterator[Any]:
    server, port = start(plugin)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None).wait()


def test_what_it_says_of_itself(engine: Any) -> None:
    assert engine.Handshake(pb.ProviderHandshakeRequest()).accept_secrets
    assert engine.GetPluginInfo(Empty()).version == PLUGIN_VERSION
    assert "azure-native:iothub:IotHubResource" in engine.GetSchema(pb.GetSchemaRequest()).schema


def test_check_names_the_property(engine: Any) -> None:
    request = pb.CheckRequest(urn=URN, news=encode(INPUTS | {"sku": {"name": "S1", "size": 1}}))
    (failure,) = engine.Check(request).failures
    assert failure.property == "sku.size"
    assert "unknown property of IotHubSkuInfo" in failure.reason


def test_check_keeps_unknown_and_secret(engine: Any) -> None:
    news = INPUTS | {"resourceGroupName": UNKNOWN, "tags": {"a": Secret("b")}}
    response = engine.Check(pb.CheckRequest(urn=URN, news=encode(news), randomSeed=b"1"))
    assert decode(response.inputs) == news


def test_autonaming(engine: Any) -> None:
    options = pb.CheckRequest.AutonamingOptions(
        proposed_name="proposed", mode=pb.CheckRequest.AutonamingOptions.ENFORCE
    )
    response = engine.Check(pb.CheckRequest(urn=URN, news=encode({}), autonaming=options))
    assert decode(response.inputs)["resourceName"] == "proposed"


def test_diff_says_what_and_why(engine: Any) -> None:
    news = INPUTS | {"location": "norwayeast", "sku": {"name": "S2", "capacity": 1}}
    response = engine.Diff(pb.DiffRequest(urn=URN, id="x", old_inputs=encode(INPUTS), news=encode(news)))
    assert list(response.replaces) == ["location"]
    assert sorted(response.diffs) == ["location", "sku"]
    assert response.deleteBeforeReplace
    kinds = {path: diff.kind for path, diff in response.detailedDiff.items()}
    assert kinds == {"location": pb.PropertyDiff.UPDATE_REPLACE, "sku.name": pb.PropertyDiff.UPDATE}


def test_no_difference(engine: Any) -> None:
    response = engine.Diff(pb.DiffRequest(urn=URN, id="x", old_inputs=encode(INPUTS), news=encode(INPUTS)))
    assert response.changes == pb.DiffResponse.DIFF_NONE


def test_create_read_update_delete(engine: Any) -> None:
    tagged = encode(INPUTS | {"tags": {"a": Secret("b")}})
    preview = engine.Create(pb.CreateRequest(urn=URN, properties=tagged, preview=True))
    assert decode(preview.properties)["properties"] is UNKNOWN
    made = engine.Create(pb.CreateRequest(urn=URN, properties=tagged))
    outputs = decode(made.properties)
    assert outputs["tags"] == {"a": Secret("b")}
    assert outputs["properties"]["hostName"] == "eu-1.azure-devices.net"
    seen = engine.Read(pb.ReadRequest(urn=URN, id=made.id, inputs=tagged, properties=made.properties))
    assert decode(seen.inputs) == decode(tagged)
    update = pb.UpdateRequest(urn=URN, id=made.id, news=encode(INPUTS), olds=made.properties)
    assert "tags" not in decode(engine.Update(update).properties)
    update.preview = True
    assert decode(engine.Update(update).properties)["name"] == "eu-1"
    engine.Delete(pb.DeleteRequest(urn=URN, id=made.id, properties=made.properties))
    assert engine.Read(pb.ReadRequest(urn=URN, id=made.id, inputs=tagged)).id == ""


def test_error_is_words_alone(engine: Any, arm: Any) -> None:
    arm.refuse("PUT", 400, "InvalidRequestContent", "properties.routing: no")
    with pytest.raises(grpc.RpcError) as caught:
        engine.Create(pb.CreateRequest(urn=URN, properties=encode(INPUTS)))
    error: Any = caught.value
    assert error.details().endswith("InvalidRequestContent: properties.routing: no")
    assert "Traceback" not in error.details()


def test_incomplete_resource_keeps_its_id(engine: Any, arm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original = arm._answer

    def accept_then_fail(method: str, identity: str, body: Any) -> Any:
        if method == "PUT":
            arm.refuse("GET", 400, "ProvisioningFailed", "no capacity")
        return original(method, identity, body)

    monkeypatch.setattr(arm, "_answer", accept_then_fail)
    with pytest.raises(grpc.RpcError) as caught:
        engine.Create(pb.CreateRequest(urn=URN, properties=encode(INPUTS)))
    error: Any = caught.value
    (packed,) = (value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin")
    failed = pb.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(packed).details[0].Unpack(failed)
    assert failed.id.endswith("/IotHubs/eu-1")
    assert "no capacity" in failed.reasons[0]


def test_unserved_token(engine: Any) -> None:
    urn = "urn:pulumi:dev::coldchain::azure-native:compute:VirtualMachine::x"
    with pytest.raises(grpc.RpcError) as caught:
        engine.Check(pb.CheckRequest(urn=urn, news=encode({})))
    error: Any = caught.value
    assert "localcloud/providers/azure_native/table.py" in error.details()


def test_provider_settings(engine: Any) -> None:
    response = engine.CheckConfig(pb.CheckRequest(news=encode({"useMsi": "true", "location": "x"})))
    assert [failure.property for failure in response.failures] == ["useMsi"]
    unchanged = engine.DiffConfig(pb.DiffRequest(news=encode({"location": "y"})))
    assert unchanged.changes == pb.DiffResponse.DIFF_NONE


def test_settings_of_stack_and_of_provider() -> None:
    plugin = AzureNative()
    server, port = start(plugin)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        variables = {"azure-native:config:location": "west", "azure-native:config:subscriptionId": "s"}
        stub.Configure(pb.ConfigureRequest(variables=variables, args=encode({"location": "north"})))
        news = encode({"resourceGroupName": "rg"})
        urn = "urn:pulumi:dev::coldchain::azure-native:resources:ResourceGroup::rg"
        assert decode(stub.Check(pb.CheckRequest(urn=urn, news=news)).inputs)["location"] == "north"
    server.stop(None).wait()


@pytest.fixture(params=range(len(STAND_INS)), ids=list(STAND_INS))
def executable(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    made: Path = install(tmp_path / "home", Path(sys.executable))[request.param]
    return made


def test_install_is_idempotent(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = install(home, Path(sys.executable))
    folders = [home / "plugins" / f"resource-{name}-v{version}" for name, version in STAND_INS.items()]
    assert [it.parent for it in made] == folders
    assert [it.name for it in made] == [f"pulumi-resource-{name}" for name in STAND_INS]
    before = [it.stat().st_mtime_ns for it in made]
    assert install(home, Path(sys.executable)) == made
    assert [it.stat().st_mtime_ns for it in made] == before
    assert [list(folder.iterdir()) for folder in folders] == [[it] for it in made]
    assert install(home, tmp_path / "other python") == made
    assert all(f"'{tmp_path}/other python'" in it.read_text() for it in made)


def _started(executable: Path) -> tuple[subprocess.Popen[str], int, float]:
    begun = time.monotonic()
    process = subprocess.Popen(
        [str(executable), "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline()), time.monotonic() - begun


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_started_by_the_executable_on_loopback_and_gone_quietly(executable: Path, number: int) -> None:
    process, port, seconds = _started(executable)
    listening = [it for it in psutil.Process(process.pid).net_connections() if it.status == "LISTEN"]
    (address,) = (it.laddr for it in listening)
    assert (address.ip.removeprefix("::ffff:"), address.port) == ("127.0.0.1", port)
    assert seconds < 10  # a second on an idle machine; this is one that runs other tests beside
    process.send_signal(number)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_goes_with_the_engine_that_started_it(executable: Path) -> None:
    script = f"{executable} & echo $!; wait"
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        plugin = psutil.Process(int(engine.stdout.readline()))
        engine.stdout.readline()  # the port: it is up
        os.kill(engine.pid, signal.SIGKILL)
        gone = _is_gone(plugin)
    assert gone


def _is_gone(process: psutil.Process) -> bool:
    """Whether it ends by itself; if not, it is ended."""
    _, alive = psutil.wait_procs([process], timeout=20)
    zombies = [it for it in alive if it.status() == psutil.STATUS_ZOMBIE]
    if alive and not zombies:
        process.kill()
    return not alive or bool(zombies)


@pytest.mark.parametrize("name", STAND_INS)
def test_a_light_start_does_not_load_the_sdk(name: str) -> None:
    code = (
        "from localcloud.providers.light_protocol import prefer_bare_messages; prefer_bare_messages();"
        f"import sys, localcloud.providers.server, localcloud.providers.{name.replace('-', '_')}.plugin;"
        "heavy = ('pulumi.output', 'azure.identity', 'azure.mgmt.iothub', 'aiohttp', 'botocore', 'boto3');"
        "print([module for module in heavy if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
