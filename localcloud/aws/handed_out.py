"""Credentials that the emulator hands out, remembered so that AWS IoT knows them too.

STS' sessions and IAM's access keys stand in its answers. A function's are made from its ARN and its role's
(ministack 1.5.33, `lambda_runtime.execution_credentials`): they are computed here as there.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from localcloud.aws.account import Account
from localcloud.aws.place import Place
from localcloud.calls import Answer, Call


class HandedOut:
    """Reads answers on their way."""

    def __init__(self, place: Place, account: Account) -> None:
        self._place = place
        self._account = account

    def observe(self, call: Call, service: str, answer: Answer) -> None:
        """Take from a successful answer what it hands out."""
        if service == "sts":
            self._session(call, _tree(answer))
        elif service == "iam":
            self._access_key(call, answer)
        elif service == "lambda" and call.method in ("POST", "PUT"):
            self._function(answer)

    def _session(self, call: Call, tree: ElementTree.Element | None) -> None:
        """AssumeRole, its kin, GetSessionToken and GetFederationToken."""
        found = _texts(tree)
        if not {"AccessKeyId", "SecretAccessKey", "SessionToken"} <= found.keys():
            return
        arn = found.get("Arn") or self._account.arn_of(call) or self._account.root_arn()
        policy = parse_qs(call.raw.decode("utf-8", "replace")).get("Policy", [None])[0]
        self._account.remember(
            found["AccessKeyId"],
            found["SecretAccessKey"],
            arn,
            token=found["SessionToken"],
            expires=datetime.fromisoformat(found["Expiration"]).timestamp(),
            role=_role(arn),
            policy=json.loads(policy) if policy else None,
        )

    def _access_key(self, call: Call, answer: Answer) -> None:
        asked = {name: it[0] for name, it in parse_qs(call.raw.decode("utf-8", "replace")).items()}
        action = asked.get("Action")
        if action == "CreateAccessKey":
            found = _texts(_tree(answer))
            user = found["UserName"]
            arn = f"arn:aws:iam::{self._place.account}:user/{user}"
            self._account.remember(found["AccessKeyId"], found["SecretAccessKey"], arn, user=user)
        elif action == "DeleteAccessKey" or asked.get("Status") == "Inactive":
            self._account.forget(asked.get("AccessKeyId", ""))

    def _function(self, answer: Answer) -> None:
        """CreateFunction, UpdateFunctionConfiguration, PublishVersion: what names a function and its role."""
        try:
            told: Any = json.loads(answer.body or b"{}")
        except ValueError:
            return
        if not isinstance(told, dict) or not {"FunctionArn", "Role", "FunctionName"} <= told.keys():
            return
        role = str(told["Role"]).rsplit("/", 1)[-1]
        digest = hashlib.sha256(f"{told['FunctionArn']}:{told['Role']}".encode()).hexdigest()
        self._account.remember(
            f"ASIA{digest[:16].upper()}",
            hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
            f"arn:aws:sts::{self._place.account}:assumed-role/{role}/{told['FunctionName']}",
            token=hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
            role=role,
        )


def _role(arn: str) -> str | None:
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    return rest.partition("/")[0] if kind == "assumed-role" else None


def _tree(answer: Answer) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(answer.body or b"")  # noqa: S314 - our own child's answer
    except ElementTree.ParseError:
        return None


def _texts(tree: ElementTree.Element | None) -> dict[str, str]:
    """Leaves by their names, without namespaces."""
    return dict(_leaves(tree)) if tree is not None else {}


def _leaves(tree: ElementTree.Element) -> Iterator[tuple[str, str]]:
    for element in tree.iter():
        if element.text and not len(element):
            yield element.tag.rpartition("}")[2], element.text
