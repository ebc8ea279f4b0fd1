"""azure-iot-hub 2.7.0 (its HTTP half), unmodified, against the local cloud's hub service API."""

from typing import Any

import pytest
from azure.identity import EnvironmentCredential
from azure.mgmt.iothub import IotHubClient
from msrest.exceptions import HttpOperationError

from .conftest import Cloud

THUMBPRINT = "A" * 40


@pytest.fixture
def registry(
    cloud: Cloud, hub: Any, credential: EnvironmentCredential, monkeypatch: pytest.MonkeyPatch
) -> Any:
    # The SDK carries no types.
    from azure.iot.hub import IoTHubRegistryManager  # type: ignore[import-untyped]

    monkeypatch.setenv("HTTPS_PROXY", cloud.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ca_file)
    return IoTHubRegistryManager.from_token_credential(hub.properties.host_name, credential)


def _make(registry: Any, device_id: str, status: str = "enabled") -> Any:
    return registry.create_device_with_x509(device_id, THUMBPRINT, "", status)


def _refusal(info: pytest.ExceptionInfo[Exception]) -> tuple[int, str]:
    response = _response(info)
    return response.status_code, response.json()["Message"].partition(";")[0]


def _response(info: pytest.ExceptionInfo[Exception]) -> Any:
    assert isinstance(info.value, HttpOperationError)
    return info.value.response


def test_device_is_made_read_changed_and_removed(registry: Any) -> None:
    made = _make(registry, "pump-1")
    assert made.authentication.type == "selfSigned"
    read = registry.get_device("pump-1")
    assert (read.device_id, read.connection_state, read.etag) == ("pump-1", "Disconnected", made.etag)
    changed = registry.update_device_with_x509("pump-1", read.etag, THUMBPRINT, "", "disabled")
    assert changed.status == "disabled"
    registry.delete_device("pump-1", changed.etag)
    with pytest.raises(Exception, match="Not Found") as missing:
        registry.get_device("pump-1")
    assert _refusal(missing) == (404, "ErrorCode:DeviceNotFound")


def test_conflicts(registry: Any) -> None:
    made = _make(registry, "pump-1")
    with pytest.raises(Exception, match="Conflict") as twice:
        _make(registry, "pump-1")
    assert _refusal(twice) == (409, "ErrorCode:DeviceAlreadyExists")
    registry.update_device_with_x509("pump-1", made.etag, THUMBPRINT, "", "disabled")
    with pytest.raises(Exception, match="Precondition") as stale:
        registry.delete_device("pump-1", made.etag)
    assert _refusal(stale) == (412, "ErrorCode:PreconditionFailed")


def test_twin_is_patched_replaced_and_guarded_by_its_etag(registry: Any) -> None:
    # The SDK carries no types.
    from azure.iot.hub.models import Twin, TwinProperties  # type: ignore[import-untyped]

    _make(registry, "pump-1")
    first = registry.get_twin("pump-1")
    patch = Twin(tags={"line": "reefer"}, properties=TwinProperties(desired={"interval": 5}))
    second = registry.update_twin("pump-1", patch, first.etag)
    assert (second.tags, second.properties.desired["interval"]) == ({"line": "reefer"}, 5)
    with pytest.raises(Exception, match="Precondition"):
        registry.update_twin("pump-1", patch, first.etag)
    third = registry.replace_twin("pump-1", Twin(properties=TwinProperties(desired={"a": 1})), second.etag)
    assert "interval" not in third.properties.desired
    assert third.properties.desired["a"] == 1


def test_lists_queries_and_statistics(registry: Any) -> None:
    from azure.iot.hub.models import QuerySpecification

    for n in range(5):
        _make(registry, f"pump-{n}", "enabled" if n else "disabled")
    assert [it.device_id for it in registry.get_devices(3)] == ["pump-0", "pump-1", "pump-2"]
    found: list[str] = []
    token = None
    for _ in range(3):
        page = registry.query_iot_hub(QuerySpecification(query="SELECT * FROM devices"), token, 2)
        found += [it.device_id for it in page.items]
        token = page.continuation_token
    assert (found, token) == ([f"pump-{n}" for n in range(5)], None)
    counts = registry.get_device_registry_statistics()
    assert (counts.total_device_count, counts.disabled_device_count) == (5, 1)
    assert registry.get_service_statistics().connected_device_count == 0
    with pytest.raises(Exception, match="Bad Request") as wrong:
        registry.query_iot_hub(QuerySpecification(query="SELECT * FROM devices WHERE tags.a ="))
    assert "a property is expected, not the end, at character 37" in _response(wrong).text


def test_connection_string_works_too(
    cloud: Cloud, hubs: IotHubClient, hub: Any, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.iot.hub import IoTHubRegistryManager

    monkeypatch.setenv("HTTPS_PROXY", cloud.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.ca_file)
    key = hubs.iot_hub_resource.get_keys_for_key_name(group, hub.name, "iothubowner").primary_key
    text = f"HostName={hub.properties.host_name};SharedAccessKeyName=iothubowner;SharedAccessKey={key}"
    assert IoTHubRegistryManager.from_connection_string(text).get_devices() == []


def test_refusals_in_their_published_shape(cloud: Cloud, hub: Any) -> None:
    cases = {
        ("GET", "/devices/none"): (404, "DeviceNotFound"),
        ("GET", "/configurations/c"): (404, "ConfigurationNotFound"),
        ("GET", "/jobs/v2/query"): (404, "NotFound"),
        ("POST", "/devices/none"): (405, "MethodNotAllowed"),
        ("PUT", "/devices/none"): (400, "ArgumentInvalid"),
        ("DELETE", "/devices/none"): (412, "PreconditionFailed"),
        ("GET", "/devices?top=0"): (400, "ArgumentInvalid"),
    }
    for (method, path), expected in cases.items():
        answer = _raw(cloud, hub.properties.host_name, method, path, b"{" if method == "PUT" else b"")
        assert (answer.status_code, answer.headers["iothub-errorcode"]) == expected
        assert answer.json()["Message"].startswith(f"ErrorCode:{expected[1]};")
    gone = _raw(cloud, "no-such-hub.azure-devices.net", "GET", "/devices")
    assert (gone.status_code, gone.headers["iothub-errorcode"]) == (404, "IotHubNotFound")


def test_all_faults_of_a_device_come_at_once(cloud: Cloud, hub: Any) -> None:
    body = b'{"deviceId":"other","status":"on","bogus":1,"authentication":{"type":"tpm"}}'
    answer = _raw(cloud, hub.properties.host_name, "PUT", "/devices/pump-1", body)
    for words in ("bogus:", "status:", "authentication.type:", "'other' differs from 'pump-1'"):
        assert words in answer.json()["Message"]


def _raw(cloud: Cloud, host: str, method: str, path: str, content: bytes = b"") -> Any:
    with cloud.credential() as credential:
        token = credential.get_token("https://iothubs.azure.net/.default").token
    join = "&" if "?" in path else "?"
    url = f"https://{host}{path}{join}api-version=2021-04-12"
    with cloud.http() as http:
        return http.request(method, url, headers={"Authorization": f"Bearer {token}"}, content=content)
