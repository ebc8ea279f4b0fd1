"""What a file may be: every fault of the whole stops everything, every fault of a row stops that row."""

from __future__ import annotations

import base64
import csv
import io
import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as arrow  # type: ignore[import-untyped]  # it comes without types
import pyarrow.parquet as parquet  # type: ignore[import-untyped]  # as above
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from provider.errors import InitFailedError
from provider.handlers import manifests, tpm, twins
from provider.manifest import certificates
from provider.manifest.certificates import CellError
from provider.manifest.entries import Entry, Refusal, entry
from provider.manifest.errors import ChangedFileError, UnreadableFileError
from provider.manifest.records import Record, table
from provider.manifest.settings import Settings

KEY = ec.generate_private_key(ec.SECP256R1())
TODAY = datetime(2026, 11, 22, tzinfo=UTC)
DEFAULTS = Settings(
    "fridges",
    "symmetricKey",
    tags={"line": "reefer", "site": {"floor": 1}},
    rules={"endorsement_key": tpm.endorsement_key, "tags": twins.tags, "desired": twins.desired},
)


def leaf(*names: str, days: int = 30, ca: bool = False) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name) for name in names])
    ends = TODAY + timedelta(days=days)
    return (
        x509.CertificateBuilder(subject, subject, KEY.public_key(), x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=365))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .sign(KEY, hashes.SHA256())
    )


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def der64(certificate: x509.Certificate) -> str:
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def endorsement_key() -> str:
    public = struct.pack(">HHIH", 1, 0x000B, 0x000300B2, 32) + bytes(32)
    public += struct.pack(">HHHHHIH", 0x0006, 128, 0x0043, 0x0010, 2048, 0, 256) + b"\x80" * 256
    return base64.b64encode(struct.pack(">H", len(public)) + public).decode()


