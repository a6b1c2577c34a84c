"""Every door of the gateway's application, found in the application itself: a new one is tested without a word."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from teleward_gateway.web.app import create_app

STATIC = Path(__file__).parents[3] / "gateway/teleward_gateway/static"
SAMPLE = {
    "namespace": "harbour", "clinic": "cardiology", "visit": "no-such-visit", "action": "end",
    "kind": "meeting", "room": "ward-round", "issuer": "hospital", "guest": "no-such-guest",
}  # fmt: skip
"""What stands for each parameter of a path."""


@dataclass(frozen=True, slots=True)
class Door:
    """One path and how it is knocked at."""

    template: str
    methods: frozenset[str]
    """Empty: it is a WebSocket."""

    @property
    def path(self) -> str:
        """The path with every parameter filled in."""
        return self.template.format_map(SAMPLE)


def application() -> FastAPI:
    """The application without anything behind it: enough to be asked what its routes are."""
    return create_app(
        cast(
            "Any",
            SimpleNamespace(
                origin="http://x", meter=None, connects=None, trusts_proxies=True, static=STATIC
            ),
        )
    )


def described() -> dict[str, Any]:
    """The application's OpenAPI document."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a page answers GET and HEAD under one name
        return application().openapi()


def doors() -> list[Door]:
    """Every route, in the application's order; mounts as one path below each."""
    return list(_doors(application().routes))


def requests() -> list[Door]:
    """Those that are asked over HTTP."""
    return [door for door in doors() if door.methods]


def sockets() -> list[Door]:
    """Those that are WebSockets."""
    return [door for door in doors() if not door.methods]


def _doors(routes: Iterable[BaseRoute]) -> Iterator[Door]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _doors(included.routes)
        elif isinstance(route, WebSocketRoute):
            yield Door(route.path, frozenset())
        elif isinstance(route, Mount):
            yield Door(f"{route.path}/nothing.js", frozenset({"GET", "HEAD"}))
        else:
            assert isinstance(route, Route), f"a route of a new kind: {route}"
            yield Door(route.path, frozenset(route.methods or ()))
