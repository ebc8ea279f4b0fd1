"""Who may be provisioned, by which proof, to which hub, and who is asked."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cryptography import x509

from certs.chain import Chain
from components.content import content_hash
from fleet import Fleet

GROUP = "muster:dps:EnrollmentGroup"
ENROLLMENT = "muster:dps:IndividualEnrollment"
MANIFEST = "muster:dps:DeviceManifest"
LINK = "muster:dps:HubLink"
SECRET = "4dabf18193072939515e22adb298388d"
"""The engine's mark on a secret value."""

Declare = Callable[..., Any]
Describe = Callable[..., Fleet]
ALLOCATION = {"hubs": ["eu-1"]}
KEYS = {"localAuth": {"devices": True}}


def _azure(**more: Any) -> dict[str, Any]:
    return {"azure": {"hubs": {"eu-1": KEYS, "eu-2": {}}, **more}}


def _group(attestation: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"attestation": attestation, "allocation": ALLOCATION, **more}


def test_groups_attest_by_issuer_by_reference_or_by_key(
    declare: Declare, described: Describe, chain: Chain
) -> None:
    groups = {
        "by-issuer": _group({"x509": {"issuer": "oslo"}}),
        "by-reference": _group({"caReference": {"issuer": "root", "secondary": "bergen"}}),
        "by-key": _group({"symmetricKey": {}}, edge=True),
    }
    issuers = {"oslo": "pki/oslo.pem", "bergen": "pki/bergen.pem"}
    identity = {"root": "pki/root.pem", "issuers": issuers}
    program = declare(described("dev", groups=groups, identity=identity, **_azure()))
    issuer, key, reference = program.of(GROUP)
    assert (
        x509.load_pem_x509_certificate(issuer.inputs["signingCertificate"].encode()) == chain.issuers["oslo"]
    )
    assert "authorityReference" not in issuer.inputs
    assert "symmetricKey" not in issuer.inputs
    assert reference.inputs["authorityReference"] == "root"
    assert reference.inputs["secondaryAuthorityReference"] == "bergen"
    assert "signingCertificate" not in reference.inputs
    assert key.inputs["symmetricKey"] is True
    assert key.inputs["capabilities"] == {"iotEdge": True}


