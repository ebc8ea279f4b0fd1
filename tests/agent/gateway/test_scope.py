"""Who is a child and what proves it: a table of refusals, and listings and tokens that are nonsense."""

import base64
import hashlib
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from agent.credentials import token
from agent.gateway import scope
from agent.gateway.scope import Admitted, Child, NotAdmittedError, Shown

from .conftest import authority, leaf_of

HUB = "hub-a.azure-devices.net"
KEY, OTHER = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"o"))
NOW = 1_000_000.0


def _child(kind: str = "sas", subject: str = "child-1", **more: Any) -> Child:
    known: dict[str, Any] = {"enabled": True, "keys": (OTHER, KEY), "thumbprints": ()}
    return Child(subject=subject, kind=kind, **(known | more))


def _token(
    resource: str = f"{HUB}/devices/child-1", key: str = KEY, seconds: int = 60, policy: str = ""
) -> Shown:
    return Shown(token(resource, key, int(NOW) + seconds, policy), None)


def test_a_token_of_either_key() -> None:
    for key in (KEY, OTHER):
        assert scope.admit(_child(), _token(key=key), HUB, NOW) == Admitted("sas", NOW + 60)
    assert scope.admit(_child(), _token(f"{HUB.upper()}/devices/child-1"), HUB, NOW).proof == "sas"


def test_a_token_of_a_module() -> None:
    shown = _token(f"{HUB}/devices/child-1/modules/camera")
    assert scope.admit(_child(subject="child-1/camera"), shown, HUB, NOW).expires == NOW + 60


REFUSED: dict[str, tuple[Child | None, Shown, str]] = {
    "unknown": (None, _token(), "no child"),
    "disabled": (_child(enabled=False), _token(), "disabled"),
    "nothing shown": (_child(), Shown("", None), "no device's token"),
    "another key": (_child(), _token(key=base64.b64encode(b"x" * 32).decode()), "another key"),
    "no key at the hub": (_child(keys=()), _token(), "another key"),
    "a key that is none": (_child(keys=("?", "")), _token(), "another key"),
    "over": (_child(), _token(seconds=0), "is over"),
    "of another device": (_child(), _token(f"{HUB}/devices/child-2"), "something else"),
    "of the whole hub": (_child(), _token(HUB), "something else"),
    "of a policy": (_child(), _token(policy="device"), "no device's token"),
    "no certificate": (_child("certificateAuthority"), _token(), "no certificate"),
    "may not connect": (_child("none"), _token(), "by 'none'"),
}


@pytest.mark.parametrize(("child", "shown", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refusals(child: Child | None, shown: Shown, words: str) -> None:
    with pytest.raises(NotAdmittedError, match=words):
        scope.admit(child, shown, HUB, NOW)


def test_certificates() -> None:
    root, key = authority("child-1")
    leaf = leaf_of("child-1", root, key)
    der, own = (it.public_bytes(Encoding.DER) for it in (leaf, root))
    by_authority = _child("certificateAuthority")
    assert scope.admit(by_authority, Shown("", der), HUB, NOW) == Admitted("x509", None)
    with pytest.raises(NotAdmittedError, match="self-signed"):
        scope.admit(by_authority, Shown("", own), HUB, NOW)
    with pytest.raises(NotAdmittedError, match="another device"):
        scope.admit(_child("certificateAuthority", "child-2"), Shown("", der), HUB, NOW)


def test_thumbprints() -> None:
    root, _ = authority("child-1")
    der = root.public_bytes(Encoding.DER)
    for known in (root.fingerprint(hashes.SHA256()).hex(), hashlib.sha1(der).hexdigest().upper()):  # noqa: S324
        child = _child("selfSigned", thumbprints=("", known))
        assert scope.admit(child, Shown("", der), HUB, NOW).proof == "x509"
    with pytest.raises(NotAdmittedError, match="thumbprint"):
        scope.admit(_child("selfSigned"), Shown("", der), HUB, NOW)


@pytest.mark.parametrize(
    ("client", "username"),
    [
        ("child-1", "other.azure-devices.net/child-1/?api-version=1"),
        ("child-1", f"{HUB}/child-2/?api-version=1"),
        ("child-1", f"{HUB}/child-1/camera/?api-version=1"),
        ("child-1", HUB),
        ("", f"{HUB}/"),
        ("", ""),
    ],
)
def test_a_connect_that_contradicts_itself(client: str, username: str) -> None:
    with pytest.raises(NotAdmittedError):
        scope.subject_of(client, username, HUB)


@pytest.mark.parametrize("subject", ["child-1", "child-1/camera", "a b#1"])
def test_a_connect_names_its_subject(subject: str) -> None:
    for written in (subject, quote(subject)):
        name = f"{HUB.upper()}:8883/{written}/?api-version=2019-10-01&DeviceClientType=x%2Fy"
        assert scope.subject_of(subject, name, HUB) == subject


def test_a_listing() -> None:
    keys = {"symmetricKey": {"primaryKey": KEY, "secondaryKey": None}, "x509Thumbprint": {}, "type": "sas"}
    page = {
        "devices": [
            {"deviceId": "gateway-1", "status": "enabled", "authentication": keys},
            {"deviceId": "child-1", "status": "disabled", "authentication": keys},
        ],
        "modules": [
            {"deviceId": "child-1", "moduleId": "camera", "authentication": keys},
            {"deviceId": "gateway-1", "moduleId": "$edgeHub", "authentication": keys},
        ],
    }
    found = scope.read(page, "gateway-1")
    assert found == {
        "child-1": Child("child-1", False, "sas", (KEY,), ()),
        "child-1/camera": Child("child-1/camera", True, "sas", (KEY,), ()),
    }
    assert KEY not in repr(found)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["deviceId", "moduleId", "authentication", "type", "symmetricKey", "status", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["devices", "modules", "x"]), json_values), st.text(max_size=60))
def test_no_listing_and_no_password_break_the_gateway(page: dict[str, Any], password: str) -> None:
    for child in scope.read(page, "gateway-1").values():
        with pytest.raises(NotAdmittedError):
            scope.admit(child, Shown(password, None), HUB, NOW)


@given(st.text(max_size=80))
def test_no_password_breaks_a_known_child(password: str) -> None:
    for text in (password, f"SharedAccessSignature sr={password}&se=9999999999&sig={password}"):
        with pytest.raises(NotAdmittedError):
            scope.admit(_child(), Shown(text, None), HUB, NOW)
