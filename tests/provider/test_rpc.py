"""The protocol: every call of the engine over real gRPC, with Azure in memory behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, status_pb2
from pulumi.runtime.proto import provider_pb2 as proto
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from provider import wire
from provider.clients import Azure
from provider.handlers import handlers
from provider.rpc import VERSION, Provider
from provider.values import UNKNOWN, Secret

GROUP = "urn:pulumi:dev::fleet::muster:azure:EnrollmentGroup$muster:dps:EnrollmentGroup::reefers"
CERTIFICATE = "urn:pulumi:dev::fleet::muster:dps:VerifiedCertificate::oslo"


class Engine(engine_pb2_grpc.EngineServicer):
    """Remembers what the provider logs."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str, str]] = []

    def Log(self, request: Any, _context: Any) -> empty_pb2.Empty:  # noqa: N802 - the protocol's name
        self.lines.append((request.severity, request.message, request.urn))
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Iterator[tuple[Engine, str]]:
    engine = Engine()
    server = grpc.server(ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield engine, f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def provider(azure: Azure, clock: Any, engine: tuple[Engine, str]) -> Iterator[ResourceProviderStub]:
    served = Provider(handlers(azure), clock, wire.EngineLog(engine[1]), azure.cancel)
    server = grpc.server(ThreadPoolExecutor(4), handlers=[served.service()], options=wire.CHANNEL_OPTIONS)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=wire.CHANNEL_OPTIONS) as channel:
        yield ResourceProviderStub(channel)
    server.stop(None).wait()


def failure(call: Any, request: Any) -> Any:
    with pytest.raises(grpc.RpcError) as raised:
        call(request)
    error: Any = raised.value  # a grpc.Call too, which the types do not say
    assert "Traceback" not in str(error.details())
    assert 'File "' not in str(error.details())
    return error


def test_what_the_provider_is(provider: ResourceProviderStub, engine: tuple[Engine, str]) -> None:
    shaken = provider.Handshake(proto.ProviderHandshakeRequest(engine_address=engine[1]))
    assert shaken.accept_secrets
    configured = provider.Configure(proto.ConfigureRequest(variables={"muster:config:fleet": "{}"}))
    assert (configured.acceptSecrets, configured.supportsPreview) == (True, True)
    assert provider.GetPluginInfo(empty_pb2.Empty()).version == VERSION
    assert json.loads(provider.GetSchema(proto.GetSchemaRequest()).schema)["name"] == "muster"
    assert provider.GetMapping(proto.GetMappingRequest(key="terraform")).data == b""
    provider.Attach(plugin_pb2.PluginAttach(address=engine[1]))


def test_the_programs_configuration_makes_no_diff(provider: ResourceProviderStub) -> None:
    news = wire.encode({"version": "0.1.0", "fleet": Secret('{"name": "coldchain"}')})
    checked = provider.CheckConfig(proto.CheckRequest(news=news))
    assert wire.decode(checked.inputs) == {"version": "0.1.0"}
    assert provider.DiffConfig(proto.DiffRequest(news=news)).changes == proto.DiffResponse.DIFF_NONE


def test_check_gives_every_fault(provider: ResourceProviderStub, group_inputs: dict[str, Any]) -> None:
    news = wire.encode({**group_inputs, "enabled": "yes", "twin": {}, "iotHubs": UNKNOWN})
    checked = provider.Check(proto.CheckRequest(urn=GROUP, news=news))
    assert sorted(each.property for each in checked.failures) == ["enabled", "twin"]