def test_individual_enrollments_attest_in_four_ways(
    declare: Declare, described: Describe, chain: Chain
) -> None:
    enrollments = {
        "bench": _group({"x509": {"certificate": "pki/bench.pem"}}, deviceId="bench-1"),
        "gate": _group({"caReference": {"issuer": "oslo"}}),
        "probe": _group({"symmetricKey": {}}, enabled=False, reprovision="reset"),
        "safe": _group({"tpm": {"endorsementKey": _endorsement_key()}}),
    }
    fleet = described("dev", enrollments=enrollments, **_azure())
    program = declare(fleet, certificates={"pki/bench.pem": chain.issuers["oslo"]})
    bench, gate, probe, safe = (each.inputs for each in program.of(ENROLLMENT))
    assert bench["clientCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert (bench["registrationId"], bench["deviceId"]) == ("bench", "bench-1")
    assert gate["authorityReference"] == "oslo"
    assert (probe["symmetricKey"], probe["enabled"], probe["reprovision"]) == (True, False, "reset")
    assert safe["endorsementKey"] == _endorsement_key()
    ways = ("clientCertificate", "authorityReference", "symmetricKey", "endorsementKey")
    assert all(sum(way in inputs for way in ways) == 1 for inputs in (bench, gate, probe, safe))


def _endorsement_key() -> str:
    example = Path(__file__).parents[2] / "examples" / "everything" / "Pulumi.everything.yaml"
    (line,) = [line for line in example.read_text().splitlines() if "endorsementKey:" in line]
    return line.partition("endorsementKey: ")[2]


def test_a_manifest_is_known_by_its_content(
    declare: Declare, described: Describe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meters.csv").write_text("registration_id\nmeter-1\n")
    said = {"file": "meters.csv", "allowRemovals": True}
    manifests = {"meters": _group("symmetricKey", **said)}  # type: ignore[arg-type]  # a word, here
    program = declare(described("dev", manifests=manifests, **_azure()))
    inputs = program.one(MANIFEST).inputs
    digest = hashlib.sha256(b"registration_id\nmeter-1\n").hexdigest()
    assert inputs["contentHash"] == f"sha256:{digest}" == content_hash(tmp_path / "meters.csv")
    assert (inputs["file"], inputs["manifestName"]) == ("meters.csv", "meters")
    assert inputs["attestation"] == "symmetricKey"
    assert (inputs["allowRemovals"], inputs["adopt"]) == (True, False)
    assert set(program.outputs["manifests"]) == {"meters"}


def test_certificates_from_the_registry_are_named_by_namespace_authority_and_policy(
    declare: Declare, described: Describe
) -> None:
    groups = {"scanners": _group({"x509": {"issuer": "oslo"}}, certificates={"policy": "monthly"})}
    azure = _azure(provisioningApi="2026-11-01", registry={"policies": {"monthly": {}}})
    program = declare(described("dev", groups=groups, **azure))
    inputs = program.one(GROUP).inputs
    assert inputs["apiVersion"] == "2026-11-01"
    assert inputs["registry"] == {
        "namespaceName": "coldchain-dev",
        "certificateAuthorityName": "default",
        "certificatePolicyName": "monthly",
    }
    policy = program.one("azure-native:deviceregistry:Policy").urn
    link = program.one("muster:dps:RegistryLink").urn
    assert {policy, link} <= program.one(GROUP).depends_on


def test_a_standby_hub_is_linked_but_takes_no_part_in_allocation(
    declare: Declare, described: Describe
) -> None:
    hubs = {"eu-1": {}, "eu-2": {"location": "northeurope", "standbyFor": "eu-1"}}
    groups = {"vans": _group({"x509": {"issuer": "oslo"}})}
    links = declare(described("dev", azure={"hubs": hubs}, groups=groups)).of(LINK)
    assert [link.inputs["applyAllocationPolicy"] for link in links] == [True, False]
    assert [link.inputs["hubLocation"] for link in links] == ["westeurope", "northeurope"]


def _custom(webhook: dict[str, Any]) -> dict[str, Any]:
    allocation = {"policy": "custom", "hubs": ["eu-1"], "webhook": webhook}
    return {"vans": {"attestation": {"x509": {"issuer": "oslo"}}, "allocation": allocation}}


def test_the_address_of_a_function_of_ours_is_a_secret_with_its_key(
    declare: Declare, described: Describe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    azure = _azure(functionApp={"folder": "functions"})
    fleet = described("dev", groups=_custom({"function": {"name": "allocate"}}), **azure)
    program = declare(fleet, functions={"host.json": b"{}"})
    url = program.one(GROUP).inputs["webhookUrl"]
    assert _is_secret(url)
    assert _value(url) == "https://coldchain-dev-functions.azurewebsites.net/api/allocate?code=key-of-the-app"
    assert program.one(GROUP).inputs["webhookApiVersion"] == "2021-10-01"


def test_somebody_elses_webhook_gets_its_key_from_the_stacks_secrets(
    declare: Declare, described: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = {"external": {"url": "https://a.example/pick", "keyFrom": "pickKey"}}
    fleet = described("dev", groups=_custom(webhook), **_azure())
    monkeypatch.setattr(pulumi.Config, "get_secret", lambda _, name: pulumi.Output.secret(f"value of {name}"))
    url = declare(fleet).one(GROUP).inputs["webhookUrl"]
    assert _is_secret(url)
    assert _value(url) == "https://a.example/pick?code=value%20of%20pickKey"


def test_a_missing_key_is_told_with_the_command_that_sets_it(declare: Declare, described: Describe) -> None:
    webhook = {"external": {"url": "https://a.example/pick", "keyFrom": "pickKey"}}
    with pytest.raises(pulumi.RunError, match="pulumi config set --secret pickKey"):
        declare(described("dev", groups=_custom(webhook), **_azure()))


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and SECRET in value


def _value(value: Any) -> Any:
    return value["value"]
