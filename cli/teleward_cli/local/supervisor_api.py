"""The HTTP API of a running instance, on loopback, for its operator and for `teleward status` and `down`."""

import hmac
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from teleward_cli.local.child import Child, ChildState
from teleward_cli.local.processes import Processes, WantedMediaNode

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ID = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class _MediaNode(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str = Field(pattern=_ID, max_length=63)
    capacity_units: int = Field(ge=1)


class _Wanted(BaseModel):
    model_config = ConfigDict(extra="ignore")

    media_nodes: list[_MediaNode] = Field(max_length=64)


class SupervisorApi:
    """The handlers; everything under /v1 wants the bearer token."""

    def __init__(
        self, processes: Processes, token: str, show_status: Callable[[], Awaitable[str]],
        stop: Callable[[], None], numbers: CollectorRegistry,
    ) -> None:  # fmt: skip
        self._processes = processes
        self._token = token.encode()
        self._show_status = show_status
        self._stop = stop
        self._numbers = numbers

    def application(self) -> web.Application:
        """Build the application."""
        app = web.Application(middlewares=[self._guard])
        path = "/v1/pools/{namespace}/{name}"
        app.router.add_put(path, self._put_pool)
        app.router.add_get(path, self._get_pool)
        app.router.add_delete(path, self._delete_pool)
        app.router.add_get("/v1/status", self._get_status)
        app.router.add_post("/v1/stop", self._post_stop)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._metrics)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
        if request.path.startswith("/v1/") and not hmac.compare_digest(given, self._token):
            return web.json_response({"error": "unauthorized"}, status=401)
        return await handler(request)

    async def _put_pool(self, request: web.Request) -> web.Response:
        try:
            wanted = _Wanted.model_validate_json(await request.read())
        except ValidationError as err:
            first = err.errors(include_input=False, include_url=False)[0]
            return web.json_response({"error": first["msg"]}, status=422)
        nodes = [WantedMediaNode(one.id, one.capacity_units) for one in wanted.media_nodes]
        self._processes.want(_pool(request), nodes)
        return await self._get_pool(request)

    async def _get_pool(self, request: web.Request) -> web.Response:
        listed = [
            {"id": media_node, "state": _state(child), "pid": child.pid}
            for media_node, child in self._processes.pool(_pool(request))
        ]
        return web.json_response({"media_nodes": listed})

    async def _delete_pool(self, request: web.Request) -> web.Response:
        self._processes.want(_pool(request), [])
        return await self._get_pool(request)

    async def _get_status(self, _: web.Request) -> web.Response:
        return web.Response(text=await self._show_status(), content_type="application/json")

    async def _post_stop(self, _: web.Request) -> web.Response:
        self._stop()
        return web.json_response({})

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._numbers), content_type="text/plain")


def _pool(request: web.Request) -> str:
    return f"{request.match_info['namespace']}/{request.match_info['name']}"


def _state(child: Child) -> str:
    """The API's words: `starting`, `running`, `stopping`, `failed`."""
    return "stopping" if child.state is ChildState.STOPPED else child.state.value
