"""The language host: real programs through the real engine, and the calls that the engine makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc
from pulumi.runtime.proto.codegen import hcl_pb2

from engine.language_host import serve

PROJECT = Path(__file__).parents[2]
PULUMI = PROJECT / ".tools" / "bin" / "pulumi"

Pulumi = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pulumi(tmp_path: Path) -> Pulumi:
    """Run the engine on a project of the test's own; `muster setup` puts it where it is expected."""
    (tmp_path / "backend").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environment = kept | {
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": (tmp_path / "backend").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": os.urandom(8).hex(),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        assert PULUMI.exists(), "there is no engine: run `make setup`"
        command = [str(PULUMI), *arguments, "--non-interactive", "--color", "never"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_a_program_runs_with_its_configuration_and_neighbours(pulumi: Pulumi, tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("WORD = 'from beside'\n")
    (tmp_path / "__main__.py").write_text(
        "import pulumi, neighbour\n"
        "print('hello')\n"
        "pulumi.export('word', neighbour.WORD)\n"
        "pulumi.export('number', pulumi.Config().require_int('number'))\n"
        "pulumi.export('hidden', pulumi.Config().require_secret('hidden'))\n"
    )
    assert pulumi("stack", "init", "dev").returncode == 0
    assert pulumi("config", "set", "number", "7").returncode == 0
    assert pulumi("config", "set", "--secret", "hidden", "hush-hush").returncode == 0
    up = pulumi("up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "hello" in up.stdout
    assert "language-python" not in up.stdout + up.stderr
    shown = pulumi("stack", "output").stdout
    assert "from beside" in shown
    assert "7" in shown
    assert "hush-hush" not in shown + up.stdout + pulumi("stack", "export").stdout


def test_a_users_mistake_is_shown_once_and_without_traceback(pulumi: Pulumi, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("import pulumi\nraise pulumi.RunError('line 3: days is 0')\n")
    assert pulumi("stack", "init", "dev").returncode == 0
    preview = pulumi("preview")
    assert preview.returncode != 0
    said = preview.stdout.split("Diagnostics:")[-1] + preview.stderr
    assert said.count("line 3: days is 0") == 1, said
    assert "Traceback" not in said


def test_a_programs_own_fault_shows_its_traceback(pulumi: Pulumi, tmp_path: Path) -> None:
    (tmp_path / "__main__.py").write_text("1 / 0\n")
    assert pulumi("stack", "init", "dev").returncode == 0
    preview = pulumi("preview")
    assert preview.returncode != 0
    assert "ZeroDivisionError" in preview.stdout + preview.stderr


@pytest.fixture
def host() -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    server, port = serve("127.0.0.1:1")
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)
    server.stop(0).wait()


def test_a_plugin_in_python_is_started_and_its_output_passed_on(
    host: language_pb2_grpc.LanguageRuntimeStub, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\nprint('port', sys.argv[1:])\n"
        "print(os.environ['WORD'], file=sys.stderr)\nsys.exit(4)\n"
    )
    request = language_pb2.RunPluginRequest(
        pwd=str(tmp_path), args=["127.0.0.1:9"], env=["WORD=a=b"], kind="resource"
    )
    request.info.program_directory = str(tmp_path)
    answers = list(host.RunPlugin(request))
    assert b"".join(answer.stdout for answer in answers) == b"port ['127.0.0.1:9']\n"
    assert b"".join(answer.stderr for answer in answers) == b"a=b\n"
    assert answers[-1].exitcode == 4


def test_what_the_engine_asks_besides_is_answered(host: language_pb2_grpc.LanguageRuntimeStub) -> None:
    host.Handshake(language_pb2.LanguageHandshakeRequest(engine_address="127.0.0.1:2"))
    info = language_pb2.ProgramInfo()
    assert not host.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=info)).packages
    assert not host.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=info)).dependencies
    installed = list(host.InstallDependencies(language_pb2.InstallDependenciesRequest(info=info)))
    assert b"uv sync" in installed[0].stdout


@pytest.mark.parametrize(
    ("token", "code", "warnings"),
    [
        ("muster:dps:VerifiedCertificate", "from components.muster import VerifiedCertificate\n", 0),
        ("azure-native:resources:ResourceGroup", "# The resource is in the state", 1),
    ],
)
def test_an_import_is_answered_with_code_or_with_a_word_on_why_not(
    host: language_pb2_grpc.LanguageRuntimeStub, token: str, code: str, warnings: int
) -> None:
    source = {"anonymous.pp": f'resource it "{token}" {{\n}}\n'}
    answer = host.GenerateProgram(language_pb2.GenerateProgramRequest(source=source))
    assert answer.source["__main__.py"].decode().startswith(code)
    told = [diagnostic.severity for diagnostic in answer.diagnostics]
    assert told == [hcl_pb2.DIAG_WARNING] * warnings


def start_host() -> subprocess.Popen[str]:
    """Start the host as the engine does, below a shell that stands for the engine; its port has been read."""
    command = f"{sys.executable} -m engine.language_host 127.0.0.1:1 & echo $!; wait"
    parent = subprocess.Popen(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT
    )
    assert parent.stdout is not None
    return parent


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_and_quietly_when_asked(ending: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.language_host", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=PROJECT,
    )
    assert process.stdout is not None
    assert int(process.stdout.readline()) > 0
    process.send_signal(ending)
    said, _ = process.communicate(timeout=4)
    assert (process.returncode, said) == (0, "")


def test_it_ends_when_the_engine_was_killed() -> None:
    engine = start_host()
    assert engine.stdout is not None
    host = psutil.Process(int(engine.stdout.readline()))
    assert int(engine.stdout.readline()) > 0
    engine.kill()
    engine.communicate(timeout=10)
    psutil.wait_procs([host], timeout=10)
    assert not host.is_running()
