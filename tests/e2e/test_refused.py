"""What a person is told when the machine or the local state is not as it should be."""

from __future__ import annotations

import os
import socket

import pytest

from tests.e2e.conftest import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_port_in_use_is_named_with_the_process_that_holds_it(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        refused = workspace.muster("up", "--devices", "1", ports=f"{port},0,0")
    assert refused.returncode == 1
    assert str(port) in refused.stderr
    assert str(os.getpid()) in refused.stderr
    assert "MUSTER_PORTS" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_wrong_passphrase_is_named_and_the_right_one_works_again(workspace: Workspace) -> None:
    assert workspace.muster("up", "--devices", "0").returncode == 0
    passphrase = workspace.state / "key-passphrase"
    right = passphrase.read_text()
    passphrase.write_text("not the right one at all")
    refused = workspace.muster("up", "--devices", "1")
    assert refused.returncode == 1
    assert "No certificate for device reefer-0001" in refused.stderr
    assert "passphrase" in refused.stderr
    assert "Traceback" not in refused.stderr
    passphrase.write_text(right)
    assert workspace.muster("up", "--devices", "1").returncode == 0
