"""A genuine Lambda function signs the certificates of a genuine device, and signs the next one in time."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.aws import policy
from components.aws.device_policy import policy_names
from components.aws.packages import entry, package
from components.aws.provisioning_template import by_claim
from tests.agent.processes import PROJECT, Device

from .conftest import REGION, Cloud, Identity

_ACCOUNT, _GROUP = "111122223333", "signed-vans"
_PROVIDER = f"arn:aws:iot:{REGION}:{_ACCOUNT}:certificateprovider/own"
_SCOPE = policy.Scope("aws", REGION, _ACCOUNT, "signed", "vans")
_DAYS = 7
_SOURCE = f"""
import secrets, subprocess, tempfile
from pathlib import Path

HERE = Path(__file__).parent

def handler(event, context):
    if event["clientId"] == "nobody":
        raise ValueError("nobody gets one")
    with tempfile.TemporaryDirectory() as folder:
        csr = Path(folder, "csr.pem")
        csr.write_text(event["certificateSigningRequest"])
        extensions = Path(folder, "extensions")
        extensions.write_text("basicConstraints=critical,CA:FALSE")
        command = ["openssl", "x509", "-req", "-in", csr, "-days", "{_DAYS}", "-extfile", extensions]
        command += ["-CA", HERE / "ca.pem", "-CAkey", HERE / "ca.key"]
        command += ["-set_serial", str(secrets.randbits(100))]
        made = subprocess.run(command, check=True, capture_output=True, text=True)
    return {{"certificatePem": made.stdout}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("authority"), "fleet CA", ca=True)


@pytest.fixture(scope="module")
def claim(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity(tmp_path_factory.mktemp("claim"), "claim")


@pytest.fixture(scope="module")
def provided(cloud: Cloud, authority: Identity, claim: Identity) -> Iterator[Cloud]:
    """An account whose certificates a function signs, and a group whose devices come by claim and renew."""
    role = _role(cloud, "signs", "lambda.amazonaws.com")
    files = {"index.py": _SOURCE, "ca.pem": authority.pem, "ca.key": authority.key.read_text()}
    _function(cloud, "signs", role, "index.handler", files)
    _let_iot_call(cloud, "signs", _PROVIDER)
    cloud.client("iot").create_certificate_provider(
        certificateProviderName="own",
        lambdaFunctionArn=_arn("signs"),
        accountDefaultForOperations=["CreateCertificateFromCsr"],
    )
    _hook(cloud, claim)
    _template(cloud)
    yield cloud
    cloud.client("iot").delete_certificate_provider(certificateProviderName="own")


def _function(
    cloud: Cloud, name: str, role: str, handler: str, files: Mapping[str, str], **variables: str
) -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
    cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler=handler,
        Role=role,
        Code={"ZipFile": zipped.getvalue()},
        Timeout=5,
        Environment={"Variables": variables},
    )


def _let_iot_call(cloud: Cloud, name: str, source: str) -> None:
    cloud.client("lambda").add_permission(
        FunctionName=name,
        StatementId="iot",
        Action="lambda:InvokeFunction",
        Principal="iot.amazonaws.com",
        SourceArn=source,
        SourceAccount=_ACCOUNT,
    )


def _hook(cloud: Cloud, claim: Identity) -> None:
    """The component's own hook, and the claim that it knows."""
    iot = cloud.client("iot")
    known = iot.register_certificate_without_ca(certificatePem=claim.pem, status="ACTIVE")
    document = policy.text_of(policy.claim(_SCOPE, _GROUP))
    iot.create_policy(policyName="signed-claim", policyDocument=document)
    iot.attach_policy(policyName="signed-claim", target=known["certificateArn"])
    life = {"begins": claim.made.not_valid_before_utc, "ends": claim.made.not_valid_after_utc}
    settings = {
        "template": _GROUP,
        "claims": {"q4": {key: moment.isoformat() for key, moment in life.items()}},
        "allow": "any",
        "limit": None,
        "renews": True,
        "thing_type": _GROUP,
        "desired": {},
    }
    assets = package("hook", settings).assets
    files = {name: it.text for name, it in assets.items() if isinstance(it, pulumi.StringAsset)}
    rights = ("iot:DescribeThing", "iot:ListThingPrincipals")
    told = {"CLAIMS": json.dumps({known["certificateId"]: "q4"}), "DATA_ENDPOINT": cloud.endpoint}
    role = _role(cloud, "asked", "lambda.amazonaws.com", *rights)
    _function(cloud, "hook", role, entry("hook"), files, **told)
    _let_iot_call(cloud, "hook", f"arn:aws:iot:{REGION}:{_ACCOUNT}:provisioningtemplate/{_GROUP}")


def _role(cloud: Cloud, name: str, service: str, *actions: str) -> str:
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
    if actions:
        rights = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=_document(rights))
    return f"arn:aws:iam::{_ACCOUNT}:role/{name}"


def _document(statement: Any) -> str:
    return json.dumps({"Version": policy.VERSION, "Statement": [statement]})


