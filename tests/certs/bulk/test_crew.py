"""Processes and a cluster: the same output and the same guarantees as this process alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import distributed
import psutil
import pytest

from certs.bulk.bundle import Bundle
from certs.bulk.cluster import Cluster
from certs.bulk.commission import Commission
from certs.bulk.crew import Alone, Processes
from certs.bulk.errors import ClusterError, StoppedError
from certs.bulk.exports.devices import devices
from certs.bulk.lists import Range
from certs.bulk.run import issue
from certs.bulk.work import KeyAccess
from certs.errors import KeyStoreError
from certs.signers.file import FileSigner
from certs.store import DIRECTORY_VARIABLE

IDS = [f"reefer-{number:03d}" for number in range(1, 21)]


def ids(path: Path) -> list[str]:
    return [record.registration_id for batch in Bundle.batches(path) for record in batch.records]


@pytest.fixture
def access(pki: Any) -> KeyAccess:
    return KeyAccess(pki.directory / "keys", pki.passphrase)


@pytest.mark.parametrize("name", ["devices.bundle", "devices.sqlite"])
def test_two_processes_give_what_one_does(
    name: str, tmp_path: Path, commissioned: Any, pki: Any, access: KeyAccess, line: Any
) -> None:
    path = tmp_path / name
    issue(commissioned(batch=3), pki.oslo_signer, Processes(2, access), path)
    assert ids(path) == IDS
    assert [batch.number for batch in Bundle.batches(path)] == list(range(7))
    found = list(devices(path, line.opener))
    assert len({device.certificate.serial_number for device in found}) == 20
    for device in found:
        device.certificate.verify_directly_issued_by(pki.oslo)


def test_workers_that_cannot_open_the_key_tell_why(tmp_path: Path, commissioned: Any, pki: Any) -> None:
    path = tmp_path / "devices.bundle"
    wrong = KeyAccess(pki.directory / "keys", b"this is the wrong one")
    with pytest.raises(StoppedError, match="passphrase does not open it") as caught:
        issue(commissioned(), pki.oslo_signer, Processes(2, wrong), path)
    assert "wrong one" not in str(caught.value)
    assert not list(Bundle.batches(path, unfinished=True))
    issue(commissioned(), pki.oslo_signer, Alone(), path, resume=True)
    assert ids(path) == IDS


def test_how_a_worker_gets_the_key_is_not_shown(pki: Any) -> None:
    assert pki.passphrase.decode() not in repr(KeyAccess(pki.directory, pki.passphrase))


PARENT = """
import sys
from pathlib import Path
from certs.bulk.crew import Processes
from certs.bulk.lists import Range
from certs.bulk.commission import Commission
from certs.bulk.run import Watch, issue
from certs.bulk.work import KeyAccess
from certs.chain import load_certificate

if __name__ == "__main__":
    pki, out, recipient = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    passphrase = sys.stdin.readline().strip()
    access, oslo = KeyAccess(pki / "keys", passphrase.encode()), load_certificate(pki / "oslo.pem")
    asked = Commission(Range("reefer-{:06d}", 20_000), oslo, recipient, batch=16)
    tell = Watch(progress=lambda done, total: print(done, flush=True))
    issue(asked, access.signer_for(oslo), Processes(2, access), out, watch=tell)
"""


@pytest.fixture
def parent(tmp_path: Path, pki: Any, line: Any) -> Iterator[subprocess.Popen[str]]:
    """A run in two processes that is under way."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), str(pki.directory), str(tmp_path / "a.bundle"), line.recipient]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    assert child.stdout
    child.stdin.write(pki.passphrase.decode() + "\n")
    child.stdin.flush()
    for told in child.stdout:
        if int(told) > 0:
            break
    yield child
    child.kill()
    child.communicate()


def test_a_killed_parent_leaves_no_workers(parent: subprocess.Popen[str]) -> None:
    workers = psutil.Process(parent.pid).children(recursive=True)
    assert len([each for each in workers if "spawn_main" in " ".join(each.cmdline())]) == 2
    parent.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []


