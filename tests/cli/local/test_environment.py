"""What child processes and a person's shell are told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli.local import environment
from cli.local.layout import Layout

SHELLS = [shell for shell in ("sh", "bash", "zsh", "dash") if shutil.which(shell)]


@pytest.fixture
def odd(tmp_path: Path) -> Layout:
    """A project whose path has everything that a shell could trip over."""
    project = tmp_path / 'it\'s a $HOME; `odd` "place"'
    project.mkdir()
    layout = Layout(project)
    layout.create()
    return layout


def test_a_child_never_sees_the_developers_own_cloud_accounts(layout: Layout) -> None:
    given = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "AZURE_CLIENT_SECRET": "mine",
        "ARM_SUBSCRIPTION_ID": "mine",
        "PULUMI_ACCESS_TOKEN": "mine",
        "MUSTER_PROXY": "http://elsewhere:1",
    }
    told = environment.variables(layout, "http://127.0.0.1:5", given)
    assert "mine" not in told.values()
    assert told["MUSTER_PROXY"] == "http://127.0.0.1:5"
    assert told["HOME"] == "/home/me"
    assert told["PATH"] == f"{layout.tools}/bin:{layout.project}/.venv/bin:/bin"


def test_the_credentials_of_the_local_cloud_are_read_once_it_ran(layout: Layout) -> None:
    assert "AZURE_TENANT_ID" not in environment.variables(layout, "http://127.0.0.1:5", {})
    (layout.cloud / "azure.env").write_text("AZURE_TENANT_ID=one\nAZURE_CLIENT_SECRET=a=b'c\n")
    told = environment.variables(layout, "http://127.0.0.1:5", {})
    assert told["AZURE_TENANT_ID"] == "one"
    assert told["AZURE_CLIENT_SECRET"] == "a=b'c"


def sourced(shell: str, layout: Layout, names: list[str]) -> list[str]:
    layout.tools.mkdir(exist_ok=True)
    (layout.tools / "env").write_text(environment.shell_file(layout))
    script = (
        'set -eu; . "$1"; . "$1"; shift; for name in "$@"; do eval "printf \'%s\\n\' \\"\\$$name\\""; done'
    )
    answer = subprocess.run(
        [shell, "-c", script, shell, str(layout.tools / "env"), *names],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "HOME": "/"},
    )
    return answer.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_gets_the_same_also_from_an_odd_folder(shell: str, odd: Layout) -> None:
    (odd.cloud / "azure.env").write_text('AZURE_CLIENT_SECRET=a=b\'c "$d"\n')
    (odd.state / "proxy.env").write_text("MUSTER_PROXY=http://127.0.0.1:7\n")
    expected = environment.variables(odd, "http://127.0.0.1:7", dict(os.environ))
    names = [*environment.fixed(odd), "MUSTER_PROXY", "AZURE_CLIENT_SECRET", "PATH"]
    assert sourced(shell, odd, names) == [expected[name] for name in names]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_can_start_before_the_cloud_ever_ran(shell: str, odd: Layout) -> None:
    assert sourced(shell, odd, ["MUSTER_PROXY"]) == [environment.DEFAULT_PROXY]


def test_the_shell_file_holds_no_secret(layout: Layout) -> None:
    (layout.cloud / "azure.env").write_text("AZURE_CLIENT_SECRET=hush-hush\n")
    layout.pulumi_passphrase.write_text("quiet-quiet")
    text = environment.shell_file(layout)
    assert "hush-hush" not in text
    assert "quiet-quiet" not in text


def test_the_credentials_of_the_local_account_are_read_and_no_file_of_a_persons_own(layout: Layout) -> None:
    given = {"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine", "AWS_ENDPOINT_URL": "mine"}
    (layout.cloud / "aws.env").write_text("AWS_ACCESS_KEY_ID=AKIA1\nAWS_REGION=eu-west-1\n")
    told = environment.variables(layout, "http://127.0.0.1:5", given)
    assert "mine" not in told.values()
    assert told["AWS_ACCESS_KEY_ID"] == "AKIA1"
    assert told["AWS_CONFIG_FILE"] == told["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert told["AWS_EC2_METADATA_DISABLED"] == "true"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_forgets_a_persons_own_aws_account(shell: str, odd: Layout) -> None:
    (odd.cloud / "aws.env").write_text("AWS_ACCESS_KEY_ID=AKIA1\n")
    odd.tools.mkdir(exist_ok=True)
    (odd.tools / "env").write_text(environment.shell_file(odd))
    script = 'set -eu; . "$1"; echo "$AWS_ACCESS_KEY_ID${AWS_PROFILE-none}${AWS_SESSION_TOKEN-none}"'
    answer = subprocess.run(
        [shell, "-c", script, shell, str(odd.tools / "env")],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine"},
    )
    assert answer.stdout == "AKIA1nonenone\n"
