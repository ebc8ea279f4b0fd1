"""Devices come up a few at a time; every way in which one does not is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from certs.chain import fingerprint, load_certificates
from certs.issue import issue_device
from certs.life.books import Books
from certs.store import KeyStore
from cli.local import processes, provisioning
from cli.local.devices import Device, State, plan
from cli.local.errors import CloudError, IdentityError
from cli.local.identity import LeafIssuer, ensure_chain, ensure_claims, ensure_passphrases
from cli.local.layout import Layout
from cli.local.progress import Step
from cli.local.provisioning import bring_up, issue_certificates
from cli.local.runner import Reached, Runner
from fleet import Fleet, FleetError, load
from tests.cli.local.conftest import PutProgram

#: A device that does what the file `behave` in the project's folder says of its registration id.
DEVICE = r"""
import json, pathlib, sys, time
name = sys.argv[sys.argv.index("--registration-id") + 1]
with open("started", "a") as file:
    print(name, file=file)
behave = json.loads(pathlib.Path("behave").read_text()).get(name, "up")
def say(**event):
    print(json.dumps(event), flush=True)
if behave == "crash":
    sys.exit("ImportError: no such thing")
if behave == "refused":
    say(event="refused", reason="its certificate has expired")
if behave == "up":
    say(event="assigned", hub="eu.azure-devices.net", seconds=0.1)
    say(event="reported", version=1, seconds=0.2)
time.sleep(60)
"""


@pytest.fixture
def fleet() -> Fleet:
    group = {"attestation": {"x509": {"issuer": "factory"}}, "allocation": {"hubs": ["eu"]}}
    value = {
        "name": "tiny",
        "azure": {"location": "westeurope", "hubs": {"eu": {}}},
        "identity": {
            "root": ".muster/local/pki/root.pem",
            "issuers": {"factory": ".muster/local/pki/factory.pem"},
        },
        "groups": {"reefers": group},
    }
    return load(value, file="stacks/Pulumi.local.yaml", stack="local")


@pytest.fixture
def behave(layout: Layout, put_program: PutProgram) -> Callable[..., None]:
    put_program(".venv/bin/python", DEVICE)

    def say(text: str = "{}") -> None:
        (layout.project / "behave").write_text(text)

    say()
    return say


@pytest.fixture
def runner(layout: Layout, behave: object) -> Runner:
    return Runner(layout, dict(os.environ) | {"MUSTER_PROXY": "http://127.0.0.1:1"}, Reached("0ne1"))


def devices(layout: Layout, fleet: Fleet, count: int) -> list[Device]:
    made = plan(layout, fleet, count)
    for device in made:
        device.folder.mkdir(exist_ok=True)
    return made


def started(layout: Layout) -> list[str]:
    file = layout.project / "started"
    return sorted(file.read_text().split()) if file.exists() else []


def test_all_come_up_and_a_second_time_none_is_started(
    layout: Layout, fleet: Fleet, runner: Runner, step: Step
) -> None:
    asked = devices(layout, fleet, 10)
    first = bring_up(layout, asked, runner, step)
    assert len(first.up) == first.started == 10
    assert first.seconds > 0
    again = bring_up(layout, asked, runner, step)
    assert (len(again.up), again.started, again.seconds) == (10, 0, 0.0)
    assert len(started(layout)) == 10


def test_refused_and_crashed_ones_are_told_with_the_reason(
    layout: Layout, fleet: Fleet, runner: Runner, step: Step, behave: Callable[..., None]
) -> None:
    behave('{"reefer-0001": "refused", "reefer-0003": "crash"}')
    result = bring_up(layout, devices(layout, fleet, 3), runner, step)
    assert [device.registration_id for device in result.up] == ["reefer-0002"]
    reasons = {device.registration_id: reading.reason for device, reading in result.failed.items()}
    assert reasons["reefer-0001"] == "its certificate has expired"
    assert "last line of its log: ImportError: no such thing" in reasons["reefer-0003"]
    assert step.outcome == "1 of 3 up, 3 started now"


def test_devices_that_hang_are_given_up_after_a_while(
    layout: Layout,
    fleet: Fleet,
    runner: Runner,
    step: Step,
    behave: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(provisioning, "_STALL_SECONDS", 1.0)
    monkeypatch.setattr(provisioning, "STARTING_AT_ONCE", 1)
    behave('{"reefer-0001": "hang"}')
    result = bring_up(layout, devices(layout, fleet, 2), runner, step)
    states = {device.registration_id: reading.state for device, reading in result.readings.items()}
    assert states == {"reefer-0001": State.COMING, "reefer-0002": State.DOWN}


def test_without_a_cloud_nobody_is_waited_for(
    layout: Layout, fleet: Fleet, runner: Runner, step: Step
) -> None:
    def gone() -> None:
        raise CloudError("The local cloud ended")

    with pytest.raises(CloudError):
        bring_up(layout, devices(layout, fleet, 1), runner, step, gone)


def test_the_surplus_is_stopped_and_keeps_its_identity(
    layout: Layout, fleet: Fleet, runner: Runner, step: Step
) -> None:
    asked = devices(layout, fleet, 3)
    bring_up(layout, asked, runner, step)
    fewer = bring_up(layout, asked[:1], runner, step)
    assert (fewer.started, fewer.stopped) == (0, 2)
    assert not runner.is_running(asked[2])
    assert asked[2].folder.exists()


def test_a_device_is_started_again_when_it_was_told_something_else(
    layout: Layout, fleet: Fleet, runner: Runner, step: Step
) -> None:
    asked = devices(layout, fleet, 1)
    bring_up(layout, asked, runner, step)
    moved = Runner(layout, dict(runner.environment) | {"MUSTER_PROXY": "http://127.0.0.1:2"}, Reached("0ne1"))
    assert bring_up(layout, asked, moved, step).started == 1
    other_service = Runner(layout, moved.environment, Reached("0ne2"))
    assert bring_up(layout, asked, other_service, step).started == 1


@pytest.fixture
def open_issuer(layout: Layout, fleet: Fleet, step: Step) -> Iterator[Callable[..., LeafIssuer]]:
    """Opens the issuer of devices, for the fleet or for one that says something else."""
    ensure_passphrases(layout)
    with ExitStack() as opened:

        def make(said: Fleet = fleet) -> LeafIssuer:
            return opened.enter_context(LeafIssuer(layout, said, ensure_chain(layout, said, step)))

        yield make


def held(layout: Layout, name: str) -> list[str]:
    """What became of each certificate of a device, by the authority's books."""
    with Books.open(layout.pki) as books:
        books.audit()
        return [each.fate for each in books.inventory.by_id(name)]


