"""The packages of our own functions: their code, and what they are told in a file beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

_FOLDER = Path(__file__).parent / "functions"


def package(function: str, settings: Mapping[str, Any]) -> pulumi.AssetArchive:
    """The package of a function (a folder of functions/): the same content is the same package."""
    files = [*sorted(_FOLDER.glob("*.py")), *sorted((_FOLDER / function).glob("*.py"))]
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        f"functions/{file.relative_to(_FOLDER).as_posix()}": pulumi.StringAsset(file.read_text("utf-8"))
        for file in files
    }
    told = json.dumps(settings, indent=1, sort_keys=True)
    assets[f"functions/{function}/settings.json"] = pulumi.StringAsset(told)
    return pulumi.AssetArchive(assets)


def entry(function: str) -> str:
    """What Lambda calls."""
    return f"functions.{function}.edge.handler"
