"""IoT policies: five versions, attached to certificates and thing groups.

Quotas (docs.aws.amazon.com/general/latest/gr/iot-core.html): documents of 2,048 characters, whitespace aside,
10 policies on a certificate, 2 on a thing group.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from localcloud.aws import policy
from localcloud.aws.api import ApiError, Operation, for_anyone
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.paging import marked_page
from localcloud.aws.iot.refusals import invalid, limited, not_found
from localcloud.aws.iot.tags import Tag, Tags
from localcloud.aws.place import Place

_POLICIES = "aws-policy"
_TARGETS = "aws-policy-target"
_OF_TARGET = "aws-target-policy"
LONGEST = 2048
MOST_VERSIONS = 5
MOST_ON_CERTIFICATE = 10
MOST_ON_GROUP = 2


class Policies:
    """Policies by name. A document: name, arn, created, default, next, versions by id."""

    def __init__(self, place: Place, certificates: Certificates, groups: ThingGroups, tags: Tags) -> None:
        self._place = place
        self._certificates = certificates
        self._groups = groups
        self._tags = tags
        self._things_of: Callable[[str], list[str]] = lambda identity: certificates.things_of(identity)
        certificates.policies_of = self.of_target
        certificates.drop_policies = self._drop_target

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "CreatePolicy": self._create,
                "GetPolicy": self._get,
                "DeletePolicy": self._delete,
                "ListPolicies": self._list,
                "CreatePolicyVersion": self._create_version,
                "GetPolicyVersion": self._get_version,
                "ListPolicyVersions": self._list_versions,
                "SetDefaultPolicyVersion": self._set_default,
                "DeletePolicyVersion": self._delete_version,
                "AttachPolicy": lambda it: self._attach(it["policyName"], it["target"]),
                "DetachPolicy": lambda it: self._detach(it["policyName"], it["target"]),
                "AttachPrincipalPolicy": lambda it: self._attach(it["policyName"], it["principal"]),
                "DetachPrincipalPolicy": lambda it: self._detach(it["policyName"], it["principal"]),
                "ListAttachedPolicies": self._list_attached,
                "ListPrincipalPolicies": self._list_of_principal,
                "ListTargetsForPolicy": self._list_targets,
                "ListPolicyPrincipals": self._list_principals,
                "GetEffectivePolicies": self._effective,
            }
        )

    # for others

    def get(self, name: str) -> dict[str, Any] | None:
        """A policy."""
        return self._place.store.get(_POLICIES, name)

    def require(self, name: str) -> dict[str, Any]:
        """One that is there. Raises ApiError."""
        found = self.get(name)
        if found is None:
            raise not_found("Policy", name)
        return found

    def document(self, name: str) -> dict[str, Any]:
        """The default version's document."""
        known = self.require(name)
        found: dict[str, Any] = json.loads(known["versions"][known["default"]]["document"])
        return found

    def of_target(self, target: str) -> list[str]:
        """Names of the policies on a certificate or group, by ARN."""
        return [key.rpartition("|")[2] for key, _ in self._place.store.list(_OF_TARGET, f"{target}|")]

    def documents_of(self, certificate_arn: str) -> list[dict[str, Any]]:
        """What holds for a certificate: its own, and those of its things' groups and of their ancestors."""
        return [self.document(name) for name in self.names_for(certificate_arn)]

    def names_for(self, certificate_arn: str, thing: str | None = None) -> list[str]:
        """Names of those policies, each once. `thing` stands for all things of the certificate."""
        identity = self._certificates.identity(certificate_arn)
        things = [thing] if thing else self._things_of(identity) if identity else []
        return list(dict.fromkeys(self.of_target(certificate_arn) + self._of_groups(things)))

    def create(self, name: str, document: str, tags: Sequence[Tag] = ()) -> dict[str, Any]:
        """A new policy with one version. Raises ApiError."""
        checked(document)
        if self.get(name):
            words = f"Policy cannot be created - name already exists (name={name})"
            raise ApiError("ResourceAlreadyExistsException", words, resourceId=name)
        now, arn = self._place.now(), self._place.arn(f"policy/{name}")
        made = {"name": name, "arn": arn, "created": now, "modified": now, "default": "1", "next": 2}
        made["versions"] = {"1": {"document": document, "created": now}}
        with self._place.store.transaction():
            self._tags.put(arn, tags)
            self._save(made)
        return made

    def add_version(self, name: str, document: str, *, is_default: bool) -> str:
        """A further version of a policy; its number. Raises ApiError."""
        known = self.require(name)
        checked(document)
        if len(known["versions"]) >= MOST_VERSIONS:
            words = f"The policy {known['name']} already has the maximum number of versions ({MOST_VERSIONS})"
            raise ApiError("VersionsLimitExceededException", words)
        version = str(known["next"])
        known["next"] += 1
        known["versions"][version] = {"document": document, "created": self._place.now()}
        known["default"] = version if is_default else known["default"]
        self._save({**known, "modified": self._place.now()})
        return version

    def all(self) -> list[dict[str, Any]]:
        """Every policy, by name."""
        return [it for _, it in self._place.store.list(_POLICIES)]

    def attach(self, name: str, target: str) -> None:
        """Put a policy on a certificate or group. Raises ApiError."""
        self.require(name)
        most = self._check_target(target)
        held = self.of_target(target)
        if name in held:
            return
        if len(held) >= most:
            raise limited(f"{target} has {most} policies, which is the maximum.")
        with self._place.store.transaction():
            self._place.store.put(_OF_TARGET, f"{target}|{name}", {})
            self._place.store.put(_TARGETS, f"{name}|{target}", {})

    def detach(self, name: str, target: str) -> None:
        """Take it off; no fault when it was not there."""
        with self._place.store.transaction():
            self._place.store.delete(_OF_TARGET, f"{target}|{name}")
            self._place.store.delete(_TARGETS, f"{name}|{target}")

    def targets(self, name: str) -> list[str]:
        """ARNs that a policy is on."""
        return [key.partition("|")[2] for key, _ in self._place.store.list(_TARGETS, f"{name}|")]

    # the control plane

    def _create(self, params: dict[str, Any]) -> dict[str, Any]:
        name, document = params["policyName"], params["policyDocument"]
        made = self.create(name, document, params.get("tags") or [])
        arn = made["arn"]
        return {"policyName": name, "policyArn": arn, "policyDocument": document, "policyVersionId": "1"}

    def _get(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["policyName"])
        return {
            "policyName": known["name"],
            "policyArn": known["arn"],
            "policyDocument": known["versions"][known["default"]]["document"],
            "defaultVersionId": known["default"],
            "creationDate": known["created"],
            "lastModifiedDate": known["modified"],
            "generationId": f"{known['created']:.0f}-{known['next']}",
        }

    def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["policyName"])
        name = known["name"]
        if len(known["versions"]) > 1:
            words = (
                f"Cannot delete the policy because it has one or more policy versions attached (name={name})"
            )
            raise ApiError("DeleteConflictException", words)
        if self.targets(name):
            words = f"The policy cannot be deleted as it is attached to one or more principals (name={name})"
            raise ApiError("DeleteConflictException", words)
        self._place.store.delete(_POLICIES, name)
        self._tags.forget(known["arn"])
        return {}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        return _policies_page(self.all(), params)

    def _create_version(self, params: dict[str, Any]) -> dict[str, Any]:
        is_default = bool(params.get("setAsDefault"))
        name, document = params["policyName"], params["policyDocument"]
        version = self.add_version(name, document, is_default=is_default)
        return {
            "policyArn": self.require(name)["arn"],
            "policyDocument": document,
            "policyVersionId": version,
            "isDefaultVersion": is_default,
        }

    def _get_version(self, params: dict[str, Any]) -> dict[str, Any]:
        known, version = self._version(params)
        held = known["versions"][version]
        return {
            "policyArn": known["arn"],
            "policyName": known["name"],
            "policyDocument": held["document"],
            "policyVersionId": version,
            "isDefaultVersion": version == known["default"],
            "creationDate": held["created"],
            "lastModifiedDate": held["created"],
            "generationId": f"{known['created']:.0f}-{version}",
        }

    def _list_versions(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["policyName"])
        shown = [
            {"versionId": it, "isDefaultVersion": it == known["default"], "createDate": held["created"]}
            for it, held in sorted(known["versions"].items(), key=lambda it: -int(it[0]))
        ]
        return {"policyVersions": shown}

    def _set_default(self, params: dict[str, Any]) -> dict[str, Any]:
        known, version = self._version(params)
        self._save({**known, "default": version, "modified": self._place.now()})
        return {}

    def _delete_version(self, params: dict[str, Any]) -> dict[str, Any]:
        known, version = self._version(params)
        if version == known["default"]:
            words = f"Cannot delete the default version of policy {known['name']}: delete the policy instead"
            raise ApiError("DeleteConflictException", words)
        del known["versions"][version]
        self._save(known)
        return {}

    def _attach(self, name: str, target: str) -> dict[str, Any]:
        self.attach(name, target)
        return {}

    def _detach(self, name: str, target: str) -> dict[str, Any]:
        self.require(name)
        self._check_target(target)
        self.detach(name, target)
        return {}

    def _list_attached(self, params: dict[str, Any]) -> dict[str, Any]:
        target = params["target"]
        self._check_target(target)
        names = self.of_target(target)
        if params.get("recursive"):
            names += [it for it in self._inherited(target) if it not in names]
        return _policies_page([self.require(it) for it in names], params)

    def _list_of_principal(self, params: dict[str, Any]) -> dict[str, Any]:
        self._check_target(params["principal"])
        return _policies_page([self.require(it) for it in self.of_target(params["principal"])], params)

    def _list_targets(self, params: dict[str, Any]) -> dict[str, Any]:
        self.require(params["policyName"])
        return marked_page("targets", self.targets(params["policyName"]), str, params)

    def _list_principals(self, params: dict[str, Any]) -> dict[str, Any]:
        self.require(params["policyName"])
        found = [it for it in self.targets(params["policyName"]) if ":cert/" in it]
        return marked_page("principals", found, str, params)

    def _effective(self, params: dict[str, Any]) -> dict[str, Any]:
        principal = params.get("principal")
        if principal is None:
            raise invalid("principal is required: the local cloud has no Cognito identities.")
        self._check_target(principal)
        found = [self.require(it) for it in self.names_for(principal, params.get("thingName"))]
        shown = [
            {
                "policyName": it["name"],
                "policyArn": it["arn"],
                "policyDocument": it["versions"][it["default"]]["document"],
            }
            for it in found
        ]
        return {"effectivePolicies": shown}

    def _version(self, params: dict[str, Any]) -> tuple[dict[str, Any], str]:
        known, version = self.require(params["policyName"]), str(params["policyVersionId"])
        if version not in known["versions"]:
            raise not_found(f"Version of policy {known['name']}", version)
        return known, version

    def _check_target(self, target: str) -> int:
        """How many policies it may have. Raises ApiError when it is nothing that can have any."""
        prefix, _, name = (self._place.resource(target) or "").partition("/")
        if prefix == "cert":
            self._certificates.require_arn(target)
            return MOST_ON_CERTIFICATE
        if prefix == "thinggroup":
            if self._groups.require(name).get("query"):
                raise invalid(f"{name} is a dynamic thing group: policies are attached to static ones.")
            return MOST_ON_GROUP
        raise invalid(f"{target} is no ARN of a certificate or thing group in this account.")

    def _inherited(self, target: str) -> list[str]:
        prefix, _, name = (self._place.resource(target) or "").partition("/")
        if prefix == "thinggroup":
            return self._on_groups(self._groups.ancestors(name))
        return self._of_groups(self._things_of(name))

    def _of_groups(self, things: list[str]) -> list[str]:
        groups = [group for thing in things for group in self._groups.static_of_thing(thing)]
        return self._on_groups([it for group in groups for it in (group, *self._groups.ancestors(group))])

    def _on_groups(self, groups: list[str]) -> list[str]:
        found = [name for it in groups for name in self.of_target(self._place.arn(f"thinggroup/{it}"))]
        return list(dict.fromkeys(found))

    def _drop_target(self, target: str) -> None:
        for name in self.of_target(target):
            self.detach(name, target)

    def _save(self, known: dict[str, Any]) -> None:
        self._place.store.put(_POLICIES, known["name"], known)


def checked(text: str) -> str:
    """The text of a policy document that AWS IoT takes. Raises ApiError MalformedPolicyException."""
    size = len(re.sub(r"\s", "", text))
    if size > LONGEST:
        raise _malformed(f"it has {size} characters; {LONGEST} is the maximum")
    try:
        policy.check(json.loads(text))
    except (ValueError, RecursionError) as error:  # MalformedPolicy is a ValueError
        raise _malformed(str(error)) from error
    return text


def _malformed(words: str) -> ApiError:
    return ApiError("MalformedPolicyException", f"Policy document is malformed: {words}.")


def _policies_page(found: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    shown = [{"policyName": it["name"], "policyArn": it["arn"]} for it in found]
    return marked_page("policies", shown, lambda it: str(it["policyName"]), params)
