"""azure-iot-deviceprovisioning 1.0.0b1, unmodified, against the local cloud's DPS service API."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import EnvironmentCredential
from azure.iot.deviceprovisioning import DeviceProvisioningClient
from azure.mgmt.iothubprovisioningservices import IotDpsClient

from .conftest import Authority, Cloud, authority


@pytest.fixture(autouse=True)
def _proxy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own pipeline has no proxy policy: `proxies=` is not heard, the environment is."""
    monkeypatch.setenv("HTTPS_PROXY", cloud.proxy)


@pytest.fixture
def client(cloud: Cloud, linked: Any, credential: EnvironmentCredential) -> Iterator[Any]:
    host = linked.properties.service_operations_host_name
    with DeviceProvisioningClient(f"https://{host}", credential, **cloud.transport) as found:
        yield found


def _body(group_id: str, ca: Authority, **more: Any) -> dict[str, Any]:
    signing = {"primary": {"certificate": ca.pem}}
    return {
        "enrollmentGroupId": group_id,
        "attestation": {"type": "x509", "x509": {"signingCertificates": signing}},
        "allocationPolicy": "hashed",
        "reprovisionPolicy": {"updateHubAssignment": True, "migrateDeviceData": True},
        "initialTwin": {"tags": {"line": "reefer"}, "properties": {"desired": {"intervalSeconds": 60}}},
        "provisioningStatus": "enabled",
        **more,
    }


def test_group_is_made_read_changed_and_removed(client: Any) -> None:
    body = _body("reefers", authority("factory"))
    made = client.enrollment_group.create_or_update("reefers", body)
    assert made["initialTwin"] == body["initialTwin"]
    assert (
        made["attestation"]["x509"]["signingCertificates"]["primary"]["info"]["subjectName"] == "CN=factory"
    )
    read = client.enrollment_group.get("reefers")
    assert read["etag"] == made["etag"]
    read["provisioningStatus"] = "disabled"
    changed = client.enrollment_group.create_or_update("reefers", read, if_match=read["etag"])
    assert changed["provisioningStatus"] == "disabled"
    with pytest.raises(HttpResponseError) as stale:
        client.enrollment_group.create_or_update("reefers", read, if_match=read["etag"])
    assert stale.value.status_code == 412
    attestation = client.enrollment_group.get_attestation_mechanism("reefers")
    assert attestation["type"] == "x509"
    client.enrollment_group.delete("reefers", if_match=changed["etag"])
    with pytest.raises(ResourceNotFoundError):
        client.enrollment_group.get("reefers")


def test_query_goes_page_by_page_and_ends(client: Any) -> None:
    ca = authority("factory")
    for n in range(5):
        client.enrollment_group.create_or_update(f"line-{n}", _body(f"line-{n}", ca))
    every = {"query": "SELECT * FROM enrollmentGroups"}
    pages = [
        [it["enrollmentGroupId"] for it in page]
        for page in client.enrollment_group.query(every, top=2).by_page()
    ]
    assert pages == [["line-0", "line-1"], ["line-2", "line-3"], ["line-4"]]
    with pytest.raises(HttpResponseError, match="serves 'SELECT \\* FROM enrollmentGroups' only"):
        list(client.enrollment_group.query({"query": "SELECT * FROM enrollmentGroups WHERE x = 1"}))


def test_all_faults_of_a_group_come_at_once(client: Any) -> None:
    body = _body(
        "bad id!",
        authority("old", days=-1),
        bogus=1,
        iotHubs=["elsewhere.azure-devices.net"],
        provisioningStatus="on",
        reprovisionPolicy={"updateHubAssignment": True},
        initialTwin={"tags": [], "propertys": {}},
    )
    with pytest.raises(HttpResponseError) as refused:
        client.enrollment_group.create_or_update("bad id!", body)
    text = str(refused.value)
    for words in (
        "bogus: is no property",
        "provisioningStatus: must be one of enabled, disabled",
        "reprovisionPolicy.migrateDeviceData: is required",
        "initialTwin.tags: must be an object",
        "initialTwin.propertys: is no property",
        "primary.certificate: is valid from",
        "'elsewhere.azure-devices.net' is not linked",
        "enrollmentGroupId 'bad id!'",
    ):
        assert words in text
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("ca", "words"),
    [(Authority(authority("x", ca=False).certificate, authority("y").key), "no certificate authority")],
)
def test_issuer_must_be_an_authority(client: Any, ca: Authority, words: str) -> None:
    with pytest.raises(HttpResponseError, match=words):
        client.enrollment_group.create_or_update("g", _body("g", ca))


