"""Health, readiness and metrics, on a port of their own."""

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.projections import Projections


def create_operations(projections: Projections, registry: CollectorRegistry = REGISTRY) -> FastAPI:
    """Build the application."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        """The process answers; nothing else is asked, so that no silent store restarts a gateway."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz")
    async def readyz() -> Response:
        """The routing state answers and holds every clinic."""
        try:
            is_ready = await projections.is_complete()
        except RoutingUnavailableError:
            is_ready = False
        return PlainTextResponse("ready\n" if is_ready else "wait\n", 200 if is_ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return app
