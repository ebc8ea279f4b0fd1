"""Certificates that carry the address of their list, in an inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from certs import assemble, issue
from certs.life.inventory import Inventory, Issued
from certs.life.revocation import Partitions, Publisher

PARTITIONS = Partitions("http://crl.example/oslo", 4)


@dataclass
class Life:
    """An inventory, a publisher of its lists, and how to issue into it."""

    directory: Path
    inventory: Inventory
    publisher: Publisher
    issue: Callable[..., x509.Certificate]


@pytest.fixture
def life(pki: Any, tmp_path: Path) -> Iterator[Life]:
    with Inventory(tmp_path / "inventory.sqlite") as inventory:

        def issued(name: str, days: int = 30) -> x509.Certificate:
            key = issue.new_key().public_key()
            order = replace(issue.order(pki.oslo, name, key, days), of_serial=PARTITIONS.point)
            made = assemble.issued(order, pki.oslo_signer, pki.oslo, datetime.now(UTC))
            inventory.record([Issued.of(made, "oslo")])
            return made

        publisher = Publisher(tmp_path / "crl", pki.oslo, pki.oslo_signer, PARTITIONS)
        yield Life(tmp_path / "crl", inventory, publisher, issued)
