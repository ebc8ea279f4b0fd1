"""TestAuthorization: what a certificate's policies say to an action, told without doing it.

Source: API_TestAuthorization. With a `clientId` that is the name of a thing of the certificate's, thing
variables have values, as in a connection.
"""

from typing import Any

from cryptography import x509

from localcloud.aws import policy
from localcloud.aws.api import Operation, for_anyone
from localcloud.aws.broker import variables
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.policies import Policies
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.things import Things
from localcloud.aws.policy import Request, Values

Document = dict[str, Any]
_ACTIONS = {
    "PUBLISH": "iot:Publish",
    "SUBSCRIBE": "iot:Subscribe",
    "RECEIVE": "iot:Receive",
    "CONNECT": "iot:Connect",
}
_DECISIONS = {"allowed": "ALLOWED", "explicitDeny": "EXPLICIT_DENY", "implicitDeny": "IMPLICIT_DENY"}


class AuthorizationTests:
    """The one operation."""

    def __init__(self, certificates: Certificates, things: Things, policies: Policies) -> None:
        self._certificates = certificates
        self._things = things
        self._policies = policies

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone({"TestAuthorization": self._test})

    def _test(self, params: Document) -> Document:
        principal = params.get("principal")
        if principal is None:
            raise invalid("principal is required: the local cloud has no Cognito identities.")
        identity = self._certificates.require_arn(principal)
        skipped = params.get("policyNamesToSkip") or []
        held = [it for it in self._policies.names_for(principal) if it not in skipped]
        names = list(dict.fromkeys(held + (params.get("policyNamesToAdd") or [])))
        documents = {name: self._policies.document(name) for name in names}
        context = self._context(identity, params.get("clientId"))
        return {"authResults": [self._result(it, documents, context) for it in params["authInfos"]]}

    def _context(self, identity: str, client_id: str | None) -> dict[str, Values]:
        pem = self._certificates.require(identity).pem
        found: dict[str, Values] = dict(
            variables.of_certificate(x509.load_pem_x509_certificate(pem.encode()))
        )
        if client_id is not None:
            mine = client_id in self._certificates.things_of(identity)
            thing = self._things.get(client_id) if mine else None
            found |= {"iot:ClientId": client_id, **variables.of_thing(thing)}
        return found

    def _result(
        self, asked: Document, documents: dict[str, Document], context: dict[str, Values]
    ) -> Document:
        """One decision for all the resources: the worst. Raises ApiError."""
        if "actionType" not in asked:
            raise invalid("Each of authInfos has an actionType.")
        requests = [Request(_ACTIONS[asked["actionType"]], it, context) for it in asked["resources"]]
        decisions = [policy.decide(documents.values(), it) for it in requests]
        worst = next((it for it in ("explicitDeny", "implicitDeny") if it in decisions), "allowed")
        return {
            "authInfo": asked,
            "allowed": {"policies": self._named(documents, requests, "allowed")},
            "denied": {
                "implicitDeny": {"policies": []},
                "explicitDeny": {"policies": self._named(documents, requests, "explicitDeny")},
            },
            "authDecision": _DECISIONS[worst],
            "missingContextValues": [],
        }

    def _named(
        self, documents: dict[str, Document], requests: list[Request], decision: str
    ) -> list[Document]:
        """The policies that alone would decide so for one of the requests."""
        names = [
            name
            for name, it in documents.items()
            if any(policy.decide([it], one) == decision for one in requests)
        ]
        found = [self._policies.require(it) for it in names]
        return [{"policyName": it["name"], "policyArn": it["arn"]} for it in found]
