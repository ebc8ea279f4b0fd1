"""The decision core: chains against verified authorities and groups, case by case."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from localcloud.azure.dps.matching import Candidate, Refused, match

NAME = "pump-1"


@dataclass
class Authorities:
    """root -> factory -> line; and a root of somebody else under the same name."""

    pki: Any
    root: Any
    factory: Any
    line: Any
    rogue: Any


@pytest.fixture(scope="module")
def ca(pki: Any) -> Authorities:
    root = pki.authority("root")
    factory = pki.authority("factory", root)
    return Authorities(pki, root, factory, pki.authority("line", factory), pki.authority("root"))


def _decide(presented: Sequence[Any], verified: Sequence[Any], groups: dict[str, Any], **wishes: Any) -> str:
    candidates = [
        Candidate(name, (holder.certificate,), not name.startswith("off")) for name, holder in groups.items()
    ]
    chain = [holder.certificate for holder in presented]
    authorities = [holder.certificate for holder in verified]
    at = wishes.pop("at", datetime.now(UTC))
    return match(wishes.pop("name", NAME), chain, authorities, candidates, at).group_id


def test_accepted(ca: Authorities) -> None:
    leaf, deep = ca.pki.leaf(NAME, ca.factory), ca.pki.leaf(NAME, ca.line)
    groups = {"factory": ca.factory, "root": ca.root}
    accepted = [
        ("intermediate sent, root verified", [leaf, ca.factory], [ca.root], groups, "factory"),
        ("leaf alone, issuer known from the group", [leaf], [ca.root], groups, "factory"),
        ("intermediate itself verified", [leaf], [ca.factory], groups, "factory"),
        ("root sent too, order jumbled", [leaf, ca.root, ca.factory], [ca.root], groups, "factory"),
        ("group by root", [leaf, ca.factory], [ca.root], {"root": ca.root}, "root"),
        ("nearest group wins", [deep, ca.line, ca.factory], [ca.root], {**groups, "line": ca.line}, "line"),
        ("nearest that exists", [deep, ca.line, ca.factory], [ca.root], groups, "factory"),
        ("leaf from the root", [ca.pki.leaf(NAME, ca.root)], [ca.root], groups, "root"),
        ("same certificate, disabled wins", [leaf], [ca.root], {"a": ca.factory, "off": ca.factory}, "off"),
        ("rogue root beside a good one", [leaf, ca.rogue, ca.factory], [ca.root], groups, "factory"),
        (
            "no key usage extension",
            [ca.pki.leaf(NAME, ca.factory, usages=None)],
            [ca.root],
            groups,
            "factory",
        ),
        ("case of the name", [ca.pki.leaf("PUMP-1", ca.factory)], [ca.root], groups, "factory"),
    ]
    for title, presented, verified, among, expected in accepted:
        assert _decide(presented, verified, among) == expected, title


def _any_usage(ca: Authorities) -> Any:
    return ca.pki.leaf(NAME, ca.factory, usages=(ExtendedKeyUsageOID.SERVER_AUTH,))


REFUSED: list[tuple[str, str, Callable[[Authorities], Sequence[Any]]]] = [
    ("nothing presented", "no-certificate", lambda _: []),
    ("self-signed leaf", "self-signed", lambda ca: [ca.pki.leaf(NAME, None)]),
    ("a CA's own name, other key", "unknown-authority", lambda ca: [ca.pki.leaf(NAME, ca.rogue), ca.rogue]),
    ("issuer not sent and unknown", "unknown-authority", lambda ca: [ca.pki.leaf(NAME, ca.line)]),
    (
        "leaf by a leaf",
        "invalid-chain",
        lambda ca: [ca.pki.leaf(NAME, it := ca.pki.leaf("x", ca.factory)), it],
    ),
    (
        "CA that may not sign",
        "invalid-chain",
        lambda ca: [ca.pki.leaf(NAME, it := ca.pki.authority("m", ca.root, may_sign=False)), it],
    ),
    (
        "path too long",
        "invalid-chain",
        lambda ca: [
            ca.pki.leaf(
                NAME, below := ca.pki.authority("b", top := ca.pki.authority("t", ca.root, path_length=0))
            ),
            below,
            top,
        ],
    ),
    ("expired leaf", "expired", lambda ca: [ca.pki.leaf(NAME, ca.factory, from_days=-3, to_days=-1)]),
    ("leaf of tomorrow", "not-yet-valid", lambda ca: [ca.pki.leaf(NAME, ca.factory, from_days=1)]),
    (
        "expired intermediate",
        "expired",
        lambda ca: [ca.pki.leaf(NAME, it := ca.pki.authority("o", ca.root, from_days=-3, to_days=-1)), it],
    ),
    ("other name", "cn-mismatch", lambda ca: [ca.pki.leaf("pump-2", ca.factory)]),
    ("server certificate", "no-client-auth", lambda ca: [_any_usage(ca)]),
    (
        "CA without a group",
        "not-enrolled",
        lambda ca: [ca.pki.leaf(NAME, it := ca.pki.authority("n", ca.root)), it],
    ),
]


@pytest.mark.parametrize(("title", "reason", "presented"), REFUSED, ids=[it[0] for it in REFUSED])
def test_refused(ca: Authorities, title: str, reason: str, presented: Callable[[Authorities], Any]) -> None:
    with pytest.raises(Refused) as refused:
        _decide(presented(ca), [ca.root], {"factory": ca.factory})
    assert refused.value.reason == reason, title


def test_unverified_authority_is_unknown(ca: Authorities) -> None:
    with pytest.raises(Refused, match="unknown-authority"):
        _decide([ca.pki.leaf(NAME, ca.factory), ca.factory, ca.root], [], {"factory": ca.factory})


def test_time_is_checked_at_the_given_moment(ca: Authorities) -> None:
    leaf = ca.pki.leaf(NAME, ca.factory)
    for days, reason in ((-20, "not-yet-valid"), (40, "expired")):
        at = datetime.now(UTC) + timedelta(days=days)
        with pytest.raises(Refused, match=reason):
            _decide([leaf], [ca.root], {"factory": ca.factory}, at=at)


def test_many_presented_certificates_end_soon(pki: Any) -> None:
    loops = [pki.authority("loop") for _ in range(50)]
    chain: list[x509.Certificate] = [pki.leaf(NAME, loops[0]).certificate, *(it.certificate for it in loops)]
    with pytest.raises(Refused, match="unknown-authority"):
        match(NAME, chain, [], [], datetime.now(UTC))
