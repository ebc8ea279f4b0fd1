"""`{app}.azurewebsites.net`: finds the function that a request is for, checks its key, and has it run.

Keys: `?code=` or `x-functions-key`, a host key or the master key; level anonymous needs none, admin the
master key (learn.microsoft.com/azure/azure-functions/function-keys-how-to). Routes: literal segments and
`{name}`.
"""

import asyncio
import base64
import hmac
import logging
import re
import shutil
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from localcloud.azure.functions import packages
from localcloud.azure.functions.packages import NoPackageError, Package
from localcloud.azure.functions.worker import Function, Worker, WorkerError
from localcloud.azure.gate import KEYS
from localcloud.calls import Answer, Call
from localcloud.store import Document, Store

LOG = logging.getLogger("localcloud.functions")
ANSWER_SECONDS = 230.0  # what Azure's load balancer allows an HTTP trigger (functions-scale, "timeout")


@dataclass(frozen=True)
class _Running:
    worker: Worker
    digest: str
    settings: Mapping[str, str]
    prefix: str


class FunctionApps:
    """Every site's functions. An app starts with its first request, and anew when it has changed."""

    def __init__(self, store: Store, folder: Path, answer_seconds: float = ANSWER_SECONDS) -> None:
        """`folder` is for unpacked packages and logs; what an earlier run left there is removed."""
        self._store = store
        self._folder = folder
        self._answer_seconds = answer_seconds
        self._running: dict[str, _Running] = {}
        self._tried: set[tuple[str, str]] = set()
        self._starts: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()
        shutil.rmtree(folder, ignore_errors=True)

    def answer(self, call: Call) -> Awaitable[Answer]:
        """The function's response; refusals are answers too."""
        return self._answer(call)

    def fault(self, status: int, message: str) -> Answer:
        """An error in plain words."""
        return Answer(status, {"message": message})

    def warm_up(self) -> None:
        """Start apps that were deployed since the last time, so that a first webhook need not wait for it."""
        for site in packages.sites(self._store):
            host = packages.host_of(site)
            what = (host, packages.settings_of(site).get(packages.SETTING, ""))
            if what not in self._tried and packages.has_package(self._store, what[1]):
                self._tried.add(what)
                task = asyncio.get_running_loop().create_task(self._warm(host, site))
                self._starts.add(task)
                task.add_done_callback(self._starts.discard)

    async def _warm(self, host: str, site: Document) -> None:
        try:
            await self._app(host, site)
        except (NoPackageError, WorkerError) as error:
            LOG.warning(
                "function app not started", extra={"fields": {"host": host, "detail": str(error)[-2000:]}}
            )

    async def stop(self) -> None:
        """End every app."""
        for task in list(self._starts):
            task.cancel()
        await asyncio.gather(*self._starts, return_exceptions=True)
        running, self._running = list(self._running.values()), {}
        for it in running:
            await it.worker.stop()

    async def _answer(self, call: Call) -> Answer:
        site = packages.site_of(self._store, call.host)
        if site is None:
            return self.fault(404, f"There is no site {call.host}.")
        try:
            running = await self._app(call.host, site)
            return await self._run(running, site, call)
        except NoPackageError as missing:
            return self.fault(503, f"The function app has nothing to run: {missing}.")
        except WorkerError as error:
            LOG.warning(
                "function failed", extra={"fields": {"host": call.host, "detail": str(error)[-2000:]}}
            )
            return Answer(500)
        except TimeoutError:
            LOG.warning(
                "function killed", extra={"fields": {"host": call.host, "seconds": self._answer_seconds}}
            )
            return self.fault(504, f"The function did not answer within {self._answer_seconds:g} s.")

    async def _app(self, host: str, site: Document) -> _Running:
        settings = packages.settings_of(site)
        package = packages.package_of(self._store, settings)
        async with self._lock:
            running = self._running.get(host)
            if running and _is_current(running, package, settings):
                return running
            if running:
                del self._running[host]
                await running.worker.stop()
            self._running[host] = await self._started(host, package, settings)
            return self._running[host]

    async def _started(self, host: str, package: Package, settings: dict[str, str]) -> _Running:
        folder = self._folder / f"{host.partition('.')[0]}-{package.digest[:16]}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        await asyncio.to_thread(packages.unpack, package, folder)
        prefix = packages.route_prefix(folder)
        worker = await Worker.start(folder, settings, self._folder / f"{host.partition('.')[0]}.log")
        names = [it.name for it in worker.functions]
        LOG.info("function app started", extra={"fields": {"host": host, "functions": names}})
        return _Running(worker, package.digest, settings, prefix)

    async def _run(self, running: _Running, site: Document, call: Call) -> Answer:
        found = next(_matching(running, call), None)
        if found is None:
            return Answer(404)
        function, route = found
        if not self._may(site, function, call):
            return Answer(401)
        if function.methods and call.method not in function.methods:
            return Answer(405, headers={"Allow": ", ".join(function.methods)})
        told = await running.worker.ask(_request(function, route, call), self._answer_seconds)
        return Answer(int(told["status"]), told["body"], told["headers"])

    def _may(self, site: Document, function: Function, call: Call) -> bool:
        keys = self._store.get(KEYS, site["id"].lower()) or {}
        given = call.header("x-functions-key") or call.query.get("code", "")
        good = [str(keys.get("masterKey") or "")]
        if function.level == "function":
            good += [str(it) for it in (keys.get("functionKeys") or {}).values()]
        fits = [it and hmac.compare_digest(it.encode(), given.encode()) for it in good]
        return function.level == "anonymous" or any(fits)


def _is_current(running: _Running, package: Package, settings: Mapping[str, str]) -> bool:
    same = (running.digest, running.settings) == (package.digest, settings)
    return same and running.worker.is_alive


def _matching(running: _Running, call: Call) -> Iterator[tuple[Function, dict[str, str]]]:
    for function in running.worker.functions:
        template = "/".join(it for it in (running.prefix, function.route.strip("/")) if it)
        found = re.fullmatch(f"/{_pattern(template)}/?", call.path, re.IGNORECASE)
        if found:
            yield function, {name: unquote(value) for name, value in found.groupdict().items()}


def _pattern(template: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))


def _request(function: Function, route: dict[str, str], call: Call) -> dict[str, object]:
    """What the function sees: the key that opened it is no business of its own."""
    params = {key: value for key, value in call.query.items() if key != "code"}
    return {
        "function": function.name,
        "method": call.method,
        "url": f"https://{call.host}{call.path}",
        "headers": {key: value for key, value in call.headers.items() if key != "x-functions-key"},
        "params": params,
        "route": route,
        "body": base64.b64encode(call.raw).decode(),
    }
