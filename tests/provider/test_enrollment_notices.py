"""What a preview says of devices: only when it is true, and in words."""

from __future__ import annotations

from typing import Any

import pytest

from provider.handlers.enrollment_group import EnrollmentGroup
from provider.handlers.individual_enrollment import IndividualEnrollment
from provider.values import UNKNOWN

GROUP = EnrollmentGroup(lambda host: pytest.fail(f"asked for a client of {host}"))
DEVICE = IndividualEnrollment(lambda host: pytest.fail(f"asked for a client of {host}"))


def said(handler: Any, old: dict[str, Any] | None, new: dict[str, Any]) -> list[str]:
    def typed(plain: dict[str, Any]) -> Any:
        return handler.state(handler.check(plain).inputs, {}).inputs

    found = handler.notices(None if old is None else typed(old), typed(new))
    return [each.text for each in found]


def test_a_plain_creation_says_nothing(group_inputs: dict[str, Any], device_inputs: dict[str, Any]) -> None:
    assert said(GROUP, None, group_inputs) == []
    assert said(DEVICE, None, device_inputs) == []


def test_creations_say_what_they_do(group_inputs: dict[str, Any], device_inputs: dict[str, Any]) -> None:
    assert said(GROUP, None, {**group_inputs, "enabled": False}) == [
        "group reefers is made disabled: it provisions nothing until enabled is true"
    ]
    assert said(DEVICE, None, {**device_inputs, "reprovision": "reset"}) == [
        "reprovision: reset wipes the twin (reported state, tags, desired changes) of device truck-7 at its "
        "next provisioning; migrate would keep them"
    ]
    assert said(DEVICE, None, {**device_inputs, "enabled": UNKNOWN, "reprovision": UNKNOWN}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"iotHubs": ["two.azure-devices.net"]},
            ["move to the hub that the new allocation picks", "twins move"],
        ),
        ({"allocationPolicy": "geoLatency"}, ["move to the hub that the new allocation picks"]),
        (
            {"allocationPolicy": "geoLatency", "reprovision": "keep"},
            ["keep leaves the devices of group reefers on their present hub"],
        ),
        ({"reprovision": "keep"}, ["keep leaves the devices of group reefers on their present hub"]),
        ({"enabled": False}, ["cannot provision any more, but stay connected", "--set status=disabled"]),
        (
            {"initialTwin": {"tags": {"line": "van"}}},
            ["a twin that the devices of group reefers have already"],
        ),
        ({"capabilities": {"iotEdge": True}}, []),
        ({"iotHubs": ["Two.azure-devices.net", "one.azure-devices.net"]}, []),
    ],
)
def test_changes_of_a_group(group_inputs: dict[str, Any], change: dict[str, Any], words: list[str]) -> None:
    texts = said(GROUP, group_inputs, {**group_inputs, **change})
    assert len(texts) == min(len(words), 1)
    assert all(word in texts[0] for word in words)


def test_another_intermediate_shuts_out_its_devices_unless_they_overlap(
    group_inputs: dict[str, Any], bergen: Any, oslo: Any
) -> None:
    other = {**group_inputs, "signingCertificate": bergen.pem}
    (text,) = said(GROUP, group_inputs, other)
    assert text.startswith(
        "signingCertificate: devices of group reefers whose certificates the old authority"
    )
    assert said(GROUP, group_inputs, {**other, "secondarySigningCertificate": oslo.pem}) == []
    (text,) = said(GROUP, {**other, "secondarySigningCertificate": oslo.pem}, other)
    assert text.startswith("secondarySigningCertificate: ")


def test_changes_of_a_device(device_inputs: dict[str, Any]) -> None:
    (text,) = said(DEVICE, device_inputs, {**device_inputs, "enabled": False})
    assert text.startswith("device truck-7 cannot provision any more, but stays connected to its hub")
    (text,) = said(DEVICE, device_inputs, {**device_inputs, "deviceId": "t7"})
    assert "the device of the old id stays in its hub" in text
    tpm = {**device_inputs, "symmetricKey": False, "endorsementKey": "AA=="}
    assert said(DEVICE, tpm, {**tpm, "endorsementKey": UNKNOWN}) == [
        "endorsementKey: only the TPM with the new key can provision as enrollment truck-7"
    ]
