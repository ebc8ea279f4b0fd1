"""Who has a certificate already; and what is loaded to find out."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from certs import authority, profiles
from certs.bulk.books import entering, issued_ids
from certs.bulk.bundle import Bundle
from certs.bulk.commission import Commission, moment
from certs.bulk.crew import Alone
from certs.bulk.errors import ListError
from certs.bulk.lists import Range
from certs.bulk.run import Watch, issue
from certs.bulk.template import Design
from certs.intermediates import Choices
from certs.life.books import Books
from certs.life.inventory import Issued
from certs.store import KeyStore

PASSPHRASE = b"twelve or more"


def entry(name: str, serial: int, days: int) -> Issued:
    begin = moment() - timedelta(days=90)
    return Issued(name, serial, "CN=i", begin, moment() + timedelta(days=days), "00" * 32)


def test_only_certificates_in_force_count(tmp_path: Path) -> None:
    authority.init(tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE)
    with Books.open(tmp_path / "pki") as books:
        inventory = books.inventory
        inventory.record(
            [
                entry("active", 1, 9),
                entry("ended", 2, -9),
                entry("revoked", 3, 9),
                entry("retiring", 4, 9),
                entry("renewed", 5, 9),
                entry("renewed", 6, 9),
            ]
        )
        inventory.revoke(3, "CN=i", "keyCompromise")
        inventory.revoke(5, "CN=i", "superseded")
        inventory.retiring(4, "CN=i", moment() + timedelta(days=1))
        assert sorted(issued_ids(books, ())()) == ["active", "renewed", "retiring"]


def test_a_gateways_authority_and_its_device_are_two(tmp_path: Path, line: Any) -> None:
    """Their common names differ, and the books keep both; neither may come twice."""
    chain = authority.init(
        tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE, choices=Choices(servers={"edge": ()})
    )
    store, edge = KeyStore(tmp_path / "pki" / "keys", PASSPHRASE), chain.issuers["edge"]
    with Books.open(tmp_path / "pki") as books:
        for issuer, profile in ((chain.issuers["oslo"], profiles.DEVICE), (edge, profiles.GATEWAY)):
            suffix = Design(profile, issuer, (moment(), moment())).suffix
            known = issued_ids(books, (), suffix)
            asked = Commission(Range("gw-{}", 3), issuer, line.recipient, profile, issued=known)
            out, watch = tmp_path / f"{profile.name}.bundle", Watch(enter=entering(books, "here"))
            issue(asked, store.signer_for(issuer), Alone(), out, watch=watch)
            with pytest.raises(ListError, match="'gw-3' has a certificate already"):
                issue(asked, store.signer_for(issuer), Alone(), tmp_path / "b.bundle")
            by_file = issued_ids(None, [out], suffix)
            assert sorted(by_file()) == ["gw-1", "gw-2", "gw-3"]
        assert books.audit().certificates == 6
        # The entries are what anybody would enter who read the certificates one by one.
        held = books.inventory.by_id("gw-2 edge CA")
        (record,) = [r for b in Bundle.batches(out) for r in b.records if r.registration_id == "gw-2"]
        assert held[0].issued == Issued.of(record.parsed, "edge")


LAZY = """
import sys
import cli.certs.bulk, cli.certs.line, cli.certs.plan
print([name for name in ("pyarrow", "distributed", "dask", "boto3", "pkcs11") if name in sys.modules])
"""


def test_what_only_some_need_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LAZY], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