def test_the_whole_life(
    provider: ResourceProviderStub, cloud: Any, engine: tuple[Engine, str], group_inputs: dict[str, Any]
) -> None:
    secret = {**group_inputs, "initialTwin": Secret(group_inputs["initialTwin"])}
    inputs = provider.Check(proto.CheckRequest(urn=GROUP, news=wire.encode(secret))).inputs
    made = provider.Create(proto.CreateRequest(urn=GROUP, properties=inputs))
    assert made.id == "contoso.azure-devices-provisioning.net/reefers"
    assert isinstance(wire.decode(made.properties)["initialTwin"], Secret)

    cloud.groups["reefers"] |= {"provisioningStatus": "disabled", "etag": "by-hand"}
    live = provider.Read(proto.ReadRequest(urn=GROUP, id=made.id, properties=made.properties, inputs=inputs))
    assert wire.decode(live.inputs) == {**wire.decode(inputs), "enabled": False}

    request = {
        "urn": GROUP,
        "id": made.id,
        "olds": live.properties,
        "old_inputs": live.inputs,
        "news": inputs,
    }
    diff = provider.Diff(proto.DiffRequest(**request))
    assert diff.changes == proto.DiffResponse.DIFF_SOME
    assert {path: each.kind for path, each in diff.detailedDiff.items()} == {
        "enabled": proto.PropertyDiff.UPDATE
    }
    assert list(diff.diffs) == ["enabled"]
    assert set(diff.stables) == {"serviceHost", "enrollmentGroupId"}
    ignoring = provider.Diff(proto.DiffRequest(**request, ignoreChanges=["enabled"]))
    assert ignoring.changes == proto.DiffResponse.DIFF_NONE

    planned = provider.Update(proto.UpdateRequest(**request, preview=True))
    assert wire.decode(planned.properties)["etag"] is UNKNOWN
    updated = provider.Update(proto.UpdateRequest(**request))
    assert wire.decode(updated.properties)["etag"] == cloud.groups["reefers"]["etag"]
    assert cloud.groups["reefers"]["provisioningStatus"] == "enabled"

    provider.Delete(proto.DeleteRequest(urn=GROUP, id=made.id, properties=updated.properties))
    gone = provider.Read(proto.ReadRequest(urn=GROUP, id=made.id, properties=updated.properties))
    assert gone.id == ""
    assert engine[0].lines == []


def test_import_reads_without_a_state(provider: ResourceProviderStub, group_inputs: dict[str, Any]) -> None:
    inputs = provider.Check(proto.CheckRequest(urn=GROUP, news=wire.encode(group_inputs))).inputs
    made = provider.Create(proto.CreateRequest(urn=GROUP, properties=inputs))
    live = provider.Read(proto.ReadRequest(urn=GROUP, id=made.id))
    assert wire.decode(live.inputs) == wire.decode(inputs)
    assert wire.decode(live.properties) == wire.decode(made.properties)


def test_replacements_are_marked_and_explained(
    provider: ResourceProviderStub, engine: tuple[Engine, str], group_inputs: dict[str, Any]
) -> None:
    olds = wire.encode(group_inputs)
    news = wire.encode({**group_inputs, "enrollmentGroupId": "vans", "reprovision": "reset"})
    diff = provider.Diff(proto.DiffRequest(urn=GROUP, olds=olds, news=news))
    assert list(diff.replaces) == ["enrollmentGroupId"]
    assert diff.detailedDiff["enrollmentGroupId"].kind == proto.PropertyDiff.UPDATE_REPLACE
    assert diff.detailedDiff["reprovision"].kind == proto.PropertyDiff.UPDATE
    provider.Create(proto.CreateRequest(urn=GROUP, properties=news, preview=True))
    (info, why, urn), (warning, wiped, _) = engine[0].lines
    assert (info, warning, urn) == (engine_pb2.INFO, engine_pb2.WARNING, GROUP)
    assert "part of its address" in why
    assert "wipes the twins" in wiped


