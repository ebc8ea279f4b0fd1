"""Role aliases: which role the credential endpoint assumes for a device, and for how long.

Operations of botocore's iot 2015-05-28.
docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html: 3,600 seconds where nothing is
said.
"""

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import marked_page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

DEFAULT_SECONDS = 3600
_NOUN = Noun("aws-role-alias", "Role alias", "rolealias")


class RoleAliases:
    """Role aliases by name."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._kept = Named(place, tags, _NOUN)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateRoleAlias": self._create,
                "UpdateRoleAlias": self._update,
                "DescribeRoleAlias": self._describe,
                "ListRoleAliases": self._list,
                "DeleteRoleAlias": self._delete,
            }
        )

    def find(self, name: str) -> Document | None:
        """roleAlias, roleAliasArn, roleArn, owner, credentialDurationSeconds; None for none."""
        return self._kept.find(name)

    def all(self) -> list[Document]:
        """All, by name."""
        return self._kept.all()

    def _create(self, params: Params) -> Params:
        name = params["roleAlias"]
        document = {
            "roleAlias": name,
            "roleAliasArn": self._kept.arn(name),
            "roleArn": checked_role(params["roleArn"]),
            "owner": self._place.account,
            "credentialDurationSeconds": params.get("credentialDurationSeconds", DEFAULT_SECONDS),
        }
        return _identified(self._kept.create(name, document, params.get("tags", [])))

    def _update(self, params: Params) -> Params:
        changes = subset(params, ("roleArn", "credentialDurationSeconds"))
        if "roleArn" in changes:
            checked_role(changes["roleArn"])
        return _identified(self._kept.update(params["roleAlias"], changes))

    def _describe(self, params: Params) -> Params:
        return {"roleAliasDescription": self._kept.get(params["roleAlias"])}

    def _list(self, params: Params) -> Params:
        names = [str(it["roleAlias"]) for it in self._kept.all()]
        return marked_page("roleAliases", names, str, params)

    def _delete(self, params: Params) -> Params:
        self._kept.remove(params["roleAlias"])
        return {}


def checked_role(arn: str) -> str:
    """The ARN, which must be a role's. Raises ApiError; whether the role exists shows when it is assumed."""
    parts = arn.split(":", 5)
    is_role = len(parts) == 6 and parts[0] == "arn" and parts[2] == "iam" and parts[5].startswith("role/")
    if not is_role or not parts[4].isdigit() or len(parts[4]) != 12:
        raise invalid(f"{arn} is not the ARN of a role.")
    return arn


def _identified(document: Document) -> Params:
    return subset(document, ("roleAlias", "roleAliasArn"))
