"""Somebody changed a group by hand, and the stack wants something else: neither wins without a word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.e2e.conftest import Service, Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]

GROUP = "reefers"


@pytest.fixture
def edited(stack: Workspace) -> Iterator[None]:
    """The stack's file with another twin; the old one again afterwards, and in the service."""
    file = stack.root / "stacks" / "Pulumi.local.yaml"
    before = file.read_text()
    described = yaml.safe_load(before)
    described["config"]["muster:fleet"]["groups"][GROUP]["twin"]["tags"]["line"] = "by-the-program"
    file.write_text(yaml.safe_dump(described, sort_keys=False))
    yield
    file.write_text(before)
    assert stack.pulumi("refresh", "-s", "local", "--yes", "--non-interactive").returncode == 0
    mended = stack.muster("up", "--devices", "3")
    assert mended.returncode == 0, mended.stdout + mended.stderr


@pytest.mark.usefixtures("edited")
def test_a_change_by_hand_is_a_conflict_that_names_both_sides(stack: Workspace, service: Service) -> None:
    group = service.group(GROUP)
    twin = {"tags": {"line": "by-hand"}, "properties": group["initialTwin"]["properties"]}
    service.put_group(GROUP, group | {"initialTwin": twin}, group["etag"])
    refused = stack.muster("up", "--devices", "3")
    assert refused.returncode == 1
    assert '"by-hand"' in refused.stderr
    assert '"reefer"' in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr
    assert service.group(GROUP)["initialTwin"]["tags"] == {"line": "by-hand"}