def as_csv(*lines: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


@pytest.mark.parametrize(
    ("text", "attestation", "said"),
    [
        ("", "symmetricKey", ["line 1: it holds nothing"]),
        ("device_id\nd\n", "symmetricKey", ["line 1: column registration_id is missing"]),
        (
            "registration_id\nf-1\n",
            "x509",
            ["column certificate is missing; rows that attest by x509 need it"],
        ),
        ("registration_id\nf-1\n", "tpm", ["column endorsement_key is missing"]),
        ("registration_id,Certifcate\n", "symmetricKey", ["Certifcate", "did you mean certificate?"]),
        ("registration_id,enabled,enabled\n", "symmetricKey", ["column enabled comes 2 times"]),
        ("registration_id,tags.a,tags.a.b\n", "symmetricKey", ["columns tags.a and tags.a.b say the same"]),
        ("registration_id,tags.$a\n", "symmetricKey", ['no column "tags.$a"']),
        ("registration_id,enabled\nf-1\n", "symmetricKey", ["line 2: has 1 cells; 2"]),
        ('registration_id\nf-1\n"f-2\nf-3\n', "symmetricKey", ["line 3: is no CSV"]),
        ('registration_id\nf-1\nf"2"\n"f"3\n', "symmetricKey", ["line 4: is no CSV"]),
        (b"registration_id\nf-1\nf\xe5-2\n", "symmetricKey", ["line 3: is no UTF-8 (byte 0xe5 at column 2)"]),
        (b"\xff\xferegistration_id\n", "symmetricKey", ["line 1: is no UTF-8"]),
        (
            "registration_id\nf-1\nf-2\nF-1\nf-2\nf-3\nf-2\n",
            "symmetricKey",
            ["line 2: f-1 comes 2 times (lines 2, 4)", "line 3: f-2 comes 3 times (lines 3, 5, 7)"],
        ),
    ],
)
def test_faults_of_the_whole_file_are_named_and_nothing_is_sent(
    handler: Any, write: Any, dps: Any, text: str, attestation: str, said: list[str]
) -> None:
    inputs = handler.state(handler.check(write(text, attestation=attestation)).inputs, {}).inputs
    for attempt in (partial(handler.notices, None), handler.create):
        with pytest.raises(UnreadableFileError) as raised:
            attempt(inputs)
        assert "nothing was sent" in str(raised.value)
        for text in said:
            assert text in str(raised.value)
    assert dps.calls["bulk"] == 0


def test_a_common_name_that_differs_says_that_the_rows_have_slid(handler: Any, write: Any, dps: Any) -> None:
    text = as_csv(
        ("registration_id", "certificate"),
        ("f-1", pem(leaf("f-1"))),
        ("f-2", der64(leaf("f-3"))),
        ("f-3", der64(leaf("f-2"))),
    )
    lines = text.count("\n", 0, text.index("f-2,")) + 1
    with pytest.raises(UnreadableFileError) as raised:
        handler.create(handler.state(handler.check(write(text, attestation="x509")).inputs, {}).inputs)
    assert f"line {lines}: f-2: certificate its CN is f-3; the registration id f-2 would be right" in str(
        raised.value
    )
    assert f"line {lines + 1}: f-3: " in str(raised.value)
    assert dps.calls["bulk"] == 0


def test_faults_of_rows_are_named_and_the_rest_goes_through(handler: Any, write: Any, dps: Any) -> None:
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    rows = [
        (
            "registration_id",
            "attestation",
            "certificate",
            "endorsement_key",
            "enabled",
            "tags.site",
            "desired.n",
        ),
        ("f-1", "x509", der64(leaf("F-1")), "", "", "oslo", "60"),
        ("f-2", "x509", der64(leaf("f-2", days=-1)), "", "", "", ""),
        ("f-3", "x509", der64(leaf("f-3", ca=True)), "", "", "", ""),
        ("f-4", "x509", "bm9uc2Vuc2U=", "", "", "", ""),
        ("f-5", "x509", key, "", "", "", ""),
        ("f-6", "x509", "", "", "maybe", "", ""),
        ("f-7", "tpm", "", "bm8gcHVibGlj", "", "", ""),
        ("f-8", "tpm", "", endorsement_key(), "false", "", "[1, 2]"),
        ("-f9", "", "", "", "", "", ""),
        ("f-10", "symmetricKey", der64(leaf("f-10")), "", "", "", ""),
        ("f-11", "password", "", "", "", "", ""),
        ("f-12", "symmetricKey", "", "", "", "x" * 5000, ""),
        ("f-13", "symmetricKey", "", "", "TRUE", "0060", '"0060"'),
    ]
    given = handler.check(write(as_csv(*rows))).inputs
    with pytest.raises(InitFailedError) as raised:
        handler.create(handler.state(given, {}).inputs)
    (text,) = raised.value.reasons
    for said in (
        "line 3: f-2: certificate expired on 2026-11-21",
        "line 4: f-3: certificate is a CA's",
        "line 5: f-4: certificate is no X.509 certificate",
        "line 6: f-5: certificate holds a private key",
        'f-6: certificate is missing; a row that attests by x509 needs it; enabled is "maybe"; true or false',
        "f-7: endorsement_key: ",
        'registration_id is "-f9"; up to 128 letters',
        "f-10: certificate is given, and the row attests by symmetricKey",
        'f-11: attestation is "password"',
        "f-12: tags site is a text of 5000 bytes",
    ):
        assert said in text, text
    assert "PRIVATE" not in text
    assert key[40:60] not in text
    assert dps.ids() == {"f-1", "f-8", "f-13"}
    first, eighth, last = (dps.enrollments[name] for name in ("f-1", "f-8", "f-13"))
    assert first["attestation"]["x509"]["clientCertificates"]["primary"]["certificate"] == pem(leaf_of(first))
    assert first["initialTwin"] == {"tags": {"site": "oslo"}, "properties": {"desired": {"n": 60}}}
    assert eighth["attestation"] == {"type": "tpm", "tpm": {"endorsementKey": endorsement_key()}}
    assert eighth["provisioningStatus"] == "disabled"
    assert eighth["initialTwin"]["properties"]["desired"] == {"n": [1, 2]}
    assert last["initialTwin"] == {"tags": {"site": "0060"}, "properties": {"desired": {"n": "0060"}}}


def leaf_of(document: dict[str, Any]) -> x509.Certificate:
    slot = document["attestation"]["x509"]["clientCertificates"]["primary"]
    return x509.load_pem_x509_certificate(slot["certificate"].encode())


def test_a_file_that_changed_after_it_was_hashed_is_refused(handler: Any, write: Any, rows: Any) -> None:
    inputs = write(rows(1, 2))
    assert handler.check(inputs).faults == ()
    Path(inputs["file"]).write_text(rows(1, 2, 3))
    (fault,) = handler.check(inputs).faults
    assert fault.path == "contentHash"
    assert "is not the file that the program read" in fault.reason
    with pytest.raises(ChangedFileError):
        handler.create(handler.state(inputs, {}).inputs)
    (fault,) = handler.check({**inputs, "file": inputs["file"].replace("fridges", "vans")}).faults
    assert "cannot be opened: No such file" in fault.reason
    (fault,) = handler.check({**inputs, "file": "fridges.xlsx"}).faults
    assert ".csv or .parquet" in fault.reason


def test_the_rows_may_not_change_between_the_look_and_the_sending(
    handler: Any, write: Any, rows: Any, dps: Any
) -> None:
    inputs = write(rows(*range(2000)))
    path = Path(inputs["file"])

    def meddle(number: int) -> None:
        if number == 1:
            path.write_text(path.read_text().replace("fridge-19", "fridge-x"))

    dps.before = meddle
    with pytest.raises(ChangedFileError, match="the file was changed while it was read"):
        handler.create(handler.state(handler.check(inputs).inputs, {}).inputs)
    assert not any("x" in name for name in dps.ids())


def test_parquet_says_the_same_as_csv(handler: Any, life: Any, write: Any, dps: Any, tmp_path: Path) -> None:
    der = leaf("f-1").public_bytes(Encoding.DER)
    columns = {
        "registration_id": ["f-1", "f-2"],
        "attestation": ["x509", None],
        "certificate": [der, None],
        "enabled": [True, False],
        "tags": [{"site": "oslo", "floor": None}, {"site": None, "floor": 3}],
        "desired.n": [60, None],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "made.parquet")
    one = life(handler)
    one.create(write((tmp_path / "made.parquet").read_bytes(), "fridges.parquet"))
    first, second = dps.enrollments["f-1"], dps.enrollments["f-2"]
    assert leaf_of(first).public_bytes(Encoding.DER) == der
    assert first["initialTwin"] == {"tags": {"site": "oslo"}, "properties": {"desired": {"n": 60}}}
    assert second["initialTwin"]["tags"] == {"floor": 3}
    assert second["provisioningStatus"] == "disabled"
    with pytest.raises(UnreadableFileError, match="is no Parquet"):
        handler.create(handler.state(write(b"PAR1nothing", "vans.parquet"), {}).inputs)


def test_the_twin_of_a_row_lies_over_the_resource_s() -> None:
    made = entry(
        Record(2, {"registration_id": "f-1", "tags.site.room": "7b", "desired": '{"n": {"m": 1}}'}), DEFAULTS
    )
    assert isinstance(made, Entry)
    assert made.document["initialTwin"] == {
        "tags": {"line": "reefer", "site": {"floor": 1, "room": "7b"}},
        "properties": {"desired": {"n": {"m": 1}}},
    }


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"tags": "[1]"}, "tags is no JSON object"),
        ({"tags": "{"}, "tags is no JSON"),
        ({"tags": '{"a": NaN}'}, "tags is no JSON"),
        ({"tags": '{"a.b": 1}'}, "the key 'a.b' may not"),
        ({"desired.a": '"\\ud800"'}, "desired has half a character"),
        ({"desired.a": datetime(2026, 1, 1, tzinfo=UTC)}, "the type datetime"),
        ({"tags": {"a": float("nan")}}, "the number nan"),
        ({"tags.a": "1e999"}, "the number inf"),
        ({"tags.a": "4503599627370497"}, "outside -2^52 to 2^52"),
        (
            {"desired": '{"a": "' + "x" * 4096 + '", "b": ' + str(["y" * 4000] * 8).replace("'", '"') + "}"},
            "over the",
        ),
    ],
)
def test_a_twin_that_no_hub_takes_is_refused(cells: dict[str, Any], said: str) -> None:
    made = entry(Record(2, {"registration_id": "f-1", **cells}), DEFAULTS)
    assert isinstance(made, Refusal)
    assert said in made.reason


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "certificate",
                "enabled",
                "tags",
                "desired.a",
                "device_id",
                "attestation",
                "endorsement_key",
                "iot_edge",
            ]
        ),
        st.one_of(
            st.text(),
            st.binary(),
            st.integers(),
            st.floats(),
            st.none(),
            st.dictionaries(st.text(), st.text()),
            st.sampled_from(["x509", "tpm", "true", "{}", "MIIB"]),
        ),
    ),
    st.one_of(st.text(), st.integers(), st.just("f-1")),
)
@settings(max_examples=300, deadline=None)
def test_no_row_breaks_the_reading(cells: dict[str, Any], name: Any) -> None:
    made = entry(
        Record(
            2, {"registration_id": name, **{key: cell for key, cell in cells.items() if cell is not None}}
        ),
        DEFAULTS,
    )
    if isinstance(made, Refusal):
        assert made.reason
    else:
        assert made.key == name.lower()
        assert entry(Record(9, {"registration_id": name, **cells}), DEFAULTS).line == 9


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_no_certificate_breaks_the_looking(data: bytes) -> None:
    fault = certificates.fault(data, "f-1", TODAY)
    assert fault is not None
    assert fault.reason.startswith("is no X.509 certificate")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_certificate_with_other_bytes_is_a_fault_or_a_certificate(data: st.DataObject) -> None:
    whole = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    fault = certificates.fault(bytes(whole), "f-1", TODAY)
    assert fault is None or fault.reason


