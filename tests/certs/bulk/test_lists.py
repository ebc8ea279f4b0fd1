"""Lists: every bad row is named, and nothing is issued; memory does not grow with the list."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # has no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certs import clouds, profiles
from certs.bulk import lists
from certs.bulk.commission import Commission, check, moment
from certs.bulk.duplicates import Fingerprints, fingerprint
from certs.bulk.errors import ListError
from certs.bulk.lists import MAX_LINE, CsvList, ParquetList, Range, Row, of_file
from certs.bulk.rules import Rules
from certs.bulk.survey import Survey
from certs.bulk.template import Design


@pytest.fixture
def survey(commissioned: Any, pki: Any) -> Any:
    def run(source: Any, **changes: Any) -> Survey:
        return check(commissioned(source, **changes), pki.oslo_signer, None, moment()).survey

    return run


def csv(tmp_path: Path, text: str | bytes) -> CsvList:
    path = tmp_path / "devices.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return CsvList(path)


def faults(call: Any) -> list[str]:
    with pytest.raises(ListError) as caught:
        call()
    assert str(caught.value).endswith("nothing was issued")
    return list(caught.value.faults)


def test_a_csv_list(tmp_path: Path, survey: Any) -> None:
    text = '\ufeffline,registration_id\r\n1,reefer-1\r\n\r\n2,"reefer-2"\r\n'
    source = csv(tmp_path, text)
    assert [(row.at, row.registration_id) for row in source.rows()] == [(2, "reefer-1"), (4, "reefer-2")]
    found = survey(source)
    assert (found.count, found.first, found.shapes) == (2, "reefer-1", {("", 8)})


def test_a_parquet_list(tmp_path: Path, survey: Any) -> None:
    path = tmp_path / "devices.parquet"
    pq.write_table(pa.table({"more": [1, 2], "registration_id": ["reefer-1", "reefer-2"]}), path)
    source = of_file(path)
    assert isinstance(source, ParquetList)
    assert [row.at for row in source.rows()] == [1, 2]
    assert survey(source).count == 2


def test_every_bad_row_of_a_parquet_list_is_named(tmp_path: Path, survey: Any) -> None:
    path = tmp_path / "devices.parquet"
    pq.write_table(pa.table({"registration_id": ["a", None, "A", "b b"]}), path)
    told = "\n".join(faults(lambda: survey(ParquetList(path))))
    assert "row 2: is empty" in told
    assert "row 3: 'A' is there already, at row 1" in told
    assert "row 4: registration id 'b b'" in told


@pytest.mark.parametrize("column", [{"id": ["a"]}, {"registration_id": [1]}])
def test_a_parquet_file_without_ids(tmp_path: Path, survey: Any, column: Any) -> None:
    path = tmp_path / "devices.parquet"
    pq.write_table(pa.table(column), path)
    assert faults(lambda: survey(ParquetList(path)))
    path.write_bytes(b"no parquet")
    assert "cannot be read" in faults(lambda: survey(ParquetList(path)))[0]


def test_a_range() -> None:
    found = [(row.at, row.registration_id) for row in Range("reefer-{:04d}", 3, 9).rows()]
    assert found == [(9, "reefer-0009"), (10, "reefer-0010"), (11, "reefer-0011")]
    assert [row.registration_id for row in Range("{}", 2).rows()] == ["1", "2"]


@pytest.mark.parametrize(
    "pattern", ["reefer", "{}{}", "{0.__class__}", "{:x}", "{!r}", "{name}", "{:06d", "{:d}{"]
)
def test_a_pattern_that_is_none(pattern: str) -> None:
    assert "one place for the number" in faults(lambda: Range(pattern, 1))[0]


def test_every_bad_row_is_named_and_nothing_is_issued(tmp_path: Path, survey: Any) -> None:
    rows = ["reefer-1", "bad id", "Reefer-1", "x" * 65, "a\x07b", '""', "good", "reefer-1", "ok,too"]
    source = csv(tmp_path, "registration_id\n" + "\n".join(rows) + "\n")
    told = faults(lambda: survey(source))
    assert [fault.partition(":")[0] for fault in told] == [
        "line 3",
        "line 5",
        "line 6",
        "line 7",
        "line 4",
        "line 9",
    ]
    assert told[-2] == "line 4: 'Reefer-1' is there already, at line 2"
    assert "\\x07" in told[2]


def test_bytes_that_are_not_utf8_are_named(tmp_path: Path, survey: Any) -> None:
    told = faults(lambda: survey(csv(tmp_path, b"registration_id,site\na,Troms\xf8\nb,Oslo\n\xff,x\n")))
    assert told == ["line 4: is not UTF-8"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no column registration_id"),
        ("id\na\n", "has no column registration_id"),
        ("registration_id,registration_id\na,b\n", "twice"),
        ("registration_id\n", "it is empty"),
        ("a,registration_id\nx\n", "line 2: has 1 columns only"),
        ('registration_id\n"a"b\n', "line 2: is no CSV"),
        ("registration_id\n" + "a" * (MAX_LINE + 1), "is this a list?"),
    ],
)
def test_files_that_are_no_lists(tmp_path: Path, survey: Any, text: str, told: str) -> None:
    assert told in "\n".join(faults(lambda: survey(csv(tmp_path, text))))


def test_a_file_that_is_not_there(tmp_path: Path, survey: Any) -> None:
    assert "No such file" in faults(lambda: survey(CsvList(tmp_path / "none.csv")))[0]


def test_many_faults_are_counted_and_the_first_are_shown(tmp_path: Path, survey: Any) -> None:
    text = "registration_id\n" + "bad id\n" * 1500
    with pytest.raises(ListError, match="and 500 more") as caught:
        survey(csv(tmp_path, text))
    assert (caught.value.count, len(caught.value.faults)) == (1500, 1000)


def test_ids_that_have_a_certificate_already(survey: Any) -> None:
    told = faults(lambda: survey(Range("r-{}", 5), issued=lambda: iter(["x", "R-3", "r-5"])))
    assert told == [f"number {n}: 'r-{n}' has a certificate already" for n in (3, 5)]


def test_what_a_cloud_would_refuse_is_refused_a_row_at_a_time(tmp_path: Path, survey: Any) -> None:
    source = csv(tmp_path, "registration_id\nreefer-1\nreefer.2\n")
    told = faults(lambda: survey(source, whose=(clouds.AWS,)))
    assert len(told) == 1
    assert told[0].startswith("line 3: registration id 'reefer.2': AWS IoT would refuse it")


def test_a_gateways_id_has_less_room(pki: Any) -> None:
    valid = (moment(), moment())
    rules = Rules(Design(profiles.GATEWAY, pki.oslo, valid))
    extra = len(" edge CA")
    assert list(rules.faults("g" * (64 - extra))) == []
    assert list(rules.faults("g" * (65 - extra)))


def test_a_servers_id_is_its_hosts_name(pki: Any) -> None:
    rules = Rules(Design(profiles.SERVER, pki.oslo, (moment(), moment())))
    assert "10.0.0.1" in "".join(rules.faults("10.0.0.1"))
    assert list(rules.faults("a_b"))


def test_fingerprints_find_what_is_twice() -> None:
    ours, theirs = Fingerprints(), Fingerprints()
    for name in ("a", "b", "A", "c"):
        ours.add(name)
    theirs.add("C")
    assert ours.repeated() == {fingerprint("a")}
    assert ours.common(theirs) == {fingerprint("c")}


MEMORY = """
import resource, sys
from certs.bulk.duplicates import Fingerprints
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = Fingerprints()
for number in range(1_000_000):
    found.add(f"reefer-{number:07d}")
assert not found.repeated()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_million_ids_take_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 24  # MiB


@given(data=st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_rows_or_a_list_error(data: bytes) -> None:
    for text in (data, b"registration_id\n" + data, b"csr,registration_id\n" + data):
        try:
            rows = list(lists.parse(io.BytesIO(text), ("registration_id",), "here"))
        except ListError:
            continue
        assert all(len(values) == 1 or fault for _, values, fault in rows)


def test_a_commission_names_what_is_wrong_with_itself(commissioned: Any, pki: Any) -> None:
    for changes, told in (
        ({"recipient": "age1nonsense"}, "no age recipient"),
        ({"recipient": ""}, "no age recipient"),
        ({"batch": 0}, "1 to 4096"),
        ({"days": 0}, "0 days"),
        ({"days": 9999}, "ask for at most"),
    ):
        made: Commission = commissioned(**changes)
        with pytest.raises(Exception, match=told):
            check(made, pki.oslo_signer, None, moment())


def test_rows_are_plain() -> None:
    assert Row(1, "a") == (1, "a", None, "")
