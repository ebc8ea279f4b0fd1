"""Whether policies allow an action on a resource: AWS IoT policies, IAM policies, trust policies of roles.

Source: "Policy evaluation logic", "IAM JSON policy elements reference" and "Policy variables" (AWS IAM user
guide, version 2012-10-17); "AWS IoT Core policies" and "AWS IoT Core policy variables" (AWS IoT developer
guide). Nothing is allowed by default, a Deny wins. `*` and `?` are wildcards, MQTT's `+` and `#` are plain
characters. The value of a variable is taken as it is, so a wildcard in it matches only itself. A pattern with
a variable that has no value matches nothing, and an Allow that would need it (NotResource) is void: what a
statement means without the value is documented for IAM only, so this is the safe side. Pure.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from localcloud.aws import policy_conditions as conditions

VERSIONS = ("2008-10-17", "2012-10-17")
Values = str | Sequence[str]
Decision = Literal["allowed", "explicitDeny", "implicitDeny"]
_DOCUMENT = {"Version", "Id", "Statement"}
_STATEMENT = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_SPECIAL = {"*": "*", "?": "?", "$": "$"}


class MalformedPolicy(ValueError):  # noqa: N818 - names the policy, as AWS' MalformedPolicyException does
    """The document is no policy; says where and why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: an action ("iot:Publish") on a resource (an ARN, or "*"), and what is known of who asks.

    `context` has condition keys and variables ("iot:ClientId", "aws:SourceIp", …). `principal` is for trust
    policies only: kind and name ("Service", "iot.amazonaws.com"), or ("AWS", arn).
    """

    action: str
    resource: str
    context: Mapping[str, Values] = field(default_factory=dict)
    principal: tuple[str, str] | None = None


def allows(documents: Iterable[Mapping[str, Any]], request: Request) -> bool:
    """Whether all these policies together allow it."""
    return decide(documents, request) == "allowed"


def decide(documents: Iterable[Mapping[str, Any]], request: Request) -> Decision:
    """The decision, told apart as AWS' TestAuthorization does. Documents must have passed `check`."""
    context = {conditions.spelt(name): value for name, value in request.context.items()}
    found: Decision = "implicitDeny"
    for document in documents:
        with_variables = document.get("Version") == "2012-10-17"
        for statement in _listed(document["Statement"]):
            if not _applies(statement, request, context, with_variables):
                continue
            if statement["Effect"] == "Deny":
                return "explicitDeny"
            found = "allowed"
    return found


