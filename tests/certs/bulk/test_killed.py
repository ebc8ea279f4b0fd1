"""`kill -9` at random moments: after each resume the result is what it would have been without.

MUSTER_KILLS says how many (25 in `make test`); hundreds take a minute.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from certs.bulk.bundle import Bundle
from certs.life.books import Books

KILLS = int(os.environ.get("MUSTER_KILLS", "25"))
KILLER = Path(__file__).with_name("killer.py")


@pytest.mark.timeout(120 + 10 * KILLS)
@pytest.mark.parametrize("name", ["devices.bundle", "devices.sqlite"])
def test_killed_at_any_moment_the_result_is_the_same(name: str, tmp_path: Path, pki: Any, line: Any) -> None:
    out = tmp_path / name
    command = [sys.executable, str(KILLER), str(pki.directory), str(out), line.recipient, str(KILLS)]
    done = subprocess.run(
        command, input=pki.passphrase.decode() + "\n", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    print(name, told)  # noqa: T201  shown by `pytest -s`, for the long run
    assert told["kills"] == KILLS
    assert told["left"] == []


def test_the_command_in_two_processes_killed_and_gone_on_with(tmp_path: Path, line: Any) -> None:
    """The command itself, workers, authority's books and all."""
    muster = [sys.executable, "-c", "from cli.main import main; main()", "certs"]
    variables = {**os.environ, "MUSTER_KEY_PASSPHRASE": "only for this test"}
    init = ["init", "--directory", "pki", "--name", "coldchain", "--factory", "oslo"]
    subprocess.run([*muster, *init], cwd=tmp_path, env=variables, check=True, capture_output=True)
    what = ["--range", "reefer-{:05d}", "--count", "900", "--batch", "32", "--resume", "--json"]
    bulk = ["bulk", "--issuer", "pki/oslo.pem", "--recipient", line.recipient, "--out", "a.bundle", *what]
    bulk += ["--workers", "2"]
    for _ in range(3):
        child = subprocess.Popen([*muster, *bulk], cwd=tmp_path, env=variables, stdout=subprocess.DEVNULL)
        time.sleep(0.7 + random.random() * 1.5)
        child.send_signal(signal.SIGKILL)
        child.wait()
    done = subprocess.run([*muster, *bulk], cwd=tmp_path, env=variables, check=True, capture_output=True)
    assert json.loads(done.stdout)["devices"] == 900
    records = [r for batch in Bundle.batches(tmp_path / "a.bundle") for r in batch.records]
    assert [record.registration_id for record in records] == [f"reefer-{n:05d}" for n in range(1, 901)]
    with Books.open(tmp_path / "pki") as books:
        assert books.audit().certificates == 900
        held = books.inventory.by_id("reefer-00700")
    assert [each.issued.serial for each in held] == [records[699].serial]


FULL = """
import resource, sys
from pathlib import Path
from certs.bulk.commission import Commission
from certs.bulk.crew import Alone
from certs.bulk.lists import Range
from certs.bulk.run import issue
from certs.chain import load_certificate
from certs.errors import CertsError
from certs.store import KeyStore

pki, out, recipient = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
oslo = load_certificate(pki / "oslo.pem")
signer = KeyStore(pki / "keys", sys.stdin.readline().strip().encode()).signer_for(oslo)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
try:
    issue(Commission(Range("reefer-{:03d}", 60), oslo, recipient, batch=8), signer, Alone(), out, resume=True)
except CertsError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["devices.bundle", "devices.sqlite"])
def test_a_full_disk_leaves_whole_batches_and_going_on_gives_the_rest(
    name: str, tmp_path: Path, pki: Any, line: Any
) -> None:
    out = tmp_path / name

    def run(limit: int) -> str:
        command = [sys.executable, "-c", FULL, str(pki.directory), str(out), line.recipient, str(limit)]
        given = pki.passphrase.decode() + "\n"
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return str(done.stdout)

    told = run(30_000 if name.endswith(".bundle") else 60_000)
    assert "devices are issued and whole" in told
    assert out.name in told
    part = Bundle.open(out, unfinished=True)
    assert 0 < part.records < 60
    assert part.records % 8 == 0
    assert run(-1) == ""
    assert Bundle.open(out).records == 60


def test_a_disk_without_room_for_the_beginning_leaves_nothing(tmp_path: Path, pki: Any, line: Any) -> None:
    out = tmp_path / "devices.bundle"
    command = [sys.executable, "-c", FULL, str(pki.directory), str(out), line.recipient, "100"]
    given = pki.passphrase.decode() + "\n"
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    assert out.name in done.stdout
    assert list(tmp_path.iterdir()) == []