def test_registrations_of_a_group(client: Any) -> None:
    client.enrollment_group.create_or_update("quiet", _body("quiet", authority("factory")))
    assert list(client.device_registration_state.query("quiet")) == []
    with pytest.raises(ResourceNotFoundError):
        client.device_registration_state.get("nobody")
    with pytest.raises(ResourceNotFoundError):
        list(client.device_registration_state.query("no-such-group"))


def test_a_named_key_works_too(cloud: Cloud, services: IotDpsClient, linked: Any, group: str) -> None:
    policy = next(iter(services.iot_dps_resource.list_keys(linked.name, group)))
    key = AzureNamedKeyCredential(str(policy.key_name), str(policy.primary_key))
    host = linked.properties.service_operations_host_name
    with DeviceProvisioningClient(f"https://{host}", key, **cloud.transport) as client:
        assert list(client.enrollment_group.query({"query": "*"})) == []


@pytest.mark.parametrize("version", ["2019-03-31", "2020-09-01-preview", "2021-06-01"])
def test_older_versions_are_served(cloud: Cloud, linked: Any, version: str) -> None:
    assert _raw(cloud, linked, "GET", "/enrollmentGroups/none", version).status_code == 404


def test_the_shape_of_refusals(cloud: Cloud, linked: Any) -> None:
    missing = _raw(cloud, linked, "GET", "/enrollmentGroups/none")
    assert missing.headers["x-ms-error-code"] == "404201"
    assert set(missing.json()) == {"errorCode", "trackingId", "message", "timestampUtc"}
    assert missing.json()["errorCode"] == 404201
    answers = {
        "newer version": _raw(cloud, linked, "GET", "/enrollmentGroups/none", "2026-12-01"),
        "no version": _raw(cloud, linked, "GET", "/enrollmentGroups/none", ""),
        "no JSON": _raw(cloud, linked, "PUT", "/enrollmentGroups/g", content=b"{"),
        "no object": _raw(cloud, linked, "PUT", "/enrollmentGroups/g", content=b"[]"),
        "no page size": _raw(
            cloud, linked, "POST", "/enrollmentGroups/query", content=b'{"query":"*"}', size="x"
        ),
    }
    assert {name: it.status_code for name, it in answers.items()} == dict.fromkeys(answers, 400)
    assert {it.json()["errorCode"] for it in answers.values()} == {400000}
    assert _raw(cloud, linked, "POST", "/enrollmentGroups/g").status_code == 405
    assert _raw(cloud, linked, "GET", "/enrollments/some-device").status_code == 404
    large = _raw(cloud, linked, "PUT", "/enrollmentGroups/g", content=b" " * (5 * 1024 * 1024))
    assert (large.status_code, large.json()["errorCode"]) == (413, 413000)


def _raw(
    cloud: Cloud,
    dps: Any,
    method: str,
    path: str,
    version: str = "2021-10-01",
    content: bytes = b"",
    size: str = "10",
) -> Any:
    with cloud.credential() as credential:
        token = credential.get_token("https://azure-devices-provisioning.net/.default").token
    url = f"https://{dps.properties.service_operations_host_name}{path}"
    headers = {"Authorization": f"Bearer {token}", "x-ms-max-item-count": size}
    with cloud.http() as http:
        return http.request(method, url, params={"api-version": version}, headers=headers, content=content)
