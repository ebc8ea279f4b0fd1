"""The `api-version` of data planes."""

import re

_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(?:-preview)?")


def version_fault(version: str | None, newest: str) -> str | None:
    """Why an api-version is refused, None when it is served: older ones are, as SDKs in use send them."""
    if not version:
        return "the query parameter api-version is required"
    if not _FORM.fullmatch(version):
        return f"api-version '{version[:30]}' must be a date such as {newest}"
    if version[:10] > newest:
        return f"api-version {version} is newer than {newest}, the newest that the local cloud serves"
    return None
