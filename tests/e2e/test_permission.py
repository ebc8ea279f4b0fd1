"""`make test-cloud` does nothing until a person has said twice which subscription may be used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.workspace import PROJECT
from tests.e2e.places import CLOUD, SPENDING, SUBSCRIPTION, NoPermissionError, permitted

ONE, OTHER = f"{'1' * 8}-1111-1111-1111-{'1' * 12}", f"{'2' * 8}-2222-2222-2222-{'2' * 12}"


def test_the_same_subscription_twice_is_a_permission() -> None:
    assert permitted({SUBSCRIPTION: ONE, SPENDING: ONE.upper()}) == ONE


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, [SUBSCRIPTION, SPENDING]),
        ({SUBSCRIPTION: ONE}, [SPENDING]),
        ({SUBSCRIPTION: ONE, SPENDING: OTHER}, [SPENDING]),
        ({SUBSCRIPTION: ONE, SPENDING: "yes"}, [SPENDING]),
        ({SUBSCRIPTION: "my subscription", SPENDING: "my subscription"}, [SUBSCRIPTION]),
    ],
)
def test_anything_less_is_none_and_all_that_is_missing_is_named(
    given: dict[str, str], missing: list[str]
) -> None:
    with pytest.raises(NoPermissionError) as refused:
        permitted(given)
    text = str(refused.value)
    assert [name for name in (SUBSCRIPTION, SPENDING) if f"- {name}" in text] == missing
    assert "cost" in text
    assert "docs/testing.md" in text


def test_without_it_not_one_test_runs() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", "tests/e2e"]
    asked = subprocess.run(
        command, cwd=PROJECT, env={CLOUD: "1", "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert asked.returncode == pytest.ExitCode.USAGE_ERROR
    assert SPENDING in asked.stderr + asked.stdout


def test_with_it_only_those_run_that_azure_can_run() -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", "tests/e2e"]
    permission = {CLOUD: "1", SUBSCRIPTION: ONE, SPENDING: ONE, "PATH": ""}
    asked = subprocess.run(command, cwd=PROJECT, env=permission, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    chosen = {line.partition("::")[0] for line in asked.stdout.splitlines() if "::" in line}
    assert chosen == {
        f"tests/e2e/test_{name}.py" for name in ("enrolment", "enrolment_refused", "manifest_killed")
    }
    assert "answers_late" not in asked.stdout
