"""A stack on one cloud alone, rows that are sound, resources that are counted: what the previews are of."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from bench import both_clouds
from bench.both_clouds import Clouds, alike, created, thing
from bench.one_cloud import Cloud, alone
from bench.rounds import Series
from bench.workspace import PROJECT
from fleet import load_stack
from provider.manifest import certificates
from tests.e2e import identities

STACKS = sorted((PROJECT / "stacks").glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
@pytest.mark.parametrize("cloud", ["azure", "aws"])
def test_a_stack_on_one_cloud_is_sound_and_has_its_groups(file: Path, cloud: Cloud, tmp_path: Path) -> None:
    both = load_stack(file)
    document = alone(yaml.safe_load(file.read_text()), cloud)
    written = tmp_path / file.name
    written.write_text(yaml.safe_dump(document, sort_keys=False))
    fleet = load_stack(written)
    assert fleet.clouds == (cloud,)
    assert set(fleet.groups) == {key for key, group in both.groups.items() if cloud in group.clouds}


def test_rows_have_certificates_of_their_own_that_a_preview_takes() -> None:
    first = identities.leaf(thing(0), None).certificate
    rows = list(islice(alike(first), 3))
    ders = [base64.b64decode(made) for _, made in rows]
    assert [name for name, _ in rows] == [thing(0), thing(1), thing(2)]
    assert len({x509.load_der_x509_certificate(der).serial_number for der in ders}) == 3
    today = datetime.now(UTC)
    assert [certificates.fault(der, name, today) for (name, _), der in zip(rows, ders, strict=True)] == [
        None
    ] * 3


def test_a_serial_number_that_is_too_short_is_refused() -> None:
    holder = identities.leaf(thing(0), None)
    short = (
        x509.CertificateBuilder()
        .subject_name(holder.certificate.subject)
        .issuer_name(holder.certificate.subject)
        .public_key(holder.key.public_key())
        .serial_number(7)
        .not_valid_before(holder.certificate.not_valid_before_utc)
        .not_valid_after(holder.certificate.not_valid_after_utc)
        .sign(holder.key, hashes.SHA256())
    )
    with pytest.raises(ValueError, match="too short"):
        next(alike(short))


def test_only_what_is_created_counts() -> None:
    assert created(json.loads('{"changeSummary": {"create": 32}}')) == 32
    with pytest.raises(RuntimeError, match="same"):
        created({"changeSummary": {"create": 32, "same": 1}})


def _clouds() -> Clouds:
    return Clouds(Series("both", [3.0, 3.0]), Series("azure", [2.0, 1.0]), Series("aws", [2.0, 2.0]))


def test_both_stand_beside_one_after_the_other() -> None:
    assert _clouds().one_by_one.values == [4.0, 3.0]
    text = both_clouds.report(_clouds(), {10: 32, 1_000_000: 32})
    assert "| resources on AWS for 1,000,000 devices | 32 |" in text
    assert "Both take 0.88 times as long as one after the other" in text
    assert "does not grow" in text


def test_resources_that_grow_are_not_hidden() -> None:
    assert "resources GROWS with the devices" in both_clouds.report(_clouds(), {10: 32, 1_000_000: 33})
