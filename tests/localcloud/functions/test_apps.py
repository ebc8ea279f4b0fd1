"""Function apps as real processes: keys, routes, faults of their code, new packages, the end."""

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as some

from localcloud.azure.functions.apps import FunctionApps
from localcloud.azure.functions.packages import NoPackageError, Package, route_prefix, unpack
from localcloud.azure.functions.webhooks import Webhooks
from localcloud.calls import Answer, Call
from localcloud.clock import Clock
from localcloud.control.faults import Fault
from localcloud.control.switches import Switches
from localcloud.routing import Routing
from localcloud.store import Store

HOST = "alloc.azurewebsites.net"
KEY, MASTER = "a-function-key", "a-master-key"
CODE = """
import json, os, subprocess, time
import azure.functions as func

app = func.FunctionApp()

@app.route(route="allocate", methods=["POST"])
def allocate(req: func.HttpRequest) -> func.HttpResponse:
    hubs = req.get_json()["linkedHubs"]
    return func.HttpResponse(json.dumps({"iotHubHostName": hubs[-1]}), mimetype="application/json")

@app.route(route="seen/{what}", auth_level=func.AuthLevel.ANONYMOUS)
async def seen(req: func.HttpRequest) -> str:
    print("printed by the function")
    told = {"route": dict(req.route_params), "params": dict(req.params), "headers": sorted(req.headers)}
    return json.dumps({**told, "environment": sorted(os.environ), "pid": os.getpid()})

@app.route(route="admin", auth_level=func.AuthLevel.ADMIN)
def admin(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(b"\\x00\\xff", status_code=201, headers={"X-Own": "yes"})

@app.route(route="broken", auth_level=func.AuthLevel.ANONYMOUS)
def broken(req: func.HttpRequest) -> str:
    raise RuntimeError("a secret detail")

@app.route(route="sleeps", auth_level=func.AuthLevel.ANONYMOUS)
def sleeps(req: func.HttpRequest) -> str:
    child = subprocess.Popen(["sleep", "300"])
    open("child.pid", "w").write(str(child.pid))
    time.sleep(300)

@app.route(route="dies", auth_level=func.AuthLevel.ANONYMOUS)
def dies(req: func.HttpRequest) -> str:
    os._exit(3)

@app.timer_trigger(schedule="0 * * * * *", arg_name="timer")
def tick(timer: func.TimerRequest) -> None:
    pass
"""


