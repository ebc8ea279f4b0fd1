"""azure-iot-deviceprovisioning 1.0.0b1, unmodified: individual enrollments, their keys, bulk operations."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import EnvironmentCredential
from azure.iot.deviceprovisioning import DeviceProvisioningClient

from .conftest import Cloud, authority

SYMMETRIC = {"type": "symmetricKey"}


@pytest.fixture(autouse=True)
def _proxy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own pipeline has no proxy policy: `proxies=` is not heard, the environment is."""
    monkeypatch.setenv("HTTPS_PROXY", cloud.proxy)


@pytest.fixture
def client(cloud: Cloud, linked: Any, credential: EnvironmentCredential) -> Iterator[Any]:
    host = linked.properties.service_operations_host_name
    with DeviceProvisioningClient(f"https://{host}", credential, **cloud.transport) as found:
        yield found


def _body(name: str, attestation: Any = None, **more: Any) -> dict[str, Any]:
    return {"registrationId": name, "attestation": attestation or SYMMETRIC, **more}


def test_an_enrollment_is_made_read_changed_and_removed(client: Any) -> None:
    certificate = {"certificate": authority("pump-1", ca=False).pem}
    own = {"type": "x509", "x509": {"clientCertificates": {"primary": certificate}}}
    made = client.enrollment.create_or_update(
        "pump-1", _body("pump-1", own, deviceId="berth-7", optionalDeviceInformation={"maker": "x"})
    )
    assert made["optionalDeviceInformation"] == {"maker": "x"}
    read = client.enrollment.get("pump-1")
    assert (read["etag"], read["deviceId"]) == (made["etag"], "berth-7")
    read["provisioningStatus"] = "disabled"
    changed = client.enrollment.create_or_update("pump-1", read, if_match=read["etag"])
    assert changed["provisioningStatus"] == "disabled"
    with pytest.raises(HttpResponseError) as stale:
        client.enrollment.create_or_update("pump-1", read, if_match=read["etag"])
    assert stale.value.status_code == 412
    client.enrollment.delete("pump-1", if_match=changed["etag"])
    with pytest.raises(ResourceNotFoundError):
        client.enrollment.get("pump-1")


def test_keys_come_from_the_attestation_mechanism(client: Any) -> None:
    client.enrollment.create_or_update("pump-1", _body("pump-1"))
    found = client.enrollment.get_attestation_mechanism("pump-1")["symmetricKey"]
    assert {len(base64.b64decode(found[name])) for name in ("primaryKey", "secondaryKey")} == {64}
    client.enrollment_group.create_or_update("g", {"enrollmentGroupId": "g", "attestation": SYMMETRIC})
    assert client.enrollment_group.get_attestation_mechanism("g")["symmetricKey"]["primaryKey"]
    assert client.enrollment_group.get("g")["attestation"] == SYMMETRIC


def test_query_goes_page_by_page_and_ends(client: Any) -> None:
    names = [f"Pump-{n}" for n in range(5)]
    client.enrollment.run_bulk_operation({"enrollments": [_body(name) for name in names], "mode": "create"})
    every = {"query": "SELECT * FROM enrollments"}
    pages = [
        [it["registrationId"] for it in page] for page in client.enrollment.query(every, top=2).by_page()
    ]
    assert pages == [names[:2], names[2:4], names[4:]]


def test_bulk_tells_of_each_item_that_was_refused(client: Any) -> None:
    ten = [_body(f"pump-{n}") for n in range(10)]
    done = client.enrollment.run_bulk_operation({"enrollments": ten, "mode": "create"})
    assert done["isSuccessful"] is True
    again = client.enrollment.run_bulk_operation(
        {"enrollments": [_body("pump-1"), _body("pump-99")], "mode": "create"}
    )
    assert again["isSuccessful"] is False
    assert [it["registrationId"] for it in again["errors"]] == ["pump-1"]
    with pytest.raises(HttpResponseError, match="1 to 10 items, not 11"):
        client.enrollment.run_bulk_operation({"enrollments": [*ten, ten[0]], "mode": "delete"})


def test_bulk_with_a_slash_and_the_newest_version(cloud: Cloud, linked: Any) -> None:
    with cloud.credential() as credential:
        token = credential.get_token("https://azure-devices-provisioning.net/.default").token
    url = f"https://{linked.properties.service_operations_host_name}/enrollments/"
    body = {"enrollments": [_body("pump-1")], "mode": "create"}
    with cloud.http() as http:
        for version in ("2021-10-01", "2026-11-01"):
            answer = http.post(
                url, params={"api-version": version}, json=body, headers={"Authorization": f"Bearer {token}"}
            )
            assert answer.status_code == 200, answer.text
    assert answer.json()["isSuccessful"] is False
