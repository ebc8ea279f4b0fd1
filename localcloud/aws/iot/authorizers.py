"""Custom authorizers, kept: they are described and listed, and a device that wants one is not admitted by it.

Operations of botocore's iot 2015-05-28. Signing keys are needed unless signing is disabled
(docs.aws.amazon.com/iot/latest/developerguide/config-custom-auth.html).
"""

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import marked_page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

_NOUN = Noun("aws-authorizer", "Authorizer", "authorizer")
_DEFAULT = "aws-default-authorizer"
_CHANGED = (
    "authorizerFunctionArn",
    "tokenKeyName",
    "tokenSigningPublicKeys",
    "status",
    "enableCachingForHttp",
)


class Authorizers:
    """Authorizers by name, and which is the account's default."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._kept = Named(place, tags, _NOUN)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateAuthorizer": self._create,
                "UpdateAuthorizer": self._update,
                "DescribeAuthorizer": self._describe,
                "ListAuthorizers": self._list,
                "DeleteAuthorizer": self._delete,
                "SetDefaultAuthorizer": self._set_default,
                "DescribeDefaultAuthorizer": self._describe_default,
                "ClearDefaultAuthorizer": self._clear_default,
            }
        )

    def knows(self, name: str) -> bool:
        """Whether there is one."""
        return self._kept.find(name) is not None

    def _create(self, params: Params) -> Params:
        name = params["authorizerName"]
        document = {
            "authorizerName": name,
            "authorizerArn": self._kept.arn(name),
            "status": params.get("status", "INACTIVE"),
            "signingDisabled": params.get("signingDisabled", False),
            "enableCachingForHttp": params.get("enableCachingForHttp", False),
            **subset(params, ("authorizerFunctionArn", "tokenKeyName", "tokenSigningPublicKeys")),
        }
        _check(document)
        return _identified(self._kept.create(name, document, params.get("tags", [])))

    def _update(self, params: Params) -> Params:
        changes = subset(params, _CHANGED)
        _check({**self._kept.get(params["authorizerName"]), **changes})
        return _identified(self._kept.update(params["authorizerName"], changes))

    def _describe(self, params: Params) -> Params:
        return {"authorizerDescription": self._kept.get(params["authorizerName"])}

    def _list(self, params: Params) -> Params:
        wanted = params.get("status")
        found = [_identified(it) for it in self._kept.all() if wanted in (None, it["status"])]
        return marked_page("authorizers", found, lambda it: str(it["authorizerName"]), params)

    def _delete(self, params: Params) -> Params:
        known = self._kept.get(params["authorizerName"])
        if known["status"] == "ACTIVE" or self._default() == known["authorizerName"]:
            raise ApiError(
                "DeleteConflictException", "An authorizer that is ACTIVE or the default cannot be deleted."
            )
        self._kept.delete(known["authorizerName"])
        return {}

    def _set_default(self, params: Params) -> Params:
        known = self._kept.get(params["authorizerName"])
        if self._default() is not None:
            raise ApiError("ResourceAlreadyExistsException", "The account has a default authorizer already.")
        self._place.store.put(_DEFAULT, _DEFAULT, {"name": known["authorizerName"]})
        return _identified(known)

    def _describe_default(self, _params: Params) -> Params:
        return {"authorizerDescription": self._kept.get(self._needed_default())}

    def _clear_default(self, _params: Params) -> Params:
        self._needed_default()
        self._place.store.delete(_DEFAULT, _DEFAULT)
        return {}

    def _default(self) -> str | None:
        known = self._place.store.get(_DEFAULT, _DEFAULT)
        return str(known["name"]) if known else None

    def _needed_default(self) -> str:
        name = self._default()
        if name is None:
            raise ApiError("ResourceNotFoundException", "The account has no default authorizer.")
        return name


def _check(document: Document) -> None:
    if document["signingDisabled"]:
        return
    if not document.get("tokenKeyName") or not document.get("tokenSigningPublicKeys"):
        raise invalid("tokenKeyName and tokenSigningPublicKeys are required unless signingDisabled is true.")


def _identified(document: Document) -> Params:
    return subset(document, ("authorizerName", "authorizerArn"))
