"""The Pulumi program as the engine runs it: from configuration to exports, or to one error."""

import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import config, mocks

PROGRAM = Path(__file__).parents[2] / "__main__.py"


@pytest.fixture
def project(tmp_path: Path, pki: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder of its own, and the working directory."""
    shutil.copytree(pki, tmp_path / "pki", ignore=shutil.ignore_patterns("keys"))
    shutil.copy(PROGRAM, tmp_path)
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(project: Path, description: dict[str, Any]) -> Any:
    location = {"azure-native:location": "westeurope"}
    values = {"config": {**location, "muster:fleet": description}}
    (project / "stacks" / "Pulumi.prod.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    config.set_all_config({**location, "muster:fleet": json.dumps(description)})
    exported: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pulumi, "export", exported.__setitem__)

        def program() -> pulumi.Output[Any]:
            runpy.run_path(str(project / "__main__.py"))
            return pulumi.Output.from_input(exported)

        mocks.test(program)()  # type: ignore[no-untyped-call]  # pulumi's
    return exported


def test_a_sound_stack_is_exported(project: Path, description: dict[str, Any], observed: Any) -> None:
    assert set(_run(project, description)) == {"idScope", "dpsHost", "hubs", "groups"}


def test_all_faults_of_a_description_come_as_one_error_with_lines(
    project: Path, description: dict[str, Any], observed: Any
) -> None:
    description["groups"]["reefers"]["attestation"]["x509"]["issuer"] = "osl"
    description["azure"]["hubs"]["eu-1"] = {"unit": 1}
    with pytest.raises(pulumi.RunError) as caught:
        _run(project, description)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("stacks/Pulumi.prod.yaml:") for line in lines[1:])


def test_faults_of_certificates_come_before_anything_is_declared(
    project: Path, description: dict[str, Any], observed: Any
) -> None:
    (project / "pki" / "oslo.pem").unlink()
    with pytest.raises(pulumi.RunError, match=r"identity\.issuers\.oslo"):
        _run(project, description)
    assert observed.resources == []


def test_the_program_stays_short() -> None:
    assert len(PROGRAM.read_text("utf-8").splitlines()) < 40
