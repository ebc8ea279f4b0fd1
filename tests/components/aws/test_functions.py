"""The functions of Lambda: who is let in, what is done in which order, and that all may happen twice."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given, settings
from hypothesis import strategies as some

from components.aws.functions import certificates
from components.aws.functions.hook import edge as hook
from components.aws.functions.hook.decision import Claim
from components.aws.functions.hook.decision import Settings as HookSettings
from components.aws.functions.registration import edge as registration
from components.aws.functions.registration.decision import Settings
from tests.components.aws.memory import Memory

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AUTHORITY, ID, CLAIM_ID = "ca" * 32, "1d" * 32, "c1" * 32
ARN = f"arn:aws:iot:eu-west-1:111122223333:cert/{ID}"


def _certificate(name: str = "van-1", *, begins: datetime = NOW, days: int = 365, serial: int = 2047) -> Any:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "cold chain"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, name),
        ]
    )
    return (
        x509.CertificateBuilder(subject, subject, key.public_key(), serial)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


PEM = _pem(_certificate(begins=NOW - timedelta(days=1)))


class TestCertificates:
    def test_what_it_says_is_what_cryptography_reads(self) -> None:
        for begins, days in ((datetime(1951, 2, 3, tzinfo=UTC), 30), (datetime(2049, 6, 1, tzinfo=UTC), 900)):
            made = _certificate("fridge:7", begins=begins, days=days, serial=0xABC)
            leaf = certificates.read(f"text before\n{_pem(made)}text after")
            assert leaf == certificates.Leaf(
                "fridge:7", "abc", made.not_valid_before_utc, made.not_valid_after_utc
            )

    @settings(max_examples=200, deadline=None)
    @given(some.binary(max_size=300), some.integers(0, 400))
    @example(b"\x30\x80", 0)
    @example(bytes(4) + b"\x15", 9)  # it ends after its serial number
    def test_anything_else_is_refused_in_words(self, data: bytes, cut: int) -> None:
        der = _DER[:cut] + data + _DER[cut + len(data) :]
        text = base64.b64encode(der).decode()
        pem = f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n"
        with contextlib.suppress(certificates.UnreadableCertificate):
            assert isinstance(certificates.read(pem), certificates.Leaf)

    @pytest.mark.parametrize("text", ["", "PEM", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"])
    def test_text_that_is_none(self, text: str) -> None:
        with pytest.raises(certificates.UnreadableCertificate):
            certificates.read(text)


_DER = x509.load_pem_x509_certificate(PEM.encode()).public_bytes(serialization.Encoding.DER)


def _settings(**changes: Any) -> Settings:
    told: dict[str, Any] = {
        "authorities": frozenset({AUTHORITY}),
        "allow": "any",
        "thing_type": "coldchain-reefers",
        "thing_group": "coldchain-reefers",
        "policies": ("coldchain-reefers", "coldchain-reefers.receive"),
        "attributes": {"line": "reefer"},
        "desired": {"intervalSeconds": 60},
    }
    return Settings(**told | changes)


@pytest.fixture
def aws() -> Memory:
    described = {
        "certificateId": ID,
        "certificateArn": ARN,
        "certificatePem": PEM,
        "caCertificateId": AUTHORITY,
        "status": "PENDING_ACTIVATION",
    }
    return Memory(certificates={ID: described})


def _register(aws: Memory, now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    clients = registration.Clients(iot=aws, data=aws, dynamodb=aws, revoked_table="revoked")
    return registration.register({"certificateId": ID}, _settings(**changes), clients, now)


class TestRegistration:
    def test_a_new_device_becomes_a_thing_and_is_activated_last(self, aws: Memory) -> None:
        assert _register(aws)["activated"] is True
        assert aws.things["van-1"] == {
            "thingTypeName": "coldchain-reefers",
            "attributes": {"line": "reefer"},
            "group": "coldchain-reefers",
        }
        assert aws.certificates[ID]["policies"] == ["coldchain-reefers", "coldchain-reefers.receive"]
        assert aws.principals == {"van-1": [ARN]}
        assert aws.shadows == {"van-1": {"state": {"desired": {"intervalSeconds": 60}}}}
        assert aws.calls[-1] == "update_certificate"

    def test_one_who_is_registered_keeps_what_it_has(self, aws: Memory) -> None:
        aws.things["van-1"] = {"thingTypeName": "coldchain-reefers", "attributes": {"owner": "me"}}
        aws.shadows["van-1"] = {"state": {"desired": {"intervalSeconds": 5}}}
        assert _register(aws, allow="registered")["activated"] is True
        assert aws.things["van-1"]["attributes"] == {"owner": "me", "line": "reefer"}
        assert aws.shadows["van-1"] == {"state": {"desired": {"intervalSeconds": 5}}}
        assert "create_thing" not in aws.calls

    def test_a_billing_group_gets_things_that_are_in_none(self, aws: Memory) -> None:
        assert _register(aws, billing_group="coldchain-reefers")["activated"] is True
        assert aws.things["van-1"]["billingGroupName"] == "coldchain-reefers"
        assert "add_thing_to_billing_group" not in aws.calls

    @pytest.mark.parametrize("held", [None, "ours"])
    def test_a_billing_group_takes_no_thing_from_another(self, aws: Memory, held: str | None) -> None:
        aws.things["van-1"] = {"thingTypeName": "coldchain-reefers", "billingGroupName": held}
        assert _register(aws, billing_group="coldchain-reefers")["activated"] is True
        assert aws.things["van-1"]["billingGroupName"] == (held or "coldchain-reefers")

    @pytest.mark.parametrize("operation", ["create_thing", "attach_policy", "update_thing_shadow"])
    def test_a_failure_leaves_it_pending_and_the_next_call_goes_on(self, aws: Memory, operation: str) -> None:
        aws.fails = operation
        with pytest.raises(TimeoutError):
            _register(aws)
        assert aws.certificates[ID]["status"] == "PENDING_ACTIVATION"
        aws.fails = ""
        assert _register(aws)["activated"] is True
        assert _register(aws) == {
            "certificateId": ID,
            "activated": True,
            "reason": "it was activated before",
        }

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"authorities": frozenset({"another"})}, "of another CA"),
            ({"allow": "registered"}, "van-1 is not in the registry"),
            ({"now": NOW + timedelta(days=500)}, "out of its time"),
            ({"now": NOW - timedelta(days=5)}, "out of its time"),
        ],
    )
    def test_refusals(self, aws: Memory, change: dict[str, Any], reason: str) -> None:
        told = _register(aws, **change)
        assert told["activated"] is False
        assert reason in told["reason"]
        assert aws.calls == []
        assert aws.certificates[ID]["status"] == "PENDING_ACTIVATION"

    def test_a_revoked_serial_number_stays_outside(self, aws: Memory) -> None:
        aws.items["revoked", "7ff"] = {}
        assert _register(aws)["reason"] == "it is revoked"
        assert aws.calls == []

    @pytest.mark.parametrize("status", ["INACTIVE", "REVOKED", "PENDING_TRANSFER"])
    def test_what_an_operator_decided_stays(self, aws: Memory, status: str) -> None:
        aws.certificates[ID]["status"] = status
        assert status in _register(aws)["reason"]
        assert aws.certificates[ID]["status"] == status

    def test_a_thing_of_another_group_is_not_taken_over(self, aws: Memory) -> None:
        aws.things["van-1"] = {"thingTypeName": "coldchain-trucks"}
        assert "another kind of thing (its type: coldchain-trucks)" in _register(aws)["reason"]
        del aws.things["van-1"]["thingTypeName"]
        assert "its type: none" in _register(aws)["reason"]

    @pytest.mark.parametrize("name", ["a b", "vän", "x.y", "#"])
    def test_a_name_that_no_thing_can_have(self, aws: Memory, name: str) -> None:
        aws.certificates[ID]["certificatePem"] = _pem(_certificate(name, begins=NOW - timedelta(1)))
        assert "no name of a thing" in _register(aws)["reason"]

    def test_what_cannot_be_read_is_told(self, aws: Memory) -> None:
        aws.certificates[ID]["certificatePem"] = "nothing"
        assert "it cannot be read: it is no PEM" in _register(aws)["reason"]

    def test_the_log_holds_no_certificate(self, aws: Memory, caplog: pytest.LogCaptureFixture) -> None:
        _register(aws)
        _register(aws, authorities=frozenset())
        assert "CERTIFICATE-----" not in caplog.text
        assert '"activated": true' in caplog.text


CLAIM = Claim("q4", NOW - timedelta(days=1), NOW + timedelta(days=30))


def _hook(aws: Memory, now: datetime = NOW, *, event: dict[str, Any] | None = None, **changes: Any) -> bool:
    told: dict[str, Any] = {
        "template": "coldchain-reefers",
        "claims": {CLAIM_ID: CLAIM},
        "allow": "any",
        "limit": None,
        "renews": False,
        "thing_type": "coldchain-reefers",
        "desired": {},
    }
    asking = {
        "claimCertificateId": CLAIM_ID,
        "certificateId": ID,
        "certificatePem": PEM,
        "templateArn": "arn:aws:iot:eu-west-1:111122223333:provisioningtemplate/coldchain-reefers",
        "clientId": "van-1",
        "parameters": {"SerialNumber": "van-1"},
    } | (event or {})
    clients = hook.Clients(iot=aws, data=aws, dynamodb=aws, table="claims", pause=lambda _: None)
    answer = hook.answer(asking, HookSettings(**told | changes), clients, now)
    assert set(answer) == {"allowProvisioning"}
    return bool(answer["allowProvisioning"])


class TestHook:
    def test_who_shows_a_claim_is_let_in_and_nothing_is_made(self, aws: Memory) -> None:
        assert _hook(aws)
        assert aws.calls == []

    def test_the_first_shadow_stands_before_the_device_comes(self, aws: Memory) -> None:
        assert _hook(aws, desired={"intervalSeconds": 60})
        assert aws.shadows == {"van-1": {"state": {"desired": {"intervalSeconds": 60}}}}
        assert aws.things["van-1"]["thingTypeName"] == "coldchain-reefers"
        assert _hook(aws, desired={"intervalSeconds": 5})
        assert aws.shadows == {"van-1": {"state": {"desired": {"intervalSeconds": 60}}}}

    def test_the_thing_is_in_its_billing_group_from_the_beginning(self, aws: Memory) -> None:
        assert _hook(aws, desired={"intervalSeconds": 60}, billing_group="coldchain-reefers")
        assert aws.things["van-1"]["billingGroupName"] == "coldchain-reefers"

    @pytest.mark.parametrize(
        "change",
        [
            {"event": {"templateArn": "arn:aws:iot:eu-west-1:111122223333:provisioningtemplate/other"}},
            {"event": {"claimCertificateId": "ff" * 32}},
            {"event": {"claimCertificateId": None}},
            {"event": {"parameters": {}}},
            {"event": {"parameters": {"SerialNumber": "a b"}}},
            {"event": {"parameters": {"SerialNumber": "#"}}},
            {"event": {"parameters": {"SerialNumber": 7}}},
            {"now": NOW + timedelta(days=31)},
            {"now": NOW - timedelta(days=2)},
            {"claims": {}},
            {"allow": "registered"},
        ],
    )
    def test_refusals(self, aws: Memory, change: dict[str, Any]) -> None:
        assert not _hook(aws, **change)
        assert aws.calls == []

    def test_who_is_registered_and_has_no_certificate_is_let_in(self, aws: Memory) -> None:
        aws.things["van-1"] = {"thingTypeName": "coldchain-reefers"}
        assert _hook(aws, allow="registered")
        aws.things["van-1"] = {"thingTypeName": "coldchain-trucks"}
        assert not _hook(aws, allow="registered")

    def test_a_claim_takes_nobodys_name(self, aws: Memory, caplog: pytest.LogCaptureFixture) -> None:
        aws.things["van-1"] = {"thingTypeName": "coldchain-reefers"}
        aws.principals["van-1"] = [ARN.replace(ID, "99" * 32)]
        assert not _hook(aws)
        assert "detach the old one" in caplog.text
        aws.principals["van-1"] = [ARN]
        assert _hook(aws), "its own certificate: the answer of an earlier registration was lost"

    def test_a_device_renews_with_its_own_certificate_where_that_is_said(self, aws: Memory) -> None:
        aws.things["van-1"] = {"thingTypeName": "coldchain-reefers"}
        own = "99" * 32
        aws.principals["van-1"] = [ARN.replace(ID, "77" * 32), ARN.replace(ID, own)]
        asking = {"claimCertificateId": own}
        assert not _hook(aws, event=asking)
        assert _hook(aws, event=asking, renews=True)
        assert _hook(aws, event=asking, renews=True, allow="registered", claims={}), "no claim is shown"
        assert not _hook(aws, renews=True), "a claim takes nobody's name still"

    def test_nobody_renews_for_another_thing(self, aws: Memory, caplog: pytest.LogCaptureFixture) -> None:
        own = "99" * 32
        for name in ("van-1", "van-2"):
            aws.things[name] = {"thingTypeName": "coldchain-reefers"}
        aws.principals |= {"van-1": [ARN.replace(ID, own)], "van-2": [ARN.replace(ID, "77" * 32)]}
        for name in ("van-2", "van-3"):
            asking = {"claimCertificateId": own, "parameters": {"SerialNumber": name}}
            assert not _hook(aws, event=asking, renews=True)
            assert f"nor of the thing {name}" in caplog.text
        assert not _hook(aws, event={"claimCertificateId": ""}, renews=True)
        aws.things["van-1"] = {"thingTypeName": "coldchain-trucks"}
        assert not _hook(aws, event={"claimCertificateId": own}, renews=True)

    def test_a_renewal_counts_for_no_claim(self, aws: Memory) -> None:
        assert _hook(aws, limit=1)
        aws.things["van-1"] = {"thingTypeName": "coldchain-reefers"}
        aws.principals["van-1"] = [ARN]
        renewal = {"claimCertificateId": ID, "certificateId": "99" * 32}
        assert all(_hook(aws, limit=1, renews=True, event=renewal) for _ in range(3))
        assert not _hook(aws, limit=1, event={"parameters": {"SerialNumber": "van-2"}})

    def test_a_claim_registers_so_many_devices_and_no_more(self, aws: Memory) -> None:
        names = [f"van-{number}" for number in range(5)]
        let_in = [_hook(aws, limit=3, event={"parameters": {"SerialNumber": name}}) for name in names]
        assert let_in == [True, True, True, False, False]

    def test_a_device_that_asks_again_counts_once(self, aws: Memory) -> None:
        assert all(_hook(aws, limit=1) for _ in range(3))
        assert not _hook(aws, limit=1, event={"parameters": {"SerialNumber": "van-2"}})

    def test_two_that_count_at_once_count_both(self, aws: Memory) -> None:
        aws.collisions = 3
        assert _hook(aws, limit=1)
        aws.collisions = 99
        with pytest.raises(Exception, match="TransactionCanceled"):
            _hook(aws, limit=2, event={"parameters": {"SerialNumber": "van-2"}})

    def test_a_claim_that_the_code_does_not_know_yet_shuts_nobody_else_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Lambda changes variables and code one after the other: new variables meet old code."""
        life = {"begins": CLAIM.begins.isoformat(), "ends": CLAIM.ends.isoformat()}
        told = {"template": "t", "claims": {"q4": life}, "allow": "any", "limit": None}
        file = tmp_path / "settings.json"
        file.write_text(json.dumps({**told, "thing_type": "coldchain-reefers", "desired": {}}))
        monkeypatch.setattr(hook, "_SETTINGS", file)
        monkeypatch.setenv("CLAIMS", json.dumps({CLAIM_ID: "q4", "ff" * 32: "q1"}))
        hook._settings.cache_clear()
        assert hook._settings().claims == {CLAIM_ID: CLAIM}
        hook._settings.cache_clear()

    def test_a_failure_is_a_no(self, aws: Memory) -> None:
        aws.fails = "create_thing"
        with pytest.raises(TimeoutError):
            _hook(aws, desired={"a": 1})
