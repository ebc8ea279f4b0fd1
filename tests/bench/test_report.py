"""docs/benchmarks.md keeps what was not measured again, and what was measured at full size."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import __main__, report


def test_a_section_is_replaced_and_the_others_stay_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.md"
    report.write({"soak": "## Soak\n", "preview": "## Preview\n"}, file=file)
    report.write({"soak": "## Soak again\n"}, file=file)
    assert [it.text for it in report.read(file.read_text()).values()] == ["## Preview\n", "## Soak again\n"]
    assert file.read_text().startswith("# Benchmarks\n")


def test_a_quick_measurement_does_not_replace_a_full_one(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.md"
    report.write({"manifest": "a million\n"}, full=True, file=file)
    report.write({"manifest": "a few\n"}, file=file)
    assert report.read(file.read_text()) == {"manifest": report.Section("a million\n", is_full=True)}
    report.write({"manifest": "a million again\n"}, full=True, file=file)
    assert report.read(file.read_text())["manifest"].text == "a million again\n"


def test_a_table_has_as_many_columns_as_its_head() -> None:
    text = report.section("Runs", "How.", "seconds | rows", [("made", "1 | 2")], "Good.")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert [row.count("|") for row in rows] == [4, 4, 4]
    assert text.startswith("## Runs\n\nHow. 20")


def test_the_report_in_the_repository_can_be_read() -> None:
    sections = report.read(report.REPORT.read_text())
    assert set(sections) <= set(report.ORDER)
    assert {"preview", "provisioning", "soak"} <= set(sections)


def test_a_section_without_a_place_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "benchmarks.md"
    with pytest.raises(ValueError, match="no place for novel"):
        report.write({"novel": "## Novel\n"}, file=file)
    assert not file.exists()


def test_every_measurement_has_a_place() -> None:
    assert {*__main__._SECTIONS, "soak"} == set(report.ORDER)
