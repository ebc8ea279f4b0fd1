"""The calculator: its arithmetic, and that what it measures is what was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from certs.bulk import measure as measuring
from certs.bulk.bundle import Bundle
from certs.bulk.measure import measure
from certs.bulk.plan import Cost, Machine, forecasts
from certs.errors import StorageError
from certs.keys import ALGORITHMS

MIB = 1 << 20


def machine(**changes: Any) -> Machine:
    fixed: dict[str, Any] = {
        "costs": [Cost("ec-p256", 0.0001, 600.0)],
        "write_seconds_a_byte": 1e-9,
        "processes": 4,
        "speedup": 3.4,
        "own_bytes": 50 * MIB,
        "worker_bytes": 45 * MIB,
    }
    return Machine(**(fixed | changes))


def test_time_by_workers() -> None:
    found = {each.workers: each.seconds for each in forecasts(machine(), 1_000_000)}
    assert found[1] == pytest.approx(100 + 0.6)
    assert found[2] == pytest.approx(100 / 1.8)
    assert found[4] == pytest.approx(100 / 3.4)


def test_the_disk_bounds_many_workers() -> None:
    found = {each.workers: each.seconds for each in forecasts(machine(write_seconds_a_byte=1e-7), 1_000_000)}
    assert found[1] == pytest.approx(160)
    assert found[2] == found[4] == pytest.approx(60)


def test_disk_and_memory() -> None:
    small, large = (list(forecasts(machine(), devices))[-1] for devices in (10_000, 1_000_000))
    assert (small.disk_bytes, large.disk_bytes) == (6_000_000, 600_000_000)
    assert large.memory_bytes - small.memory_bytes == 990_000 * 10
    assert small.memory_bytes > (50 + 4 * 45) * MIB


def test_one_processor() -> None:
    assert [each.workers for each in forecasts(machine(processes=1, speedup=1.0), 10)] == [1]


def test_measured_here(tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.05)
    found = measure([ALGORITHMS["ec-p256"], ALGORITHMS["rsa-2048"]], tmp_path, 2)
    costs = {cost.algorithm: cost for cost in found.costs}
    assert 0 < costs["ec-p256"].seconds < costs["rsa-2048"].seconds
    assert found.speedup > 0
    assert found.write_seconds_a_byte > 0
    assert 20 * MIB < found.worker_bytes < 300 * MIB
    # The bytes of a device are those of a real bundle, but for what its batches have in common.
    whole = bundle.stat().st_size / Bundle.open(bundle).records
    assert costs["ec-p256"].bytes == pytest.approx(whole, rel=0.35)
    assert [path.name for path in tmp_path.iterdir()] == ["devices.bundle"]


def test_an_authoritys_own_signer_is_measured(
    tmp_path: Path, pki: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.01)
    calls: list[int] = []

    class Counting:
        def public_key(self) -> Any:
            return pki.oslo_signer.public_key()

        def sign(self, data: bytes) -> bytes:
            calls.append(len(data))
            return bytes(pki.oslo_signer.sign(data))

    measure([ALGORITHMS["ec-p256"]], tmp_path, 1, (Counting(), pki.oslo))
    assert len(calls) > 12


def test_a_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "SECONDS", 0.01)
    with pytest.raises(StorageError, match="none"):
        measure([ALGORITHMS["ec-p256"]], tmp_path / "none", 1)
