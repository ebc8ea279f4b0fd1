"""Device keys: derived as the service does, refused where of no use, written for the owner alone."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.azure.dps import keys as service
from operations import keys
from operations.errors import DeviceKeyError
from tests.operations.memory import KEY, MemoryCloud

GROUP_KEY = base64.b64encode(secrets.token_bytes(64)).decode()


@pytest.fixture
def grouped(cloud: MemoryCloud) -> MemoryCloud:
    mechanism = {"primaryKey": GROUP_KEY, "secondaryKey": KEY}
    cloud.groups["scanners"] = {
        "enrollmentGroupId": "scanners",
        "attestation": {"type": "symmetricKey", "symmetricKey": mechanism},
    }
    return cloud


@given(st.binary(min_size=16, max_size=64), st.from_regex(r"[a-z0-9]{1,40}", fullmatch=True))
def test_it_is_what_the_service_derives(key: bytes, name: str) -> None:
    text = base64.b64encode(key).decode()
    made = service.derived({"primaryKey": text, "secondaryKey": text}, name)
    assert keys.derived(text, name) == made["primaryKey"]


def test_a_group_gives_each_slot_its_own(grouped: MemoryCloud) -> None:
    assert keys.device_key(grouped, "scanner-3", "scanners") == keys.derived(GROUP_KEY, "scanner-3")
    assert keys.device_key(grouped, "scanner-3", "scanners", "secondary") == keys.derived(KEY, "scanner-3")


def test_an_individual_enrollment_gives_its_own(cloud: MemoryCloud) -> None:
    cloud.enroll("scanner-1")
    assert keys.device_key(cloud, "scanner-1", None) == KEY


def test_each_refusal_says_why_and_no_key(grouped: MemoryCloud) -> None:
    grouped.enroll("own")
    grouped.enroll("tpm", attestation={"type": "tpm", "tpm": {"endorsementKey": "x"}})
    grouped.enroll("hidden", attestation={"type": "symmetricKey"})
    grouped.groups["bad"] = {"attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": "!se"}}}
    for name, group, told in (
        ("-x", None, "no registration id"),
        ("scanner-3", None, "no individual enrollment of that id"),
        ("own", "scanners", "leave out --group"),
        ("tpm", None, "attests by tpm"),
        ("hidden", None, "Data Contributor"),
        ("scanner-3", "gone", "no enrollment group gone"),
        ("scanner-3", "bad", "is not base64"),
    ):
        with pytest.raises(DeviceKeyError, match=told) as caught:
            keys.device_key(grouped, name, group)
        assert GROUP_KEY not in str(caught.value)
        assert "!se" not in str(caught.value)


def test_the_file_is_its_owners_and_new(tmp_path: Path) -> None:
    file = tmp_path / "scanner.key"
    keys.write(file, KEY)
    assert (file.read_text(), file.stat().st_mode & 0o777) == (f"{KEY}\n", 0o600)
    with pytest.raises(DeviceKeyError, match="no key is ever overwritten"):
        keys.write(file, KEY)
    with pytest.raises(DeviceKeyError, match="No such file"):
        keys.write(tmp_path / "no" / "scanner.key", KEY)
