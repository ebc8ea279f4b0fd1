"""The official awsiotsdk: claim with a CSR, shadows, MQTT 5 on 443, and what ends a connection."""

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from .conftest import Cloud, Device, Identity

_ACCOUNT = "arn:aws:iot:eu-west-1:111122223333"
_NAME = "${iot:Connection.Thing.ThingName}"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "iot.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def _policy(cloud: Cloud, name: str, *statements: tuple[str, str]) -> None:
    allowed = [
        {"Effect": "Allow", "Action": f"iot:{action}", "Resource": f"{_ACCOUNT}:{it}"}
        for action, it in statements
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    cloud.client("iot").create_policy(policyName=name, policyDocument=text)


def _thing(cloud: Cloud, folder: Path, name: str, *policies: str) -> tuple[Identity, str]:
    """A thing with a certificate of its own; gives the certificate's id."""
    identity, iot = Identity(folder, name), cloud.client("iot")
    made = iot.register_certificate_without_ca(certificatePem=identity.pem, status="ACTIVE")
    iot.create_thing(thingName=name)
    iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
    for policy in policies:
        iot.attach_policy(policyName=policy, target=made["certificateArn"])
    return identity, made["certificateId"]


@pytest.fixture(scope="module")
def fleet(cloud: Cloud) -> Cloud:
    """Policies of things and claims, and a template."""
    shadow = f"$aws/things/{_NAME}/shadow/*"
    _policy(
        cloud,
        "things",
        ("Connect", f"client/{_NAME}"),
        ("Publish", f"topic/dt/{_NAME}"),
        ("Publish", f"topic/{shadow}"),
        ("Receive", f"topic/{shadow}"),
        ("Receive", "topic/dt/*"),
        ("Subscribe", f"topicfilter/{shadow}"),
        ("Subscribe", f"topicfilter/dt/{_NAME}"),
    )
    create, provision = "$aws/certificates/create-from-csr/*", "$aws/provisioning-templates/pumps/provision/*"
    _policy(
        cloud,
        "claims",
        ("Connect", "client/*"),
        *((action, f"topic/{it}") for it in (create, provision) for action in ("Publish", "Receive")),
        *(("Subscribe", f"topicfilter/{it}") for it in (create, provision)),
    )
    role = cloud.client("iam").create_role(
        RoleName="provisioning", AssumeRolePolicyDocument=json.dumps(_TRUST)
    )
    resources = {
        "thing": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": {"Ref": "SerialNumber"}}},
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
        },
        "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "things"}},
    }
    parameters = {"SerialNumber": {"Type": "String"}, "AWS::IoT::Certificate::Id": {"Type": "String"}}
    cloud.client("iot").create_provisioning_template(
        templateName="pumps",
        templateBody=json.dumps({"Parameters": parameters, "Resources": resources}),
        provisioningRoleArn=role["Role"]["Arn"],
        enabled=True,
    )
    return cloud


def _run(cloud: Cloud, step: str, identity: Identity, name: str, **more: str) -> Device:
    files = {"certificate": str(identity.certificate), "key": str(identity.key)}
    return cloud.device(step, name=name, **files, **more)


