"""What all links have in common: they are written into a document that others write, too.

A link that somebody else's PUT dropped is set again in the same `up`, since the program passes on the
revision (ETag) of that write; a revision at which a refresh saw the link is no change (docs/adr/0002)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from provider.fields import prop
from provider.handlers import rules
from provider.resource import Diff, Handler
from provider.values import Plain

ADDRESS = "it is part of the link's address"


@dataclass(frozen=True, kw_only=True)
class Revised:
    """The inputs of every link."""

    authentication: str = prop(
        "Who logs in at the other side: SystemAssigned, the linked service's own managed identity.",
        default="SystemAssigned",
        rule=rules.choice("SystemAssigned"),
    )
    service_revision: str = prop(
        "The ETag of what is linked: a PUT by somebody else may drop links, so a change there sets the link "
        "again in the same run.",
        default="",
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is computed."""

    service_etag: str = prop("The ETag of what is linked when the link was last set or seen.")


R = TypeVar("R", bound=Revised)
S = TypeVar("S", bound=Seen)


class LinkHandler(Handler[R, S]):
    """Links, with their revisions."""

    def diff(
        self, old_inputs: Mapping[str, Plain], old: Mapping[str, Plain], new: Mapping[str, Plain]
    ) -> Diff:
        """As for every resource; but a revision at which a refresh saw the link is no change."""
        if new.get("serviceRevision") == old.get("serviceEtag"):
            new = {**new, "serviceRevision": old_inputs.get("serviceRevision")}
        return super().diff(old_inputs, old, new)
