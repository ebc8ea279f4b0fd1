"""`muster preview --offline`: every stack of the project by the real engine, without an account or a key."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.one_cloud import Cloud, alone
from bench.workspace import PROJECT, lay_out
from cli.local import scratch
from fleet import load_stack

STACKS = ("local", "dev", "staging", "prod")
CLOUDS: tuple[Cloud, ...] = ("azure", "aws")
ELSEWHERE = {"AWS_PROFILE": "of-other-work", "AWS_REGION": "us-east-1", "AZURE_TENANT_ID": "of-other-work"}
"""What a person's environment may hold for other accounts; none of it counts offline."""
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def _preview(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    foreign = ("PULUMI_", "AZURE_", "ARM_", "AWS_", "MUSTER_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    command = [str(Path(sys.executable).with_name("muster")), "preview", *arguments]
    environment = kept | {"NO_COLOR": "1"} | ELSEWHERE
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as a CI machine has it: no certificates, no state."""
    root = tmp_path_factory.mktemp("clone")
    lay_out(root)
    return root


@pytest.fixture(scope="module")
def previewed(project: Path) -> dict[str, Any]:
    """All four stacks, previewed once on one local cloud."""
    options = [option for stack in STACKS for option in ("-s", stack)]
    done = _preview(project, *options, "--offline", "--json")
    assert done.returncode == 0, done.stderr
    stacks: dict[str, Any] = json.loads(done.stdout)["stacks"]
    return stacks


def test_there_are_these_stacks() -> None:
    files = {path.name for path in (PROJECT / "stacks").glob("Pulumi.*.yaml")}
    assert files == {f"Pulumi.{stack}.yaml" for stack in STACKS}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.xdist_group("previews")
def test_each_stack_can_be_previewed_without_an_account(previewed: dict[str, Any], stack: str) -> None:
    result = previewed[stack]
    assert result["sound"] is True
    assert set(result["changes"]) == {"create"}
    assert len(result["resources"]) >= 15
    assert {each["operation"] for each in result["resources"]} == {"create"}
    described = load_stack(PROJECT / "stacks" / f"Pulumi.{stack}.yaml")
    hubs = [each for each in result["resources"] if each["type"] == "azure-native:iothub:IotHubResource"]
    assert len(hubs) == len(described.on_azure.hubs)
    policies = {each["name"] for each in result["resources"] if each["type"] == "muster:aws:DevicePolicy"}
    assert policies >= {f"{described.name}-aws-{key}-policy" for key in described.groups}


@pytest.mark.xdist_group("previews")
def test_only_what_the_stack_wants_is_there(previewed: dict[str, Any]) -> None:
    def types(stack: str) -> set[str]:
        return {each["type"] for each in previewed[stack]["resources"]}

    assert "azure-native:monitor:DiagnosticSetting" not in types("dev") | types("local")
    assert "azure-native:monitor:DiagnosticSetting" in types("staging") & types("prod")
    assert "azure-native:monitor:MetricAlert" in types("prod") - types("staging")


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("previews of one cloud")
def test_each_stack_can_be_previewed_with_either_cloud_alone(project: Path, tmp_path: Path) -> None:
    clone = _clone(project, tmp_path / "clone")
    for stack in STACKS:
        for cloud in CLOUDS:
            document = yaml.safe_load((PROJECT / "stacks" / f"Pulumi.{stack}.yaml").read_text())
            file = clone / "stacks" / f"Pulumi.{stack}-{cloud}.yaml"
            file.write_text(yaml.safe_dump(alone(document, cloud), sort_keys=False))
    names = [f"{stack}-{cloud}" for stack in STACKS for cloud in CLOUDS]
    options = [option for name in names for option in ("-s", name)]
    done = _preview(clone, *options, "--offline", "--json")
    assert done.returncode == 0, done.stderr
    for name, result in json.loads(done.stdout)["stacks"].items():
        other = ("azure-native:", "muster:azure:", "muster:dps:", "muster:hub:")
        if name.endswith("-azure"):
            other = ("aws:", "aws-native:", "muster:aws:", "pulumi:providers:aws")
        assert result["sound"] is True
        assert not [each for each in result["resources"] if each["type"].startswith(other)]
        assert len(result["resources"]) >= 15


@pytest.mark.xdist_group("previews")
def test_nothing_is_left_behind(project: Path, previewed: dict[str, Any]) -> None:
    assert previewed
    assert not (project / ".muster").exists()
    for stack in STACKS:
        name = f"stacks/Pulumi.{stack}.yaml"
        assert (project / name).read_bytes() == (PROJECT / name).read_bytes()


def _clone(project: Path, into: Path) -> Path:
    into.mkdir()
    for entry in project.iterdir():
        (into / entry.name).symlink_to(entry)
    (into / "stacks").unlink()
    shutil.copytree(project / "stacks", into / "stacks")
    return into


@pytest.mark.xdist_group("previews")
def test_a_stack_that_cannot_be_is_told_and_the_others_are_previewed(project: Path, tmp_path: Path) -> None:
    clone = _clone(project, tmp_path / "clone")
    text = (clone / "stacks" / "Pulumi.dev.yaml").read_text()
    broken = text.replace("allocation: {hubs: [eu-1]}", _CUSTOM)  # which AWS has not
    assert broken != text
    (clone / "stacks" / "Pulumi.broken.yaml").write_text(broken)
    done = _preview(clone, "-s", "broken", "-s", "dev", "--offline", "--json")
    assert done.returncode == 1
    assert "pulumi config set --secret pickKey" in done.stderr
    assert "Traceback" not in done.stderr
    stacks = json.loads(done.stdout)["stacks"]
    assert (stacks["broken"]["sound"], stacks["dev"]["sound"]) == (False, True)


_CUSTOM = """\
clouds: [azure]
        allocation:
          policy: custom
          hubs: [eu-1]
          webhook: {external: {url: https://a.example/pick, keyFrom: pickKey}}
"""


def test_faults_of_a_description_come_before_any_engine(project: Path, tmp_path: Path) -> None:
    clone = _clone(project, tmp_path / "clone")
    (clone / "stacks" / "Pulumi.dev.yaml").write_text("config: {muster:fleet: {name: x}}\n")
    done = _preview(clone, "-s", "dev", "--offline")
    assert done.returncode == 1
    assert "stacks/Pulumi.dev.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_2_and_no_stack_is_1(project: Path) -> None:
    assert _preview(project, "--offline").returncode == 2
    missing = _preview(project, "-s", "nowhere", "--offline")
    assert missing.returncode == 1
    assert "Pulumi.nowhere.yaml" in missing.stderr


def test_the_local_stack_must_be_up_to_be_previewed_online(project: Path) -> None:
    done = _preview(project, "-s", "local")
    assert done.returncode == 1
    assert "muster up" in done.stderr


def test_a_scratch_project_links_into_no_state_and_opens_no_secret(tmp_path: Path) -> None:
    project, root = tmp_path / "project", tmp_path / "scratch"
    for folder in (project / "stacks", project / ".muster" / "local" / "pki", project / "pki" / "dev", root):
        folder.mkdir(parents=True)
    for name in ("Pulumi.yaml", "__main__.py", "pki/README", ".muster/local/secret"):
        (project / name).write_text("kept")
    text = (PROJECT / "stacks" / "Pulumi.dev.yaml").read_text()
    secret = "  muster:key: {secure: AAABAA==}\nencryptionsalt: v1:abc\n"
    (project / "stacks" / "Pulumi.dev.yaml").write_text(text + secret)
    fleet = load_stack(project / "stacks" / "Pulumi.dev.yaml")
    made = scratch.lay_out(project, root, {"dev": fleet})
    copied = (root / "stacks" / "Pulumi.dev.yaml").read_text()
    assert "secure" not in copied
    assert "encryptionsalt" not in copied
    assert load_stack(root / "stacks" / "Pulumi.dev.yaml") == fleet
    assert not (root / ".muster" / "local" / "secret").exists()
    assert (root / "pki" / "README").is_symlink()
    assert "BEGIN CERTIFICATE" in (root / "pki" / "dev" / "root.pem").read_text()
    assert not list((project / "pki" / "dev").iterdir())
    assert made.keys["dev"].is_dir()
