"""The reconciler on AWS: what goes into which table, whose certificates end, how many at once, never back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from certs.store import key_id
from components.aws.functions import certificates
from operations import revocation_aws
from operations.audit import AuditLog, Writer
from operations.certificates import PemCertificates
from operations.crl import CheckedCrl, check
from operations.errors import RefusedError, TooManyError
from operations.revocation import last_seen, mapped
from operations.revocation_aws import OnAws, Place, Table, spelt
from provider.clients.errors import NotFoundError
from tests.operations.conftest import NOW, Authority, thumbprint


@dataclass
class Account:
    """An account in memory."""

    service: str = "aws 111122223333 eu-west-1"
    tables: dict[str, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    certificates: dict[str, str] = field(default_factory=dict)
    number: int = 1000
    counted: int = 0
    calls: list[str] = field(default_factory=list)
    stubborn: str = ""

    def missing(self, table: str, serials: Sequence[str]) -> tuple[str, ...]:
        return tuple(each for each in serials if each not in self.tables[table])

    def put(self, table: str, items: Sequence[Mapping[str, str]]) -> None:
        self.calls.append(f"put {table}")
        self.tables[table] |= {each["serial"]: each for each in items}

    def status(self, certificate_id: str) -> str | None:
        return self.certificates.get(certificate_id)

    def deactivate(self, certificate_id: str) -> None:
        if certificate_id == self.stubborn:
            raise NotFoundError("it is gone", 404, "ResourceNotFoundException", "")
        self.calls.append("deactivate")
        self.certificates[certificate_id] = "INACTIVE"

    def things(self, kinds: Sequence[str], enough: int) -> int:
        assert kinds == ("coldchain-reefers",)
        self.counted = enough
        return min(self.number, enough)


@dataclass
class Fleet:
    """Four devices of oslo, and their account."""

    account: Account
    oslo: Authority
    leaves: dict[str, x509.Certificate]
    place: Place
    known: PemCertificates

    def crl(
        self, *names: str, more: Sequence[int] = (), number: int = 1, reason: str | None = None
    ) -> CheckedCrl:
        serials = [*(self.leaves[name].serial_number for name in names), *more]
        made = self.oslo.crl(serials, number=number, reason=reason)
        return check(made, "a.crl", [self.oslo.certificate], NOW, {})

    def plan(self, crls: Sequence[CheckedCrl], percent: float = 100) -> OnAws:
        found = mapped(crls, self.known, [self.oslo.certificate])
        return revocation_aws.plan(self.account, self.place, crls, found, percent)

    def reconcile(self, writer: Writer, *crls: CheckedCrl, percent: float = 100) -> OnAws:
        planned = self.plan(crls, percent)
        return revocation_aws.reconcile(self.account, writer, crls, planned, "ada")

    def status(self, name: str) -> str | None:
        return self.account.certificates.get(identity(self.leaves[name]))


def identity(leaf: x509.Certificate) -> str:
    return thumbprint(leaf).lower()


@pytest.fixture
def fleet(oslo: Authority, bergen: Authority, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    leaves = {f"reefer-{number}": oslo.leaf(f"reefer-{number}") for number in range(4)}
    folder = tmp_path_factory.mktemp("issued")
    for name, leaf in leaves.items():
        (folder / f"{name}.pem").write_bytes(leaf.public_bytes(Encoding.PEM))
    table = Table("reefers", "coldchain-prod-reefers-revoked", frozenset({_key(oslo), "of a secondary"}))
    other = Table("vans", "coldchain-prod-vans-revoked", frozenset({_key(bergen)}))
    account = Account(
        tables={table.name: {}, other.name: {}},
        certificates={identity(leaf): "ACTIVE" for leaf in leaves.values()},
    )
    known = PemCertificates([folder], [oslo.certificate])
    return Fleet(account, oslo, leaves, Place((table, other), ("coldchain-reefers",)), known)


def _key(authority: Authority) -> str:
    return key_id(authority.certificate.public_key())


@pytest.fixture
def writer(log: AuditLog) -> Iterator[Writer]:
    with log.open() as opened:
        yield opened


class TestSpelling:
    def test_it_is_the_one_of_the_function(self, oslo: Authority) -> None:
        leaf = oslo.leaf("reefer-1")
        read = certificates.read(leaf.public_bytes(Encoding.PEM).decode())
        assert spelt(leaf.serial_number) == read.serial

    @pytest.mark.parametrize(
        ("serial", "text"),
        [
            (0, "0"),
            (1, "1"),
            (127, "7f"),
            (128, "80"),
            (255, "ff"),
            (0xABC, "abc"),
            (1 << 159, "8" + "0" * 39),
            (-1, "ff"),
            (-128, "80"),
            (-129, "ff7f"),
        ],
    )
    def test_numbers(self, serial: int, text: str) -> None:
        assert spelt(serial) == text


class TestReconcile:
    def test_first_the_table_then_the_certificates(self, fleet: Fleet, writer: Writer) -> None:
        result = fleet.reconcile(writer, fleet.crl("reefer-1", more=[0xABC], reason="keyCompromise"))
        table = fleet.account.tables["coldchain-prod-reefers-revoked"]
        assert set(table) == {spelt(fleet.leaves["reefer-1"].serial_number), "abc"}
        assert table["abc"] == {"serial": "abc", "reason": "keyCompromise", "issuer": "CN=coldchain oslo"}
        assert fleet.account.tables["coldchain-prod-vans-revoked"] == {}, "another issuer's"
        assert [each.registration_id for each in result.shut] == ["reefer-1"]
        assert (fleet.status("reefer-1"), fleet.status("reefer-2")) == ("INACTIVE", "ACTIVE")
        assert fleet.account.calls == ["put coldchain-prod-reefers-revoked", "deactivate"]

    def test_again_nothing_is_left_to_do(self, fleet: Fleet, writer: Writer) -> None:
        fleet.reconcile(writer, fleet.crl("reefer-1"))
        calls = list(fleet.account.calls)
        result = fleet.reconcile(writer, fleet.crl("reefer-1"))
        assert (result.filled, result.shut, len(result.already)) == ((), (), 1)
        assert fleet.account.calls == calls

    def test_what_is_gone_from_a_crl_stays_shut_out(self, fleet: Fleet, writer: Writer) -> None:
        fleet.reconcile(writer, fleet.crl("reefer-1"))
        fleet.reconcile(writer, fleet.crl(number=2))
        assert fleet.status("reefer-1") == "INACTIVE"
        assert len(fleet.account.tables["coldchain-prod-reefers-revoked"]) == 1

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("PENDING_ACTIVATION", "INACTIVE"),
            ("INACTIVE", "INACTIVE"),
            ("REVOKED", "REVOKED"),
            ("PENDING_TRANSFER", "PENDING_TRANSFER"),
        ],
    )
    def test_what_each_status_becomes(self, fleet: Fleet, writer: Writer, before: str, after: str) -> None:
        fleet.account.certificates[identity(fleet.leaves["reefer-1"])] = before
        fleet.reconcile(writer, fleet.crl("reefer-1"))
        assert fleet.status("reefer-1") == after

    def test_one_that_never_came_is_told(self, fleet: Fleet, writer: Writer) -> None:
        del fleet.account.certificates[identity(fleet.leaves["reefer-1"])]
        result = fleet.reconcile(writer, fleet.crl("reefer-1"))
        assert [each.certificate.registration_id for each in result.absent] == ["reefer-1"]

    def test_a_superseded_one_ends_as_well(self, fleet: Fleet, writer: Writer) -> None:
        fleet.reconcile(writer, fleet.crl("reefer-1", reason="superseded"))
        assert fleet.status("reefer-1") == "INACTIVE"

    def test_two_lists_of_one_serial_end_it_once(self, fleet: Fleet, writer: Writer) -> None:
        result = fleet.reconcile(writer, fleet.crl("reefer-1"), fleet.crl("reefer-1", number=2))
        assert len(result.shut) == 1
        assert len(result.filled[0].items) == 1

    def test_what_fails_with_one_stops_no_other(self, fleet: Fleet, writer: Writer) -> None:
        fleet.account.stubborn = identity(fleet.leaves["reefer-1"])
        result = fleet.reconcile(writer, fleet.crl("reefer-1", "reefer-2"))
        assert result.failed == {"reefer-1": "it is gone"}
        assert fleet.status("reefer-2") == "INACTIVE"
        assert ("reefer-1", "failed") in [(each.device, each.event) for each in writer.entries]


class TestLimits:
    def test_too_many_and_nothing_is_done(self, fleet: Fleet, writer: Writer) -> None:
        fleet.account.number = 20
        with pytest.raises(
            TooManyError, match=r"list 2 certificates .* of 20 things; .* --up-to-percent 10$"
        ):
            fleet.reconcile(writer, fleet.crl("reefer-1", "reefer-2"), percent=5)
        assert (fleet.account.calls, writer.entries) == ([], [])

    @pytest.mark.parametrize(("percent", "number"), [(5, 40), (10, 20), (0.3, 667)])
    def test_so_large_a_fleet_is_enough_and_counted_no_further(
        self, fleet: Fleet, percent: float, number: int
    ) -> None:
        assert len(fleet.plan([fleet.crl("reefer-1", "reefer-2")], percent).shut) == 2
        assert fleet.account.counted == number + 1

    def test_one_may_always_go(self, fleet: Fleet) -> None:
        fleet.account.number = 0
        assert len(fleet.plan([fleet.crl("reefer-1")], 0).shut) == 1

    def test_of_none_but_one_when_the_share_is_none(self, fleet: Fleet) -> None:
        with pytest.raises(TooManyError, match="at most 1 "):
            fleet.plan([fleet.crl("reefer-1", "reefer-2")], 0)


class TestRecord:
    def test_each_step_is_on_record_before_and_after(self, fleet: Fleet, writer: Writer) -> None:
        fleet.reconcile(writer, fleet.crl("reefer-1", reason="keyCompromise"))
        told = [(each.action, each.event, each.device) for each in writer.entries]
        assert told[1:] == [
            ("revoke", "before", ""),
            ("revoke", "after", ""),
            ("revoke", "before", "reefer-1"),
            ("revoke", "after", "reefer-1"),
        ]
        serial = fleet.leaves["reefer-1"].serial_number
        last = writer.entries[-1]
        assert (last.who, last.reason) == ("ada", f"certificate revoked: {serial:X} (keyCompromise)")
        assert last.facts == {"certificate": identity(fleet.leaves["reefer-1"]), "status": "INACTIVE"}
        assert last_seen(writer.entries)[_key(fleet.oslo)].number == 1, "an older list is refused from now on"

    def test_a_table_that_is_not_there_stops_it_before_the_record(self, fleet: Fleet, writer: Writer) -> None:
        class Bare(Account):
            def missing(self, table: str, serials: Sequence[str]) -> tuple[str, ...]:
                raise RefusedError(f"the table {table} is not there, nor {serials}")

        fleet.account = Bare(certificates=fleet.account.certificates)
        with pytest.raises(RefusedError):
            fleet.reconcile(writer, fleet.crl("reefer-1"))
        assert (writer.entries, fleet.status("reefer-1")) == ([], "ACTIVE")
