"""Files of the project, by what is in them."""

import hashlib
from pathlib import Path


def content_hash(file: Path) -> str:
    """`sha256:…` of a file, however big. Raises OSError when it cannot be read."""
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