def check(document: object, *, trust: bool = False) -> dict[str, Any]:
    """The document, when it has the form of a policy. Raises MalformedPolicy.

    `trust`: a role's trust policy, which names principals and no resources; others name no principals.
    """
    if not isinstance(document, dict):
        raise MalformedPolicy("a policy is a JSON object")
    _check_names(document, _DOCUMENT, "the policy")
    if document.get("Version", VERSIONS[0]) not in VERSIONS:
        raise MalformedPolicy(f"Version must be one of {', '.join(VERSIONS)}")
    statements = _listed(document.get("Statement", []))
    if not statements:
        raise MalformedPolicy("Statement is missing or empty")
    for number, statement in enumerate(statements):
        _check_statement(statement, f"Statement[{number}]", trust)
    return document


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Whether a pattern with `*` and `?`, without variables, fits the whole text."""
    return _compiled(_wild(pattern), ignore_case).fullmatch(text) is not None


def _applies(
    statement: Mapping[str, Any], request: Request, context: Mapping[str, Values], with_variables: bool
) -> bool:
    if not _principal_fits(statement, request.principal) or not _action_fits(statement, request.action):
        return False
    values = context if with_variables else None
    if not _resource_fits(statement, request.resource, values):
        return False
    wanted = statement.get("Condition", {})
    return conditions.hold(wanted, context, lambda text, wild: filled(text, values, wild=wild))


def _action_fits(statement: Mapping[str, Any], action: str) -> bool:
    listed = _listed(statement.get("Action", statement.get("NotAction", [])))
    named = any(matches(it, action, ignore_case=True) for it in listed)
    return named == ("Action" in statement)


def _resource_fits(statement: Mapping[str, Any], resource: str, values: Mapping[str, Values] | None) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True  # a trust policy
    patterns = [filled(it, values) for it in _listed(statement.get("Resource", statement.get("NotResource")))]
    named = any(it is not None and _compiled(it, False).fullmatch(resource) for it in patterns)
    if "Resource" in statement:
        return named
    return not named and not (statement["Effect"] == "Allow" and None in patterns)


def _principal_fits(statement: Mapping[str, Any], principal: tuple[str, str] | None) -> bool:
    if principal is None:
        return True
    kind, name = principal
    given = statement.get("Principal", statement.get("NotPrincipal", {}))
    named = given == "*" or name in _listed(given.get(kind, [])) or "*" in _listed(given.get(kind, []))
    return named == ("Principal" in statement)


def filled(text: str, values: Mapping[str, Values] | None, *, wild: bool = True) -> str | None:
    """A regular expression for a pattern, its variables replaced; None when one has no single value.

    `values` None: the policy's version knows no variables. `wild` False: `*` and `?` are plain characters.
    """
    plain = _wild if wild else re.escape
    if values is None:
        return plain(text)
    parts: list[str] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        value = _value(found[1], values)
        if value is None:
            return None
        parts += [plain(text[end : found.start()]), re.escape(value)]
        end = found.end()
    return "".join([*parts, plain(text[end:])])


def _value(name: str, values: Mapping[str, Values]) -> str | None:
    """`${name}` or `${name, 'default'}`."""
    if name in _SPECIAL:
        return _SPECIAL[name]
    key, comma, default = name.partition(",")
    value = values.get(conditions.spelt(key.strip()))
    if isinstance(value, str):
        return value
    quoted = default.strip()
    if comma and value is None and len(quoted) >= 2 and quoted[0] == quoted[-1] == "'":
        return quoted[1:-1]
    return None


def _wild(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


@lru_cache(maxsize=4096)
def _compiled(expression: str, ignore_case: bool) -> re.Pattern[str]:
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _check_statement(statement: object, where: str, trust: bool) -> None:
    if not isinstance(statement, dict):
        raise MalformedPolicy(f"{where} is no object")
    _check_names(statement, _STATEMENT, where)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy(f"{where}.Effect must be Allow or Deny")
    _check_one_of(statement, "Action", where)
    if trust:
        _check_principal(statement, where)
    elif "Principal" in statement or "NotPrincipal" in statement:
        raise MalformedPolicy(f"{where} names a principal, which a policy of this kind does not")
    if not trust or "Resource" in statement or "NotResource" in statement:
        _check_one_of(statement, "Resource", where)
    fault = conditions.fault(statement.get("Condition", {}))
    if fault:
        raise MalformedPolicy(f"{where}.Condition: {fault}")


def _check_one_of(statement: Mapping[str, Any], name: str, where: str) -> None:
    present = [it for it in (name, f"Not{name}") if it in statement]
    if len(present) != 1:
        raise MalformedPolicy(f"{where} needs one of {name} and Not{name}")
    values = _listed(statement[present[0]])
    if not values or not all(isinstance(it, str) and it for it in values):
        raise MalformedPolicy(f"{where}.{present[0]} must be a text or a list of texts")


def _check_principal(statement: Mapping[str, Any], where: str) -> None:
    if ("Principal" in statement) == ("NotPrincipal" in statement):
        raise MalformedPolicy(f"{where} needs one of Principal and NotPrincipal")
    given = statement.get("Principal", statement.get("NotPrincipal"))
    if given == "*":
        return
    if not isinstance(given, dict) or not given:
        raise MalformedPolicy(f"{where}.Principal must be an object or *")
    if not all(isinstance(name, str) for value in given.values() for name in _listed(value)):
        raise MalformedPolicy(f"{where}.Principal must hold texts")


def _check_names(given: Mapping[object, object], known: set[str], where: str) -> None:
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        raise MalformedPolicy(f"{where} has unknown elements: {', '.join(sorted(unknown))}")


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - JSON: one thing or a list of them
    return value if isinstance(value, list) else [value]
