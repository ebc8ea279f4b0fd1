"""azure-iot-device 2.14 and azure-iot-hub 2.7 against each other through the hub, unmodified."""

import base64
import subprocess
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.azure.gate import KEYS
from tests.localcloud.sdk_device import SdkDevice

from .conftest import HOST, HUB_ID, KEY, SAS, service_api

DEVICE = r"""
import json, sys, time
import socks
from azure.iot.device import (
    IoTHubDeviceClient, IoTHubModuleClient, Message, MethodResponse, ProxyOptions, X509,
)

kind, subject, host, trust, port = sys.argv[1:6]
how = {
    "server_verification_cert": open(trust).read(),
    "proxy_options": ProxyOptions(socks.HTTP, "127.0.0.1", int(port)),
}


def say(**what):
    print(json.dumps(what), flush=True)


def client():
    device, _, module = subject.partition("/")
    if kind == "x509":
        return IoTHubDeviceClient.create_from_x509_certificate(X509(*sys.argv[6:8]), host, device, **how)
    text = f"HostName={host};DeviceId={device};SharedAccessKey={sys.argv[6]}"
    if module:
        return IoTHubModuleClient.create_from_connection_string(f"{text};ModuleId={module}", **how)
    return IoTHubDeviceClient.create_from_connection_string(text, **how)


def answered(request):
    body = {"got": request.payload}
    hub.send_method_response(MethodResponse.create_from_method_request(request, 201, body))
    say(method=request.name)


def heard(message):
    say(message=message.data.decode(), id=message.message_id, properties=message.custom_properties)


hub = client()
try:
    hub.connect()
    hub.on_method_request_received = answered
    hub.on_message_received = heard
    hub.on_twin_desired_properties_patch_received = lambda patch: say(desired=patch)
    hub.patch_twin_reported_properties({"model": "x"})
    hub.send_message(Message("hello"))
    say(twin=hub.get_twin())
    sys.stdin.readline()
    hub.shutdown()
except Exception as error:
    say(error=type(error).__name__)
"""


class Device(SdkDevice):
    """The script above."""

    def __init__(self, cloud: Any, kind: str, subject: str, *credential: Any) -> None:
        words = [kind, subject, HOST, str(cloud.trust), str(cloud.proxy_port), *map(str, credential)]
        super().__init__("-c", DEVICE, *words, errors=subprocess.DEVNULL)


@pytest.fixture
def managers(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A started cloud's registry and configuration managers."""
    # The SDK carries no types.
    from azure.iot.hub import (  # type: ignore[import-untyped]
        IoTHubConfigurationManager,
        IoTHubRegistryManager,
    )

    hub = cloud.world.directory.hub_by_host(HOST)
    rights = "RegistryRead, RegistryWrite, ServiceConnect, DeviceConnect"
    policy = {"keyName": "iothubowner", "rights": rights, "primaryKey": KEY}
    cloud.world.store.put(KEYS, hub["id"].lower(), {"policies": [policy]})
    cloud.start()
    monkeypatch.setenv("HTTPS_PROXY", cloud.endpoints["proxy"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cloud.trust))
    text = f"HostName={HOST};SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"
    return (
        IoTHubRegistryManager.from_connection_string(text),
        IoTHubConfigurationManager.from_connection_string(text),
    )


def test_a_device_with_keys_hears_all_that_a_service_says(cloud: Any, managers: Any) -> None:
    from azure.iot.hub.models import CloudToDeviceMethod, Twin, TwinProperties  # type: ignore[import-untyped]

    registry, _ = managers
    registry.create_device_with_sas("pump-1", KEY, KEY, "enabled")
    with Device(cloud, "sas", "pump-1", KEY) as device, service_api(cloud) as api:
        assert device.hear()["twin"]["reported"]["model"] == "x"
        asked = CloudToDeviceMethod(method_name="reboot", payload={"in": 5}, response_timeout_in_seconds=20)
        result = registry.invoke_device_method("pump-1", asked)
        assert (result.status, result.payload) == (201, {"got": {"in": 5}})
        assert device.hear() == {"method": "reboot"}
        message = {"body": "go", "messageId": "m1", "properties": {"a b": "c/d"}}
        api.ask("POST", "/_local/devices/pump-1/messages/devicebound", message)
        assert device.hear() == {"message": "go", "id": "m1", "properties": {"a b": "c/d"}}
        registry.update_twin("pump-1", Twin(properties=TwinProperties(desired={"rate": 1})), "*")
        assert device.hear() == {"desired": {"rate": 1, "$version": 2}}


def test_a_module_and_a_configuration_for_it(cloud: Any, managers: Any) -> None:
    from azure.iot.hub.models import Configuration, ConfigurationContent

    registry, configurations = managers
    registry.create_device_with_sas("pump-1", KEY, KEY, "enabled")
    registry.create_module_with_sas("pump-1", "camera", "me", KEY, KEY)
    with Device(cloud, "sas", "pump-1/camera", KEY) as device:
        assert device.hear()["twin"]["desired"] == {"$version": 1}
        made = configurations.create_configuration(
            Configuration(
                id="cameras",
                content=ConfigurationContent(module_content={"properties.desired.rate": 5}),
                target_condition="from devices.modules where properties.reported.model = 'x'",
                priority=3,
                schema_version="1.0",
            )
        )
        assert device.hear() == {"desired": {"rate": 5, "$version": 2}}
    assert made.system_metrics.results["targetedCount"] == 1
    with pytest.raises(Exception, match="Conflict"):
        configurations.update_configuration(made, made.etag)
    assert [it.id for it in configurations.get_configurations()] == ["cameras"]
    configurations.delete_configuration("cameras")
    assert "rate" not in registry.get_module_twin("pump-1", "camera").properties.desired


def test_a_device_signed_by_an_authority(cloud: Any) -> None:
    world = cloud.world
    root = world.root.certificate.public_bytes(Encoding.DER)
    properties = {"certificate": base64.b64encode(root).decode(), "isVerified": True}
    key = f"{HUB_ID}/certificates/root".lower()
    world.store.put("arm", key, {"id": key, "type": "certificates", "properties": properties})
    body = {"deviceId": "pump-1", "authentication": {"type": "certificateAuthority"}}
    world.hubs.create_device(HOST, body)
    identity = cloud.identity(world.pki.leaf("pump-1", world.factory), world.factory)
    stranger = cloud.identity(world.pki.leaf("pump-1", world.pki.authority("factory")))
    cloud.start()
    with Device(cloud, "x509", "pump-1", *identity) as device:
        assert device.hear()["twin"]["reported"]["model"] == "x"
    with Device(cloud, "x509", "pump-1", *stranger) as device:
        assert device.hear() == {"error": "CredentialError"}


def test_bulk_and_purge_through_the_sdk(managers: Any) -> None:
    from azure.iot.hub.models import ExportImportDevice

    registry, _ = managers
    items = [ExportImportDevice(id=f"pump-{n}", import_mode="create") for n in range(3)]
    result = registry.bulk_create_or_update_devices(
        [*items, ExportImportDevice(id="x y", import_mode="create")]
    )
    assert [it.error_code for it in result.errors] == ["ArgumentInvalid"]
    assert [it.device_id for it in registry.get_devices()] == ["pump-0", "pump-1", "pump-2"]
    assert SAS["type"] == registry.get_device("pump-0").authentication.type
