"""`pulumi import` as a person runs it: what somebody made by hand is taken over, with code to paste."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import Service, Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]

TOKEN = "muster:dps:EnrollmentGroup"
NAME = "imported"
TAGS = {"line": 'reefer ${north} "1" \\ ü', "doors": [1, 2.5, True]}


@dataclass(frozen=True)
class Imported:
    """What one `pulumi import` printed, and the resource that it left in the state."""

    stdout: str
    state: dict[str, object]


@pytest.fixture(scope="module")
def foreign_group(stack: Workspace, service: Service) -> Iterator[str]:
    """A group that somebody made by hand; its import id."""
    known = service.group("reefers")
    root = (stack.state / "pki" / "root.pem").read_text()
    body = {key: known[key] for key in ("iotHubs", "allocationPolicy", "reprovisionPolicy")}
    body |= {
        "attestation": {"type": "x509", "x509": {"signingCertificates": {"primary": {"certificate": root}}}}
    }
    body |= {"initialTwin": {"tags": TAGS, "properties": {"desired": {}}}}
    service.put_group(NAME, body | {"enrollmentGroupId": NAME, "provisioningStatus": "enabled"})
    yield f"{stack.outputs()['dpsHost']}/{NAME}"
    service.delete_group(NAME)


@pytest.fixture(scope="module")
def imported(stack: Workspace, foreign_group: str) -> Iterator[Imported]:
    """The group, imported without protection; the state forgets it afterwards."""
    options = ("-s", "local", "--yes", "--protect=false", "--non-interactive")
    done = stack.pulumi("import", TOKEN, NAME, foreign_group, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    exported = json.loads(stack.pulumi("stack", "export", "-s", "local").stdout)
    [state] = [it for it in exported["deployment"]["resources"] if it["urn"].endswith(f"{TOKEN}::{NAME}")]
    yield Imported(done.stdout, state)
    forgotten = stack.pulumi("state", "delete", state["urn"], "-s", "local", "--yes", "--non-interactive")
    assert forgotten.returncode == 0, forgotten.stdout + forgotten.stderr


def test_the_group_is_in_the_state(imported: Imported) -> None:
    outputs = imported.state["outputs"]
    assert isinstance(outputs, dict)
    assert outputs["enrollmentGroupId"] == NAME
    assert outputs["initialTwin"]["tags"] == TAGS
    assert outputs["etag"]


def test_the_code_to_paste_is_announced(imported: Imported) -> None:
    assert "Please copy the following code into your Pulumi application" in imported.stdout
    assert "EnrollmentGroup(" in imported.stdout


@pytest.fixture
def pasted(stack: Workspace, imported: Imported) -> Iterator[None]:
    """The program with the printed code at its end."""
    if not json.loads((stack.root / ".tools" / "engine.json").read_text())["built"]:
        pytest.skip("an official engine brings its own language host, which knows no components/muster.py")
    program = stack.root / "__main__.py"
    before = program.read_text()
    start = imported.stdout.index("from components.muster import")
    program.write_text(f"{before}\n\n{imported.stdout[start:]}")
    yield
    program.write_text(before)


@pytest.mark.usefixtures("pasted")
def test_the_code_declares_what_is_there(stack: Workspace) -> None:
    preview = stack.pulumi("preview", "-s", "local", "--expect-no-changes", "--non-interactive")
    assert preview.returncode == 0, preview.stdout + preview.stderr