def test_certificates_are_issued_once_and_again_when_the_issuer_is_another(
    layout: Layout, fleet: Fleet, step: Step, open_issuer: Callable[..., LeafIssuer]
) -> None:
    issuer = open_issuer()
    asked = plan(layout, fleet, 2)
    assert issue_certificates(asked, issuer, step) == 2
    assert (asked[0].folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert issue_certificates(asked, issuer, step) == 0
    for file in sorted(layout.pki.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    layout.pki.rmdir()
    assert issue_certificates(asked, open_issuer(), step) == 2


def test_every_certificate_is_in_the_books_and_a_renewed_one_retires(
    layout: Layout, fleet: Fleet, step: Step, open_issuer: Callable[..., LeafIssuer]
) -> None:
    asked = plan(layout, fleet, 1)
    issue_certificates(asked, open_issuer(), step)
    with Books.open(layout.pki) as books:
        (first,) = books.inventory.by_id("reefer-0001")
        assert (first.issued.factory, first.issued.group) == ("factory", "reefers")
        leaf = load_certificates(asked[0].leaf)[0]
        assert books.inventory.has(leaf.serial_number, fingerprint(leaf))
    soon = replace(fleet.identity.device, renew_before_days=fleet.identity.device.days)
    due = replace(fleet, identity=replace(fleet.identity, device=soon))
    assert issue_certificates(asked, open_issuer(due), step) == 1
    assert held(layout, "reefer-0001") == ["retired", "active"]


def test_a_device_whose_files_were_lost_gets_the_next_certificate(
    layout: Layout, fleet: Fleet, step: Step, open_issuer: Callable[..., LeafIssuer]
) -> None:
    """As after a kill between the books and the folder: the books have a certificate that nobody got."""
    asked = plan(layout, fleet, 1)
    issue_certificates(asked, open_issuer(), step)
    shutil.rmtree(asked[0].folder)
    assert issue_certificates(asked, open_issuer(), step) == 1
    assert held(layout, "reefer-0001") == ["retired", "active"]


def test_a_certificate_that_is_not_in_the_books_is_replaced(
    layout: Layout, fleet: Fleet, step: Step, open_issuer: Callable[..., LeafIssuer]
) -> None:
    ensure_passphrases(layout)
    chain = ensure_chain(layout, fleet, step)
    signer = KeyStore(layout.keys, layout.key_passphrase.read_bytes()).signer_for(chain.issuers["factory"])
    (device,) = asked = plan(layout, fleet, 1)
    issue_device(signer, chain.issuers["factory"], device.registration_id).write(device.folder)
    assert issue_certificates(asked, open_issuer(), step) == 1
    assert held(layout, "reefer-0001") == ["active"]


def test_a_revoked_device_is_not_renewed_and_keeps_its_files(
    layout: Layout, fleet: Fleet, step: Step, open_issuer: Callable[..., LeafIssuer]
) -> None:
    (device,) = asked = plan(layout, fleet, 1)
    issue_certificates(asked, open_issuer(), step)
    with Books.open(layout.pki) as books:
        (first,) = books.inventory.by_id(device.registration_id)
        books.revoke(first.issued.serial, books.issuer(first.issued.issuer), "keyCompromise", None)
    device.leaf.unlink()
    with pytest.raises(IdentityError, match=r"No certificate for device reefer-0001: .*revoked"):
        issue_certificates(asked, open_issuer(), step)
    assert (device.folder / "key.pem").exists()
    assert held(layout, device.registration_id) == ["revoked"]


@pytest.fixture
def claiming() -> Fleet:
    """A fleet on AWS whose devices come with a claim, or just in time."""
    attestation = {"x509": {"issuer": "factory"}}
    claim = {"claim": {"certificates": {"q4": ".muster/local/claims/q4.pem"}}}
    value = {
        "name": "tiny",
        "clouds": ["aws"],
        "aws": {"region": "eu-west-1"},
        "identity": {
            "root": ".muster/local/pki/root.pem",
            "issuers": {"factory": ".muster/local/pki/factory.pem"},
        },
        "groups": {
            "reefers": {"attestation": attestation, "aws": {"permissions": {"publish": []}}},
            "vans": {"attestation": attestation, "aws": {"enrolment": claim}},
        },
    }
    return load(value, file="stacks/Pulumi.local.yaml", stack="local")


def test_claims_are_made_once_by_their_profile_and_are_in_the_books(
    layout: Layout, claiming: Fleet, step: Step, open_issuer: Callable[..., LeafIssuer]
) -> None:
    issuer = open_issuer(claiming)
    assert ensure_claims(layout, claiming, issuer) == 1
    assert ensure_claims(layout, claiming, issuer) == 0
    (claim,) = load_certificates(layout.state / "claims" / "q4.pem")
    assert claim.not_valid_after_utc - claim.not_valid_before_utc < timedelta(days=92)
    folder = layout.state / "claims" / "q4"
    assert len(load_certificates(folder / "leaf.pem")) == 2
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    assert held(layout, "claim-vans-q4") == ["active"]
    (folder / "leaf.pem").unlink()
    assert ensure_claims(layout, claiming, issuer) == 1
    assert held(layout, "claim-vans-q4") == ["retired", "active"]
    assert load_certificates(layout.state / "claims" / "q4.pem") != [claim]


def test_a_device_with_a_claim_gets_no_certificate_and_is_told_the_template(
    layout: Layout,
    claiming: Fleet,
    step: Step,
    open_issuer: Callable[..., LeafIssuer],
    put_program: PutProgram,
) -> None:
    put_program(".venv/bin/python", DEVICE)
    (layout.project / "behave").write_text("{}")
    asked = plan(layout, claiming, 2)
    assert issue_certificates(asked, open_issuer(claiming), step) == 1
    assert step.outcome == "1 issued, 0 there already, 1 ask for theirs with a claim"
    groups = {"reefers": {"template": None}, "vans": {"template": "tiny-vans"}}
    reached = Reached.of(
        claiming, {"aws": {"endpoint": "x-ats.iot.eu-west-1.amazonaws.com", "groups": groups}}
    )
    runner = Runner(layout, dict(os.environ) | {"MUSTER_PROXY": "http://127.0.0.1:1"}, reached)
    assert len(bring_up(layout, asked, runner, step).up) == 2
    told = {device.group: processes.read(device.pid_file) for device in asked}
    reefer, van = (" ".join(record.arguments) for record in told.values() if record)
    assert "--endpoint x-ats.iot.eu-west-1.amazonaws.com --just-in-time" in reefer
    assert "--topics tiny/vans --claim-template tiny-vans --identity" in van
    assert f"--certificate {layout.state}/claims/q4/leaf.pem" in van


def test_passphrases_are_random_private_and_made_once(layout: Layout) -> None:
    ensure_passphrases(layout)
    files = (layout.pulumi_passphrase, layout.key_passphrase)
    texts = [file.read_text() for file in files]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert len(set(texts)) == 2
    assert min(map(len, texts)) >= 40
    ensure_passphrases(layout)
    assert [file.read_text() for file in files] == texts


def test_a_chain_that_somebody_else_keeps_is_never_made(
    layout: Layout, fleet: Fleet, step: Step, tmp_path: Path
) -> None:
    elsewhere = Layout(tmp_path)
    ensure_passphrases(layout)
    (layout.pki).mkdir()
    with pytest.raises(FleetError, match=r"identity\.root: .*root\.pem: No such file") as refused:
        ensure_chain(layout, fleet, step)
    assert "Traceback" not in str(refused.value)
    assert not (elsewhere.project / "pki").exists()