def _template(cloud: Cloud) -> None:
    iot = cloud.client("iot")
    iot.create_thing_type(thingTypeName=_GROUP)
    iot.create_thing_group(thingGroupName=_GROUP)
    names = policy_names(_GROUP)
    parts = policy.compiled(_SCOPE, policy.Permissions(("telemetry",), template=_GROUP))
    for part, document in parts.items():
        iot.create_policy(policyName=names[part], policyDocument=policy.text_of(document))
    registered: Any = {
        "thing_type": _GROUP,
        "thing_group": _GROUP,
        "policies": [names[part] for part in parts],
        "attributes": {},
        "billing_group": None,
    }
    iot.create_provisioning_template(
        templateName=_GROUP,
        templateBody=by_claim(registered),
        provisioningRoleArn=_role(cloud, "provisions", "iot.amazonaws.com", "iot:*"),
        preProvisioningHook={"payloadVersion": "2020-04-01", "targetArn": _arn("hook")},
        enabled=True,
    )


def _arn(function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{_ACCOUNT}:function:{function}"


def _csr(name: str) -> str:
    subject = x509.Name.from_rfc4514_string(f"CN={name}")
    made = x509.CertificateSigningRequestBuilder(subject)
    signed = made.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def test_over_https_a_function_signs(provided: Cloud, authority: Identity) -> None:
    made = provided.client("iot").create_certificate_from_csr(certificateSigningRequest=_csr("bench-1"))
    certificate = x509.load_pem_x509_certificate(made["certificatePem"].encode())
    certificate.verify_directly_issued_by(authority.made)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == _DAYS


def test_a_function_that_fails_gives_no_certificate(provided: Cloud) -> None:
    provided.client("lambda").remove_permission(FunctionName="signs", StatementId="iot")
    iot = provided.client("iot")
    with pytest.raises(ClientError, match="policy"):
        iot.create_certificate_from_csr(certificateSigningRequest=_csr("bench-2"))
    _let_iot_call(provided, "signs", _PROVIDER)
    assert iot.create_certificate_from_csr(certificateSigningRequest=_csr("bench-2"))["certificateId"]


def _device(cloud: Cloud, claim: tuple[Path, Path], folder: Path, name: str, *more: str) -> Device:
    arguments = ["--registration-id", name, "--endpoint", cloud.endpoint, *more]
    arguments += ["--certificate", str(claim[0]), "--key", str(claim[1])]
    arguments += ["--claim-template", _GROUP, "--identity", str(folder / "own")]
    arguments += ["--topics", "signed/vans"]
    told = {
        "PATH": "/usr/bin:/bin",
        "MUSTER_PROXY": cloud.proxy,
        "MUSTER_CA_FILE": str(PROJECT / cloud.trust),
    }
    folder.mkdir(exist_ok=True)
    return Device(arguments, told, folder / f"{len(list(folder.glob('*.log')))}.log")


def _leaf(folder: Path) -> x509.Certificate:
    newest = max((folder / "own").glob("[0-9]*"))
    return x509.load_pem_x509_certificate((newest / "chain.pem").read_bytes())


def test_a_device_has_its_next_certificate_signed_in_time(
    provided: Cloud, claim: Identity, authority: Identity, tmp_path: Path
) -> None:
    files = claim.certificate, claim.key
    device = _device(provided, files, tmp_path, "van-1")
    device.wait("reported")
    assert device.stop() == 0
    first = _leaf(tmp_path)
    first.verify_directly_issued_by(authority.made)

    gone = tmp_path / "gone.pem", tmp_path / "gone.key"
    again = _device(provided, gone, tmp_path, "van-1", "--renew-before-days", str(_DAYS + 1))
    again.wait("certificate-issued")
    again.wait("reported")
    second = _leaf(tmp_path)
    second.verify_directly_issued_by(authority.made)
    assert second.public_key() != first.public_key()
    assert again.stop() == 0

    iot = provided.client("iot")
    attached = iot.list_thing_principals(thingName="van-1")["principals"]
    ids = {it.rpartition("/")[2] for it in attached}
    assert ids == {it.fingerprint(hashes.SHA256()).hex() for it in (first, second)}
    for each in ids:
        shown = iot.describe_certificate(certificateId=each)["certificateDescription"]
        assert shown["status"] == "ACTIVE", "the old one holds to its own end"

    thief = _device(provided, files, tmp_path / "thief", "van-1", "--attempts", "1")
    assert thief.ended() == 3
    assert "AccessDenied" in thief.wait("refused")["reason"], "a claim takes nobody's name"


def test_a_device_that_the_function_will_not_sign_for_gets_nothing(
    provided: Cloud, claim: Identity, tmp_path: Path
) -> None:
    files = claim.certificate, claim.key
    device = _device(provided, files, tmp_path, "nobody", "--attempts", "1")
    assert device.ended() == 3
    assert "gave no certificate" in device.wait("refused")["reason"]
    assert "certificate-issued" not in device.events()
    things = provided.client("iot").list_things()["things"]
    assert "nobody" not in {it["thingName"] for it in things}