_GOOD = leaf("f-1").public_bytes(Encoding.DER)


def test_a_serial_below_one_is_no_certificates() -> None:
    at = _GOOD.index(b"\xa0\x03\x02\x01\x02\x02") + 7  # the serial's first byte
    negative = _GOOD[:at] + b"\x80" + _GOOD[at + 1 :]
    fault = certificates.fault(negative, "f-1", TODAY)
    assert fault is not None
    assert fault.reason.startswith("is no X.509 certificate")


@given(st.text())
def test_no_cell_breaks_the_search_for_a_certificate(text: str) -> None:
    with suppress(CellError):
        assert isinstance(certificates.der(text), bytes)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_the_reading_of_csv(tmp_path_factory: Any, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "any.csv"
    path.write_bytes(data)
    with suppress(UnreadableFileError), table(path) as opened:
        assert all(record.line > 1 for record in opened.records)


def test_names_of_manifests_come_from_the_file_or_the_program(handler: Any, write: Any, rows: Any) -> None:
    inputs = handler.check(write(rows(1), "Vans of 2026.csv")).faults
    assert [each.path for each in inputs] == ["manifestName"]
    given = handler.check(write(rows(1), manifestName="vans")).inputs
    assert handler.resource_id(handler.state(given, {}).inputs).endswith("/manifests/vans")
    moved = {**given, "file": given["file"].replace("fridges", "others")}
    assert not any(each.replaces for each in handler.diff(given, {"rows": 1, "accepted": 1}, given).changes)
    old = handler.state(given, {}).inputs
    assert handler.replaced(old, handler.state(moved, {}).inputs) == {}
    renamed = handler.state({**given, "manifestName": "lorries"}, {}).inputs
    assert handler.replaced(old, renamed) == {"manifestName": manifests.ADDRESS}
