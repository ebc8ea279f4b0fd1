"""A factory line of the tests' own, and bundles issued for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from certs.bulk.commission import Commission
from certs.bulk.crew import Alone
from certs.bulk.lists import Range
from certs.bulk.run import Report, issue
from certs.bulk.sealing import Opener, new_identity


@dataclass(frozen=True)
class Line:
    """The identity of a line, and its recipient."""

    identity: Path
    recipient: str

    @property
    def opener(self) -> Opener:
        return Opener(self.identity)


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    identity = tmp_path_factory.mktemp("line") / "line.key"
    return Line(identity, new_identity(identity))


Issue = Callable[..., Report]


@pytest.fixture
def commissioned(pki: Any, line: Line) -> Callable[..., Commission]:
    def make(source: Any = None, **changes: Any) -> Commission:
        fixed: dict[str, Any] = {"recipient": line.recipient, "batch": 8} | changes
        return Commission(source or Range("reefer-{:03d}", 20), pki.oslo, **fixed)

    return make


@pytest.fixture
def bundle(pki: Any, commissioned: Any, tmp_path: Path) -> Path:
    """20 devices in 3 batches."""
    path = tmp_path / "devices.bundle"
    issue(commissioned(), pki.oslo_signer, Alone(), path)
    return path
