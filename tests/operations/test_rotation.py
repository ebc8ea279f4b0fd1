"""How far a rotation has come: by what the hubs say, and what is known of certificates."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from operations.certificates import issued
from operations.errors import RequestError
from operations.rotation import Report, Rotation, Standing, report, rotation_of
from tests.operations.conftest import Authority, make_authority, thumbprint
from tests.operations.memory import HUB, OTHER_HUB, MemoryCloud
from tests.operations.test_revocation import Inventory


def group(*authorities: Authority) -> dict[str, Any]:
    slots = zip(("primary", "secondary"), authorities, strict=False)
    entries = {slot: {"info": {"sha256Thumbprint": thumbprint(it.certificate)}} for slot, it in slots}
    return {
        "enrollmentGroupId": "reefers",
        "attestation": {"type": "x509", "x509": {"signingCertificates": entries}},
    }


@pytest.fixture
def issuers(oslo: Authority, bergen: Authority) -> dict[str, x509.Certificate]:
    return {"oslo": oslo.certificate, "bergen": bergen.certificate}


def test_every_device_of_the_group_is_told_by_its_certificate(
    cloud: MemoryCloud, oslo: Authority, bergen: Authority
) -> None:
    third = make_authority("coldchain third")
    leaves = {
        "old": (oslo, oslo.leaf("old", days=3)),
        "new": (bergen, bergen.leaf("new")),
        "other": (third, third.leaf("other")),
        "stranger": (third, third.leaf("stranger")),
        "stolen": (oslo, oslo.leaf("stolen")),
    }
    for name, (_, leaf) in leaves.items():
        cloud.register(name, OTHER_HUB if name == "new" else HUB, thumbprint(leaf), device_id=f"{name}#1")
    cloud.register("keyed")
    cloud.register("elsewhere", group="vans", thumbprint=thumbprint(leaves["old"][1]))
    cloud.register("absent")
    del cloud.devices[HUB, "absent"]
    cloud.devices[HUB, "stolen#1"]["status"] = "disabled"
    known = [issued(leaf, by.certificate) for name, (by, leaf) in leaves.items() if name != "stranger"]
    found = report(
        cloud, group(oslo, bergen), Rotation(oslo.certificate, bergen.certificate), Inventory(known)
    )
    assert {one.registration_id: one.kind for one in found.standings} == {
        "old": "old",
        "new": "new",
        "other": "other",
        "stranger": "unknown",
        "keyed": "unknown",
        "stolen": "disabled",
        "absent": "absent",
    }
    assert (found.left, len(found.standings)) == (3, 7)
    old = next(one for one in found.standings if one.registration_id == "old")
    assert old.not_after == leaves["old"][1].not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_of_two_certificates_the_old_one_counts(
    cloud: MemoryCloud, oslo: Authority, bergen: Authority
) -> None:
    old, new = oslo.leaf("both"), bergen.leaf("both")
    cloud.register("both", thumbprint=thumbprint(new))
    prints = cloud.devices[HUB, "both"]["authentication"]["x509Thumbprint"]
    prints["secondaryThumbprint"] = thumbprint(old)
    known = Inventory([issued(old, oslo.certificate), issued(new, bergen.certificate)])
    turning = Rotation(oslo.certificate, bergen.certificate)
    assert report(cloud, group(oslo, bergen), turning, known).count("old") == 1
    prints["secondaryThumbprint"] = None
    assert report(cloud, group(oslo, bergen), turning, known).count("new") == 1


def test_the_one_issued_first_goes_in_whatever_slot(
    oslo: Authority, bergen: Authority, issuers: dict[str, x509.Certificate]
) -> None:
    for document in (group(oslo, bergen), group(bergen, oslo)):
        assert rotation_of(document, issuers, None) == Rotation(oslo.certificate, bergen.certificate)


def test_the_one_that_is_named_goes(
    oslo: Authority, bergen: Authority, issuers: dict[str, x509.Certificate]
) -> None:
    named = rotation_of(group(oslo, bergen), issuers, bergen.certificate)
    assert named == Rotation(bergen.certificate, oslo.certificate)
    after = rotation_of(group(bergen), issuers, oslo.certificate)
    assert after == Rotation(oslo.certificate, bergen.certificate), "the old one is out of the group by now"


def test_what_cannot_be_told_is_asked_for(
    oslo: Authority, bergen: Authority, issuers: dict[str, x509.Certificate]
) -> None:
    references = {"attestation": {"type": "x509", "x509": {"caReferences": {"primary": "oslo"}}}}
    for document in (group(oslo), group(oslo, make_authority("x")), references, {}):
        with pytest.raises(RequestError, match="--old"):
            rotation_of(document, issuers, None)
    same = Authority(_again(oslo), oslo.key)
    with pytest.raises(RequestError, match="one key"):
        rotation_of(group(oslo, same), {**issuers, "again": same.certificate}, None)
    assert rotation_of(group(), issuers, bergen.certificate).new_key == ""


def _again(authority: Authority) -> x509.Certificate:
    """Another certificate for the same key."""
    old = authority.certificate
    return (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(authority.key.public_key())
        .serial_number(99)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .sign(authority.key, hashes.SHA256())
    )


def test_a_hundred_percent_means_none_is_left() -> None:
    done = [Standing(f"d{number}", HUB, "new") for number in range(99_999)]
    assert Report("g", tuple(done)).percent == 100
    assert Report("g", ()).percent == 100
    assert Report("g", (*done, Standing("last", HUB, "old"))).percent == 99.9
