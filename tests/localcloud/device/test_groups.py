"""Enrollment groups as documents: what is kept, what is shown, and every fault at once."""

import base64
from typing import Any

import pytest

from localcloud.azure.dps.errors import DpsError


def test_shown_without_the_certificate(world: Any) -> None:
    shown = world.group("Pumps")
    slot = shown["attestation"]["x509"]["signingCertificates"]["primary"]
    assert set(slot) == {"info"}
    assert slot["info"]["subjectName"] == "CN=factory"
    assert shown["provisioningStatus"] == "enabled"
    assert shown["reprovisionPolicy"] == {"updateHubAssignment": True, "migrateDeviceData": True}
    assert world.provisioning.get_group("fleet", "PUMPS") == shown
    assert world.provisioning.list_groups("fleet") == [shown]
    assert world.provisioning.list_groups("other") == []


def test_what_was_read_can_be_written_back(world: Any) -> None:
    shown = world.group()
    again = world.provisioning.put_group(
        "fleet", "pumps", {**shown, "provisioningStatus": "disabled"}, shown["etag"]
    )
    assert again["attestation"] == shown["attestation"]
    assert again["createdDateTimeUtc"] == shown["createdDateTimeUtc"]
    assert again["etag"] != shown["etag"]
    with pytest.raises(DpsError) as stale:
        world.provisioning.put_group("fleet", "pumps", shown, shown["etag"])
    assert stale.value.status == 412
    assert again["etag"] in stale.value.message


def test_if_match_of_a_group_that_is_not_there(world: Any) -> None:
    with pytest.raises(DpsError) as missing:
        world.provisioning.delete_group("fleet", "pumps", "*")
    assert missing.value.status == 404
    body = world.group()
    world.provisioning.delete_group("fleet", "pumps", body["etag"])
    with pytest.raises(DpsError) as conflict:
        world.provisioning.put_group("fleet", "pumps", body, "*")
    assert conflict.value.status == 412


def test_certificate_as_base64(world: Any) -> None:
    text = base64.b64encode(world.factory.pem.encode()).decode()
    signing = {"signingCertificates": {"primary": {"certificate": text}}}
    body = {"enrollmentGroupId": "pumps", "attestation": {"type": "x509", "x509": signing}}
    assert world.provisioning.put_group("fleet", "pumps", body)["enrollmentGroupId"] == "pumps"


def test_every_fault_at_once(world: Any) -> None:
    body = {
        "enrollmentGroupId": "other",
        "attestation": {
            "type": "x509",
            "x509": {
                "signingCertificates": {
                    "primary": {"certificate": world.pki.leaf("x", world.factory).pem},
                    "secondary": {"certificate": "rubbish"},
                }
            },
        },
        "provisioningStatus": "off",
        "allocationPolicy": "custom",
        "reprovisionPolicy": {"updateHubAssignment": 1},
        "iotHubs": ["nowhere.azure-devices.net"],
    }
    with pytest.raises(DpsError) as error:
        world.provisioning.put_group("fleet", "pu mps", body)
    assert error.value.status == 400
    words = (
        "primary.certificate: is no certificate authority",
        "secondary.certificate: is neither PEM nor base64",
        "'pu mps'",
    )
    more = (
        "differs from",
        "'off'",
        "'custom'",
        "updateHubAssignment",
        "'nowhere.azure-devices.net' is not linked",
    )
    for word in (*words, *more):
        assert word in error.value.message
    assert world.provisioning.list_groups("fleet") == []


@pytest.mark.parametrize(
    "attestation",
    [
        None,
        {"type": "tpm"},
        {"type": "x509"},
        {"type": "x509", "x509": {"signingCertificates": {"primary": 3}}},
    ],
)
def test_attestation_that_is_not_served(world: Any, attestation: Any) -> None:
    with pytest.raises(DpsError) as error:
        world.provisioning.put_group("fleet", "pumps", {"attestation": attestation})
    assert error.value.status == 400


def test_initial_twin_is_checked(world: Any) -> None:
    with pytest.raises(DpsError, match=r"initialTwin: key 'a\.b'"):
        world.group(initialTwin={"properties": {"desired": {"a.b": 1}}})


def test_no_such_service(world: Any) -> None:
    with pytest.raises(DpsError) as error:
        world.group(dps="nowhere")
    assert error.value.status == 404
