"""Typed outputs of our own resources reach the program under their Python names."""

from typing import Any

import pulumi
from pulumi.runtime import mocks

from components.muster import EnrollmentGroup, HubLink, Provider, VerifiedCertificate


class _Answers(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        computed = {"isVerified": True, "thumbprint": "AB", "subject": "CN=x", "expiry": "2030", "etag": "e"}
        return f"id-of-{args.name}", {**args.inputs, **computed}


def test_outputs_have_values() -> None:
    seen: dict[str, Any] = {}

    def program() -> pulumi.Output[None]:
        certificate = VerifiedCertificate(
            "certificate",
            {"provisioning_service_id": "dps", "certificate_name": "root", "certificate": "PEM"},
        )
        return pulumi.Output.all(
            verified=certificate.is_verified,
            thumbprint=certificate.thumbprint,
            subject=certificate.subject,
            expiry=certificate.expiry,
            etag=certificate.etag,
            id=certificate.id,
        ).apply(seen.update)

    _run(program)
    assert seen == {
        "verified": True,
        "thumbprint": "AB",
        "subject": "CN=x",
        "expiry": "2030",
        "etag": "e",
        "id": "id-of-certificate",
    }


def test_a_provider_of_ones_own_serves_link_and_group() -> None:
    seen: dict[str, Any] = {}

    def program() -> pulumi.Output[None]:
        opts = pulumi.ResourceOptions(provider=Provider("mine"))
        link = HubLink(
            "link",
            {
                "provisioning_service_id": "dps",
                "hub_host": "h.azure-devices.net",
                "hub_location": "westeurope",
                "allocation_weight": 1,
                "apply_allocation_policy": True,
                "service_revision": "1",
            },
            opts,
        )
        group = EnrollmentGroup(
            "group",
            {
                "service_host": "d.azure-devices-provisioning.net",
                "enrollment_group_id": "g",
                "signing_certificate": "PEM",
                "allocation_policy": "hashed",
                "iot_hubs": ["h.azure-devices.net"],
                "initial_twin": {"tags": {}, "desired": {}},
                "reprovision": "keep",
                "enabled": True,
            },
            opts,
        )
        return pulumi.Output.all(link=link.id, etag=group.etag).apply(seen.update)

    _run(program)
    assert seen == {"link": "id-of-link", "etag": "e"}


def _run(program: Any) -> None:
    mocks.set_mocks(_Answers(), project="muster", stack="test", preview=False)
    mocks.test(program)()  # type: ignore[no-untyped-call]  # pulumi's