def _zip(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in files.items():
            package.writestr(name, text)
    return buffer.getvalue()


def _deploy(store: Store, code: str = CODE, host_json: str = "{}", **settings: str) -> None:
    raw = _zip({"host.json": host_json, "function_app.py": code})
    store.put("blob", "packages/c/app.zip", {"base64": base64.b64encode(raw).decode()})
    values = {"WEBSITE_RUN_FROM_PACKAGE": "https://packages.blob.core.windows.net/c/app.zip", **settings}
    site = {
        "id": "/s/site",
        "type": "Microsoft.Web/sites",
        "properties": {
            "defaultHostName": HOST,
            "siteConfig": {"appSettings": [{"name": key, "value": it} for key, it in values.items()]},
        },
    }
    store.put("arm", "/s/site", site)
    store.put("arm-keys", "/s/site", {"masterKey": MASTER, "functionKeys": {"default": KEY}})


def _call(path: str, method: str = "GET", raw: bytes = b"", key: str | None = None, **query: str) -> Call:
    headers = {"x-functions-key": key} if key else {}
    return Call(method, HOST, path, query, headers, raw)


def _runs(pid: int) -> bool:
    """A killed process may stay a zombie where nobody waits for it."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _run(
    store: Store, folder: Path, work: Callable[[FunctionApps], Awaitable[None]], seconds: float = 20
) -> None:
    async def run() -> None:
        apps = FunctionApps(store, folder / "functions", seconds)
        try:
            await work(apps)
        finally:
            await apps.stop()

    asyncio.run(run())


def test_keys_routes_and_answers(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "never in a function")
    _deploy(store, COLOUR="blue")
    body = json.dumps({"linkedHubs": ["a", "b"]}).encode()

    async def work(apps: FunctionApps) -> None:
        good = await apps.answer(_call("/api/allocate", "POST", body, code=KEY))
        assert (good.status, json.loads(good.body)) == (200, {"iotHubHostName": "b"})
        for call, status in (
            (_call("/api/Allocate/", "POST", body, KEY), 200),
            (_call("/api/allocate", "POST", body, code=MASTER), 200),
            (_call("/api/allocate", "POST", body, code="other"), 401),
            (_call("/api/allocate", "POST", body), 401),
            (_call("/api/allocate", code=KEY), 405),
            (_call("/api/none", code=KEY), 404),
            (_call("/allocate", code=KEY), 404),
            (_call("/api/tick", code=MASTER), 404),
            (_call("/api/admin", code=KEY), 401),
        ):
            assert (await apps.answer(call)).status == status, call.path
        raw = await apps.answer(_call("/api/admin", code=MASTER))
        assert (raw.status, raw.body, raw.headers["X-Own"]) == (201, b"\x00\xff", "yes")
        seen = json.loads((await apps.answer(_call("/api/seen/a%20b", key=KEY, code="x", more="1"))).body)
        assert (seen["route"], seen["params"]) == ({"what": "a b"}, {"more": "1"})
        assert "x-functions-key" not in seen["headers"]
        assert [it for it in seen["environment"] if it not in ("LC_CTYPE", "PWD")] == [
            "COLOUR",
            "WEBSITE_RUN_FROM_PACKAGE",
        ]

    _run(store, tmp_path, work)
    log = tmp_path / "functions" / "alloc.log"
    assert "printed by the function" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_broken_dying_and_sleeping_functions(store: Store, tmp_path: Path) -> None:
    _deploy(store)
    unpacked: list[Path] = []

    async def work(apps: FunctionApps) -> None:
        broken = await apps.answer(_call("/api/broken"))
        assert (broken.status, broken.body) == (500, None)
        assert (await apps.answer(_call("/api/dies"))).status == 500
        seen = await apps.answer(_call("/api/seen/again"))
        process = json.loads(seen.body)["pid"]
        unpacked.extend((tmp_path / "functions").glob("alloc-*"))
        late = await apps.answer(_call("/api/sleeps"))
        assert late.status == 504
        assert not _runs(process)
        assert (await apps.answer(_call("/api/seen/after"))).status == 200

    _run(store, tmp_path, work, seconds=3)
    assert unpacked
    assert not any(it.exists() for it in unpacked)


def test_what_a_killed_function_started_goes_with_it(store: Store, tmp_path: Path) -> None:
    _deploy(store)
    children: list[int] = []

    async def work(apps: FunctionApps) -> None:
        asking = asyncio.ensure_future(apps.answer(_call("/api/sleeps")))
        while not children:
            await asyncio.sleep(0.05)
            found = list((tmp_path / "functions").glob("alloc-*/child.pid"))
            children.extend(int(it.read_text()) for it in found if it.read_text())
        await apps.stop()
        assert (await asking).status == 500

    _run(store, tmp_path, work)
    assert not _runs(children[0])


def test_a_new_package_replaces_the_old_one(store: Store, tmp_path: Path) -> None:
    async def ask(apps: FunctionApps) -> Answer:
        return await apps.answer(_call("/own/say"))

    async def work(apps: FunctionApps) -> None:
        for word in ("first", "second"):
            code = (
                "import azure.functions as func\napp = func.FunctionApp(func.AuthLevel.ANONYMOUS)\n"
                f"@app.route(route='say')\ndef say(req: func.HttpRequest) -> str:\n    return '{word}'\n"
            )
            _deploy(store, code, '{"extensions": {"http": {"routePrefix": "own"}}}')
            apps.warm_up()
            assert (await ask(apps)).body == word.encode()

    _run(store, tmp_path, work)


@pytest.mark.parametrize(
    ("code", "status"),
    [("raise RuntimeError('at import')", 500), ("app = 1", 500), ("import os; os._exit(1)", 500)],
)
def test_apps_that_do_not_load(store: Store, tmp_path: Path, code: str, status: int) -> None:
    _deploy(store, code)

    async def work(apps: FunctionApps) -> None:
        apps.warm_up()
        assert (await apps.answer(_call("/api/x"))).status == status

    _run(store, tmp_path, work)


def test_sites_without_a_package_and_hosts_without_a_site(store: Store, tmp_path: Path) -> None:
    async def work(apps: FunctionApps) -> None:
        apps.warm_up()
        assert (await apps.answer(_call("/api/x"))).status == 404
        _deploy(store)
        store.delete("blob", "packages/c/app.zip")
        missing = await apps.answer(_call("/api/x"))
        assert (missing.status, "packages/c/app.zip" in missing.body["message"]) == (503, True)
        _deploy(store, WEBSITE_RUN_FROM_PACKAGE="1")
        assert "names no blob" in (await apps.answer(_call("/api/x"))).body["message"]

    _run(store, tmp_path, work)


@pytest.mark.parametrize("name", ["../out.py", "/etc/out.py", "a/../../out.py", "..\\out.py"])
def test_packages_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(NoPackageError, match="outside of itself"):
        unpack(Package(_zip({"host.json": "{}", name: "x"}), "d"), tmp_path / "in")
    assert not (tmp_path / "in").exists()


@given(some.binary(max_size=200))
def test_any_bytes_are_a_package_or_refused(tmp_path_factory: Any, raw: bytes) -> None:
    with pytest.raises(NoPackageError):
        unpack(Package(raw, "d"), tmp_path_factory.mktemp("any"))


def test_host_json_has_to_be_there_and_be_json(tmp_path: Path) -> None:
    with pytest.raises(NoPackageError, match=r"no host\.json"):
        route_prefix(tmp_path)
    (tmp_path / "host.json").write_text("{]")
    with pytest.raises(NoPackageError, match="not JSON"):
        route_prefix(tmp_path)
    (tmp_path / "host.json").write_text('{"extensions": {"http": {"routePrefix": ""}}}')
    assert route_prefix(tmp_path) == ""


class _Slow:
    """A site that answers late."""

    async def _late(self) -> Answer:
        await asyncio.sleep(5)
        return Answer()

    def answer(self, call: Call) -> Answer | Awaitable[Answer]:
        return self._late() if call.path == "/late" else Answer(200, {"path": call.path, **call.query})

    def fault(self, status: int, message: str) -> Answer:
        return Answer(status, {"message": message})


def test_webhooks_reach_this_clouds_functions_only() -> None:
    switches = Switches(Clock(), lambda _: None)
    webhook = Webhooks(Routing({"*.azurewebsites.net": _Slow()}, switches), seconds=0.2)

    async def run() -> None:
        status, raw = await webhook("https://app.azurewebsites.net/api/f?code=k%3D", {})
        assert (status, json.loads(raw)) == (200, {"path": "/api/f", "code": "k="})
        for url in (
            "https://example.org/f",
            "http://app.azurewebsites.net/f",
            "https://app.azurewebsites.net:8443/f",
            "https://user@app.azurewebsites.net/f",
            "https://app.azurewebsites.net:x/f",
            "https://app.azurewebsites.net.example.org/f",
            "nothing",
        ):
            with pytest.raises(OSError, match="webhook"):
                await webhook(url, {})
        with pytest.raises(TimeoutError):
            await webhook("https://app.azurewebsites.net/late", {})
        switches.set_faults([Fault("https", "reset", times=1), Fault("https", "drop")])
        with pytest.raises(ConnectionResetError):
            await webhook("https://app.azurewebsites.net/f", {})
        with pytest.raises(TimeoutError):
            await webhook("https://app.azurewebsites.net/f", {})

    asyncio.run(run())
