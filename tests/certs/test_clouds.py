"""What a cloud would refuse is refused before it is issued, with the page that says so."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from certs import clouds, issue, profiles
from certs.errors import CloudError
from certs.issue import Terms
from certs.keys import ALGORITHMS, DEFAULT

BOTH = clouds.CHOICES["both"]
TAKEN = {"ec-p256", "ec-p384", "rsa-2048", "rsa-3072"}


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("choice", ["both", "azure", "aws"])
def test_kinds_of_keys(name: str, choice: str) -> None:
    for key, signing in itertools.product([ALGORITHMS[name], DEFAULT], repeat=2):
        refused = {key.name, signing.name} - TAKEN
        if not refused:
            clouds.check(clouds.CHOICES[choice], key, signing)
            continue
        with pytest.raises(CloudError) as caught:
            clouds.check(clouds.CHOICES[choice], key, signing)
        told = str(caught.value)
        assert "use a key of kind ec-p256, ec-p384, rsa-2048, rsa-3072, or say what it is for: --for" in told
        assert ("learn.microsoft.com" in told, "docs.aws.amazon.com" in told) == (
            choice != "aws",
            choice != "azure",
        )


@pytest.mark.parametrize("name", ALGORITHMS)
def test_for_none_everything_goes(name: str) -> None:
    clouds.check(clouds.NONE, ALGORITHMS[name], ALGORITHMS[name], registration_id="a.b")


def test_every_kind_of_key_is_taken_or_refused_with_a_reason() -> None:
    for cloud in BOTH:
        families = {"ml-dsa" if name.startswith("ml-dsa") else name for name in ALGORITHMS}
        assert families == cloud.keys | cloud.refused_keys.keys()


def test_names(pki: Any) -> None:
    clouds.check(clouds.CHOICES["azure"], DEFAULT, DEFAULT, registration_id="a.b")
    with pytest.raises(CloudError, match=r"'a\.b': AWS IoT would refuse it: a thing's name has"):
        clouds.check(BOTH, DEFAULT, DEFAULT, registration_id="a.b")
    with pytest.raises(CloudError, match=r"'a\.b'"):
        issue.issue_device(pki.oslo_signer, pki.oslo, "a.b", 9, terms=Terms(clouds=BOTH))


def test_claims_are_of_aws() -> None:
    clouds.check(clouds.CHOICES["aws"], DEFAULT, DEFAULT, profiles.CLAIM)
    with pytest.raises(CloudError, match=r"a claim certificate: Azure .* no provisioning by claim"):
        clouds.check(BOTH, DEFAULT, DEFAULT, profiles.CLAIM)


def test_servers_are_no_clouds_business() -> None:
    clouds.check(BOTH, ALGORITHMS["ed25519"], ALGORITHMS["ed25519"], profiles.SERVER, "a.b")


def test_nothing_is_issued_that_a_cloud_would_refuse(pki: Any) -> None:
    terms = Terms(clouds=BOTH)
    with pytest.raises(CloudError, match="a key of kind ML-DSA-44: AWS IoT would refuse it"):
        issue.issue_device(pki.oslo_signer, pki.oslo, "unit-1", 9, ALGORITHMS["ml-dsa-44"], terms)
