"""What a device of AWS IoT is told: everything wrong at once, and nothing of Azure's."""

from datetime import timedelta
from pathlib import Path

import pytest

from agent.aws.options import AwsOptions, Claim
from agent.credentials import Certificate
from agent.errors import OptionError
from agent.options import parse

ENDPOINT = "a1b2c3-ats.iot.eu-west-1.amazonaws.com"


def arguments(identity: Path, *more: str, name: str = "reefer-1") -> list[str]:
    files = ["--certificate", str(identity / "leaf.pem"), "--key", str(identity / "key.pem")]
    return ["--registration-id", name, "--endpoint", ENDPOINT, *files, *more]


def faults(given: list[str]) -> list[str]:
    with pytest.raises(OptionError) as caught:
        parse(given, {})
    return caught.value.faults


def test_a_certificate_of_its_own(identity: Path) -> None:
    options = parse(arguments(identity), {})
    assert options.aws == AwsOptions(ENDPOINT, 8883, "", is_just_in_time=False, claim=None)
    assert options.credential == Certificate(identity / "leaf.pem", identity / "key.pem")
    assert options.aws.telemetry("reefer-1") == ""


def test_just_in_time_on_the_other_port(identity: Path) -> None:
    options = parse(
        arguments(identity, "--just-in-time", "--port", "443", "--topics", "coldchain/reefers"), {}
    )
    assert options.aws is not None
    assert (options.aws.port, options.aws.is_just_in_time) == (443, True)
    assert options.aws.telemetry("reefer-1") == "dt/coldchain/reefers/reefer-1/telemetry"


def test_a_claim(identity: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    claim = ["--claim-template", "coldchain-reefers", "--identity", str(own), "--parameter", "Line=a=b"]
    options = parse(arguments(identity, *claim), {})
    assert options.aws is not None
    assert options.aws.claim == Claim("coldchain-reefers", own, {"SerialNumber": "reefer-1", "Line": "a=b"})
    assert own.stat().st_mode & 0o777 == 0o700
    assert options.issuance is None
    assert options.renew_before is None
    days = parse(arguments(identity, *claim, "--renew-before-days", "1.5"), {})
    assert days.renew_before == timedelta(days=1.5)


def test_a_claim_that_was_used_is_not_even_opened(identity: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "0000000001").mkdir(parents=True)
    own.chmod(0o700)
    (own / "0000000001" / "chain.pem").touch()
    claim = ["--claim-template", "coldchain-reefers", "--identity", str(own)]
    given = [part.replace(str(identity), str(tmp_path / "gone")) for part in arguments(identity, *claim)]
    assert parse(given, {}).aws is not None


@pytest.mark.parametrize("name", ["reefer.1", "reefer 1", "r" * 129, ""])
def test_a_name_that_no_thing_can_have(identity: Path, name: str) -> None:
    given = [f"--registration-id={name}", *arguments(identity)[2:]]
    (fault,) = faults(given)
    assert "thing" in fault


def test_a_name_that_no_request_for_a_certificate_can_bear(identity: Path, tmp_path: Path) -> None:
    given = ["--registration-id", "r" * 65, *arguments(identity)[2:]]
    assert parse(given, {}).registration_id == "r" * 65
    (fault,) = faults([*given, "--claim-template", "t", "--identity", str(tmp_path / "own")])
    assert "65 characters" in fault


def test_every_fault_at_once(tmp_path: Path) -> None:
    given = [
        *arguments(tmp_path, "--id-scope", "0ne", "--just-in-time", "--claim-template", "no template"),
        *("--topics", "#", "--parameter", "x", "--websockets", "--gateway", "--trust", "x"),
        *("--provisioning-host", "eu.azure-devices-provisioning.net"),
    ]
    found = faults(given)
    told = ["--id-scope", "--claim-template", "--topics", "--parameter", "--just-in-time", "--identity"]
    told += ["--provisioning-host", "--websockets", "--gateway", "--trust", "leaf.pem", "key.pem"]
    assert [each for each in told if not any(each in fault for fault in found)] == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--symmetric-key-file", "x"], "certificates"),
        (["--identity", "x"], "--claim-template and --identity"),
        (["--parameter", "a=b"], "--parameter goes with --claim-template"),
        (["--renew-before-days", "7"], "--renew-before-days goes with --claim-template"),
        (["--just-in-time", "--renew-before-days", "7"], "--renew-before-days goes with --claim-template"),
        (["--request-certificate", "--claim-template", "t", "--identity", "x"], "for Azure"),
    ],
)
def test_options_that_exclude_each_other(
    identity: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert any(words in fault for fault in faults(arguments(identity, *more)))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "more",
    [
        ["--port", "443"],
        ["--topics", "a/b"],
        ["--just-in-time"],
        ["--claim-template", "t"],
        ["--parameter", "a=b"],
    ],
)
def test_options_of_aws_need_an_endpoint(identity: Path, more: list[str]) -> None:
    given = arguments(identity, *more)
    at = given.index("--endpoint")
    del given[at : at + 2]
    assert f"{more[0]} goes with --endpoint" in faults([*given, "--id-scope", "0ne00AB12CD"])