def _csr(identity: Identity) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(identity.secret, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def test_a_claim_becomes_a_thing_with_a_shadow(fleet: Cloud, tmp_path: Path) -> None:
    claim = Identity(tmp_path, "claim")
    made = fleet.client("iot").register_certificate_without_ca(certificatePem=claim.pem, status="ACTIVE")
    fleet.client("iot").attach_policy(policyName="claims", target=made["certificateArn"])
    own = Identity(tmp_path, "own")
    more = {"csr": _csr(own), "template": "pumps", "serial": "pump-1"}
    with _run(fleet, "claim", claim, "claim-1", **more) as device:
        told = device.hear()
    assert told["thing"] == "pump-1"
    own.certificate.write_text(told["pem"])
    data = fleet.client("iot-data")
    data.update_thing_shadow(thingName="pump-1", payload=json.dumps({"state": {"desired": {"interval": 60}}}))
    with _run(fleet, "mqtt3", own, "pump-1") as device:
        assert device.hear() == {"connected": "pump-1"}
        assert device.hear() == {"desired": {"interval": 60}, "version": 1}
        assert device.hear() == {"reported": {"interval": 60}, "version": 2}
        data.update_thing_shadow(
            thingName="pump-1", payload=json.dumps({"state": {"desired": {"interval": 30}}})
        )
        assert device.hear() == {"delta": {"interval": 30}}
        device.tell("dt/pump-1")
        assert device.hear() == {"sent": True}
        device.tell("dt/pump-2")
        last = [device.hear(), device.hear()]
        assert {"interrupted": "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"} in last
        assert {"sent": False} in last
    with _run(fleet, "mqtt3", own, "pump-2") as device:
        assert device.hear()["name"] == "AWS_ERROR_MQTT_UNEXPECTED_HANGUP"
    with _run(fleet, "claim", claim, "claim-1", **{**more, "template": "others"}) as device:
        assert "name" in device.hear()


def test_a_shadow_that_is_not_there(fleet: Cloud, tmp_path: Path) -> None:
    identity, _ = _thing(fleet, tmp_path, "valve-1", "things")
    with _run(fleet, "mqtt3", identity, "valve-1") as device:
        device.hear()
        told = device.hear()
        assert told == {"code": 404, "words": "No shadow exists with name: 'valve-1'", "token": "t-1"}


@pytest.mark.parametrize("port", ["443", "8883"])
def test_mqtt_5(fleet: Cloud, tmp_path: Path, port: str) -> None:
    name = f"five-{port}"
    identity, certificate = _thing(fleet, tmp_path, name, "things")
    with _run(fleet, "mqtt5", identity, name, port=port) as device:
        assert device.hear() == {"connack": 0}
        device.tell(f"subscribe dt/{name}")
        assert device.hear() == {"granted": [1]}
        device.tell("subscribe dt/other")
        assert device.hear() == {"granted": [0x87]}
        device.tell(f"publish dt/{name}")
        assert device.hear() == {"topic": f"dt/{name}", "payload": "hello", "user": [["from", name]]}
        fleet.client("iot").update_certificate(certificateId=certificate, newStatus="REVOKED")
        assert device.hear() == {"disconnected": 0x98}
    with _run(fleet, "mqtt5", identity, name, port=port) as device:
        assert device.hear() == {"connack": 0x87}


def test_mqtt_5_is_told_why_a_publish_ended_it(fleet: Cloud, tmp_path: Path) -> None:
    identity, _ = _thing(fleet, tmp_path, "five-2", "things")
    with _run(fleet, "mqtt5", identity, "five-2") as device:
        device.hear()
        device.tell("publish dt/other")
        assert device.hear() == {"disconnected": 0x87}


def test_a_client_without_a_certificate_is_refused(fleet: Cloud) -> None:
    connect = b"\x10\x10\0\4MQTT\4\2\0\x3c\0\4none"
    with fleet.tls(fleet.endpoint, 8883) as plain:
        plain.sendall(connect)
        try:
            assert plain.recv(100) == b""
        except (ssl.SSLError, ConnectionError) as error:
            pytest.fail(f"not an orderly end: {error}")


def test_a_device_publishes_over_https(fleet: Cloud, tmp_path: Path) -> None:
    identity, _ = _thing(fleet, tmp_path, "https-1")
    _policy(fleet, "https", ("Publish", "topic/dt/https-1"))
    iot = fleet.client("iot")
    (principal,) = iot.list_thing_principals(thingName="https-1")["principals"]
    iot.attach_policy(policyName="https", target=principal)
    assert _publish(fleet, "dt%2Fhttps-1", identity) == 200
    assert _publish(fleet, "dt%2Fhttps-2", identity) == 403
    assert _publish(fleet, "dt%2Fhttps-1", None) == 403


def _publish(cloud: Cloud, topic: str, identity: Identity | None) -> int:
    with cloud.tls(cloud.endpoint, 8443, identity) as line:
        head = (f"POST /topics/{topic}?qos=1 HTTP/1.1", f"Host: {cloud.endpoint}", "Content-Length: 2")
        line.sendall("\r\n".join((*head, "Connection: close", "", "{}")).encode())
        return int(line.recv(65536).split()[1])


def _role(cloud: Cloud, name: str, trusts: str, *allowed: tuple[str, str]) -> Any:
    iam = cloud.client("iam")
    trust = json.dumps(_TRUST).replace("iot.amazonaws.com", trusts)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    statements = [{"Effect": "Allow", "Action": action, "Resource": it} for action, it in allowed]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    return arn


def _get(cloud: Cloud, identity: Identity, path: str, thing: str) -> tuple[int, Any]:
    host = cloud.client("iot").describe_endpoint(endpointType="iot:CredentialProvider")["endpointAddress"]
    with cloud.tls(host, 443, identity) as line:
        head = (
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            f"x-amzn-iot-thingname: {thing}",
            "Connection: close",
        )
        line.sendall("\r\n".join((*head, "", "")).encode())
        answer = b"".join(iter(lambda: line.recv(65536), b""))
    told, _, body = answer.partition(b"\r\n\r\n")
    return int(told.split()[1]), json.loads(body)


def test_credentials_for_a_device(fleet: Cloud, tmp_path: Path) -> None:
    queue = fleet.client("sqs").create_queue(QueueName="devices")["QueueUrl"]
    arn = "arn:aws:sqs:eu-west-1:111122223333:devices"
    s3 = fleet.client("s3")
    s3.create_bucket(Bucket="devices", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    role = _role(
        fleet,
        "devices",
        "credentials.iot.amazonaws.com",
        ("sqs:SendMessage", arn),
        ("s3:PutObject", "arn:aws:s3:::devices/${credentials-iot:ThingName}/*"),
    )
    iot = fleet.client("iot")
    iot.create_role_alias(roleAlias="devices", roleArn=role, credentialDurationSeconds=900)
    wrong = _role(fleet, "wrong", "iot.amazonaws.com", ("sqs:SendMessage", arn))
    iot.create_role_alias(roleAlias="wrong", roleArn=wrong)
    _policy(fleet, "aliases", ("AssumeRoleWithCertificate", "rolealias/devices"))
    identity, certificate = _thing(fleet, tmp_path, "cred-1", "aliases")
    path = "/role-aliases/devices/credentials"
    status, body = _get(fleet, identity, path, "cred-1")
    assert status == 200
    given = body["credentials"]
    keys = {
        "AWS_ACCESS_KEY_ID": given["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["secretAccessKey"],
        "AWS_SESSION_TOKEN": given["sessionToken"],
    }
    known = fleet.client_of("sts", keys).get_caller_identity()["Arn"]
    assert known == f"arn:aws:sts::111122223333:assumed-role/devices/{certificate}"
    sqs = fleet.client_of("sqs", keys)
    sqs.send_message(QueueUrl=queue, MessageBody="hello")
    with pytest.raises(sqs.exceptions.ClientError, match="AccessDenied"):
        sqs.receive_message(QueueUrl=queue)
    own = fleet.client_of("s3", keys)
    own.put_object(Bucket="devices", Key="cred-1/a", Body=b"x")
    with pytest.raises(own.exceptions.ClientError, match="AccessDenied"):
        own.put_object(Bucket="devices", Key="cred-2/a", Body=b"x")
    for other, thing in ((path, "valve-9"), ("/role-aliases/wrong/credentials", "cred-1")):
        assert _get(fleet, identity, other, thing) == (403, {"message": "Access Denied"})
