"""docs/localcloud.md: its examples of the control surface are sent as they stand there."""

import json
import re
import ssl
from pathlib import Path
from typing import Any

import httpx

from .client import Control

PAGE = Path(__file__).parents[3] / "docs" / "localcloud.md"


def test_the_examples_on_the_page_do_what_it_says(cloud: Any, control: Control) -> None:
    block = re.search(r"```control\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    lines = block[1].splitlines()
    assert len(lines) >= 9
    trust = ssl.create_default_context(cafile=str(cloud.trust))
    base = f"https://127.0.0.1:{cloud.endpoints['https_port']}"
    before = control.now()
    with httpx.Client(base_url=base, verify=trust, trust_env=False) as http:
        for line in lines:
            method, path, body = (*line.split(" ", 2), "")[:3]
            answer = http.request(method, path, content=body.encode())
            assert answer.is_success, (line, answer.text)
            if method == "POST" and path.endswith("faults"):
                listed = json.loads(body)["faults"]
                shown = http.get(path).json()["faults"]
                assert [it.items() <= other.items() for it, other in zip(listed, shown, strict=True)] == [
                    True
                ] * len(listed)
    assert control.now()[:10] > before[:10]
    assert control.hits() == []
