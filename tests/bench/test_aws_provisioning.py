"""The section of provisioning on AWS; and that a device of it is one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography import x509

from bench import aws_provisioning, aws_wire
from bench.aws_provisioning import AwsProvisioning, Meter, Side
from bench.rounds import Series
from bench.wire import Device


def _side(rate: float) -> Side:
    return Side(Series("rate", [rate]), Series("cloud", [2.0]), Series("stand-in", [1.0]))


def test_the_section_has_a_row_a_side() -> None:
    text = aws_provisioning.report(AwsProvisioning(100, _side(10.0), _side(50.0), _side(600.0)))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert {row.count("|") for row in rows} == {5}
    assert "One handshake comes to 12 times the rate" in text
    assert "the hook takes 80 ms of each flow" in text


def test_the_round_that_warms_up_does_not_count() -> None:
    meter = Meter(os.getpid())
    for _ in range(3):
        assert meter.rate(10, lambda: sum(range(10_000))) > 0
    side = meter.side(Series("rate", [1.0, 1.0]))
    assert (len(side.cloud_ms.values), len(side.stand_in_ms.values)) == (2, 2)
    assert min(side.cloud_ms.values) >= 0


def test_a_newcomer_asks_for_its_own_key_which_nobody_else_can_read(tmp_path: Path) -> None:
    claim = Device("claim", "", tmp_path / "claim.pem", tmp_path / "claim.key", tmp_path / "ca.pem", 8883)
    made = aws_wire.newcomer(tmp_path / "pump-1", "pump-1", claim)
    assert stat.S_IMODE(made.own.key.stat().st_mode) == 0o600
    asked = x509.load_pem_x509_csr(made.request.encode())
    assert asked.is_signature_valid
    assert (made.thing, made.own.registration_id, made.own.port) == ("pump-1", "pump-1", 8883)