def test_a_worker_that_was_killed_ends_the_run_and_leaves_whole_batches(
    parent: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = psutil.Process(parent.pid).children(recursive=True)
    victim = next(each for each in workers if "spawn_main" in " ".join(each.cmdline()))
    victim.send_signal(signal.SIGKILL)
    parent.communicate(timeout=60)
    assert parent.returncode == 1
    whole = Bundle.open(tmp_path / "a.bundle", unfinished=True)
    assert whole.records >= 16
    assert whole.records % 16 == 0


def test_no_argument_and_no_variable_of_a_worker_holds_the_passphrase(
    parent: subprocess.Popen[str], pki: Any
) -> None:
    secret = pki.passphrase.decode()
    for process in (psutil.Process(parent.pid), *psutil.Process(parent.pid).children(recursive=True)):
        assert secret not in " ".join(process.cmdline())
        assert secret not in str(process.environ())


WORKER = "from distributed.cli.dask_worker import main; main()"


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory, pki: Any) -> Iterator[str]:
    """A scheduler and two workers, each a process with the key store in its own environment."""
    folder = tmp_path_factory.mktemp("dask")
    secret = folder / "passphrase"
    secret.write_bytes(pki.passphrase)
    secret.chmod(0o600)
    own = {DIRECTORY_VARIABLE: str(pki.directory / "keys"), "MUSTER_KEY_PASSPHRASE_FILE": str(secret)}
    where = folder / "scheduler.json"
    python = [sys.executable, "-W", "ignore", "-m"]
    begin = [
        *python,
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
    ]
    serve = [*python, "distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([*begin, "--scheduler-file", str(where)], **options)]  # type: ignore[call-overload]
    try:
        for _ in range(2):
            command = [*serve, "--scheduler-file", str(where), "--local-directory", str(folder)]
            processes.append(subprocess.Popen(command, env={**os.environ, **own}, **options))  # type: ignore[call-overload]
        yield _address(where)
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _address(where: Path) -> str:
    for _ in range(600):
        if where.exists() and where.stat().st_size:
            break
        time.sleep(0.1)
    address = str(json.loads(where.read_text())["address"])
    with distributed.Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]  # has no types
        client.wait_for_workers(2, timeout=60)
    return address


@pytest.mark.xdist_group("dask")
class TestCluster:
    @pytest.mark.parametrize("name", ["devices.bundle", "devices.sqlite"])
    def test_a_cluster_of_two_workers_gives_what_one_process_does(
        self, name: str, tmp_path: Path, commissioned: Any, pki: Any, scheduler: str, line: Any
    ) -> None:
        path = tmp_path / name
        issue(commissioned(batch=2), pki.oslo_signer, Cluster(scheduler), path)
        assert ids(path) == IDS
        found = list(devices(path, line.opener))
        assert len({device.certificate.serial_number for device in found}) == 20
        found[-1].certificate.verify_directly_issued_by(pki.oslo)

    def test_what_another_crew_began_the_cluster_goes_on_with(
        self, tmp_path: Path, commissioned: Any, pki: Any, scheduler: str
    ) -> None:
        path = tmp_path / "devices.bundle"
        wrong = Processes(2, KeyAccess(pki.directory / "keys", b"this is the wrong one"))
        with pytest.raises(StoppedError):
            issue(commissioned(), pki.oslo_signer, wrong, path)
        issue(commissioned(), pki.oslo_signer, Cluster(scheduler), path, resume=True)
        assert ids(path) == IDS

    def test_the_same_list_twice_gives_other_keys(
        self, tmp_path: Path, commissioned: Any, pki: Any, scheduler: str
    ) -> None:
        """Dask must not take one run's results for another's."""
        for name in ("a.bundle", "b.bundle"):
            issue(commissioned(), pki.oslo_signer, Cluster(scheduler), tmp_path / name)
        both = [
            {record.serial for batch in Bundle.batches(tmp_path / name) for record in batch.records}
            for name in ("a.bundle", "b.bundle")
        ]
        assert not both[0] & both[1]

    def test_workers_without_the_key_tell_why(
        self, tmp_path: Path, commissioned: Any, scheduler: str, forge: Any
    ) -> None:
        other = forge("other", ca=True)
        asked = Commission(Range("r-{}", 3), other.certificate, commissioned().recipient, days=9)
        with pytest.raises(StoppedError, match="not in the key store"):
            issue(asked, FileSigner(other.key), Cluster(scheduler), tmp_path / "a.bundle")


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1:8786", "tcp://example.com:8786", "http://x", "", "tls://"]
)
def test_past_this_machine_only_tls_is_spoken(address: str) -> None:
    with pytest.raises(ClusterError, match="over TLS"):
        Cluster(address)
    assert Cluster("tls://example.com:8786")
    assert Cluster("tcp://localhost:8786")


def test_no_scheduler_there(
    tmp_path: Path, commissioned: Any, pki: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certs.bulk.cluster._CONNECT_SECONDS", 0.3)
    with pytest.raises(StoppedError, match="no scheduler answers"):
        issue(commissioned(), pki.oslo_signer, Cluster("tcp://127.0.0.1:9"), tmp_path / "a.bundle")


def test_without_dask_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = pytest.raises(ClusterError, match=r"pip install 'muster\[cluster\]'")
    with told, Cluster("tls://example.com:1").at_work(None, None):  # type: ignore[arg-type]
        pass


def test_the_environment_names_the_key_store(pki: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(pki.directory / "keys"))
    monkeypatch.setenv("MUSTER_KEY_PASSPHRASE", pki.passphrase.decode())
    assert KeyAccess(None).signer_for(pki.oslo).public_key() == pki.oslo.public_key()
    monkeypatch.delenv(DIRECTORY_VARIABLE)
    with pytest.raises(KeyStoreError):
        KeyAccess(None).signer_for(pki.oslo)