def test_a_preview_asks_the_cloud_nothing(
    provider: ResourceProviderStub, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    unknown = wire.encode(
        {**group_inputs, "serviceHost": UNKNOWN, "initialTwin": {"desired": {"a": UNKNOWN}}}
    )
    for request in (proto.CreateRequest(urn=GROUP, properties=unknown, preview=True),):
        planned = wire.decode(provider.Create(request).properties)
        assert planned["serviceHost"] is UNKNOWN
        assert planned["etag"] is UNKNOWN
    assert cloud.requests == []


def test_half_made_resources_are_kept_with_their_id(
    provider: ResourceProviderStub, cloud: Any, key_store: Any, oslo: Any, certificate_inputs: dict[str, Any]
) -> None:
    key_store.add(oslo.key)
    cloud.accepts_proof = False
    request = proto.CreateRequest(urn=CERTIFICATE, properties=wire.encode(certificate_inputs))
    error = failure(provider.Create, request)
    metadata = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = proto.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id.endswith("/certificates/oslo")
    assert wire.decode(detail.properties)["isVerified"] is False
    assert "400 InvalidProof" in detail.reasons[0]


def test_conflicts_show_both_sides_but_no_secret(
    provider: ResourceProviderStub, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    twin = {"desired": {"pin": Secret("hunter2")}}
    inputs = provider.Check(
        proto.CheckRequest(urn=GROUP, news=wire.encode({**group_inputs, "initialTwin": twin}))
    ).inputs
    made = provider.Create(proto.CreateRequest(urn=GROUP, properties=inputs))
    cloud.groups["reefers"] |= {"provisioningStatus": "disabled", "etag": "by-hand"}
    cloud.groups["reefers"]["initialTwin"] = {"properties": {"desired": {"pin": "hunter3"}}}
    news = wire.encode({**wire.decode(inputs), "reprovision": "keep"})
    request = proto.UpdateRequest(urn=GROUP, id=made.id, olds=made.properties, old_inputs=inputs, news=news)
    text = str(failure(provider.Update, request).details())
    assert "enabled: here True, in the service False" in text
    assert "initialTwin.desired.pin: differs (secret)" in text
    assert "hunter" not in text


def test_mistakes_are_told_and_faults_of_ours_name_the_place(
    provider: ResourceProviderStub, cloud: Any, engine: tuple[Engine, str], token: str
) -> None:
    assert "<group id>" in str(failure(provider.Read, proto.ReadRequest(urn=GROUP, id="x")).details())
    other = GROUP.replace("muster:dps:EnrollmentGroup", "muster:dps:Enrolment")
    assert "has no resource type" in str(failure(provider.Check, proto.CheckRequest(urn=other)).details())
    asset = wire.encode({"a": {wire.SIGNATURE: next(iter(wire.REFUSED))}})
    assert "a: is an asset" in str(
        failure(provider.Check, proto.CheckRequest(urn=GROUP, news=asset)).details()
    )
    cloud.answers = [RuntimeError(f"secret {token}")]
    details = str(failure(provider.Read, proto.ReadRequest(urn=GROUP, id="a/b")).details())
    assert details.startswith("a fault of the muster provider, not yours: RuntimeError in Read at ")
    assert token not in details
    (severity, logged, _) = engine[0].lines[-1]
    assert severity == engine_pb2.DEBUG
    assert token not in logged
    assert "dps_service.py" in logged


def test_calls_that_there_are_not(provider: ResourceProviderStub) -> None:
    error = failure(provider.Invoke, proto.InvokeRequest(tok="muster:dps:get"))
    assert (error.code(), error.details()) == (
        grpc.StatusCode.UNIMPLEMENTED,
        "the muster provider has no functions",
    )


def test_cancel_ends_waiting(
    provider: ResourceProviderStub, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    provider.Cancel(empty_pb2.Empty())
    cloud.answers = [httpx.Response(429)]
    request = proto.CreateRequest(urn=GROUP, properties=wire.encode(group_inputs))
    assert "cancelled" in str(failure(provider.Create, request).details())


def test_custom_timeouts_hold(
    provider: ResourceProviderStub, cloud: Any, group_inputs: dict[str, Any]
) -> None:
    cloud.answers = [httpx.Response(503, headers={"retry-after": "30"})]
    request = proto.CreateRequest(urn=GROUP, properties=wire.encode(group_inputs), timeout=20)
    assert "customTimeouts" in str(failure(provider.Create, request).details())
