"""The FastAPI application: routes, and the table error → status."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from teleward_contract.errors import RoutingUnavailableError

from teleward_gateway.errors import RefusedError, one_moment
from teleward_gateway.web import (
    calls,
    guests,
    pages,
    patients,
    queue,
    reports,
    room_calls,
    sign_in,
    staff,
    steps,
    waiting,
)
from teleward_gateway.web.context import Context
from teleward_gateway.web.guard import Guard, error_answer


def create_app(context: Context) -> FastAPI:
    """Build the application."""
    app = FastAPI(title="Teleward gateway", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context = context
    for part in (
        patients,
        waiting,
        guests,
        sign_in,
        staff,
        reports,
        steps,
        queue,
        calls,
        room_calls,
        pages,
    ):
        app.include_router(part.router)
    pages.mount_assets(app, context)

    def refuse(err: RefusedError) -> Response:
        context.meter.refused(err.code)
        return error_answer(err.status, err.code, str(err), err.details)

    async def refused(_: Request, err: Exception) -> Response:
        assert isinstance(err, RefusedError)
        return refuse(err)

    async def unavailable(_: Request, __: Exception) -> Response:
        return refuse(one_moment())

    async def invalid(_: Request, __: Exception) -> Response:
        return refuse(
            RefusedError(422, "invalid_request", "The request has not the form of docs/http.md.")
        )

    async def http(request: Request, err: Exception) -> Response:
        assert isinstance(err, HTTPException)
        if err.status_code == 400:  # a body that cannot even be read
            return await invalid(request, err)
        return refuse(RefusedError(err.status_code, "not_found", "There is nothing here."))

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(RoutingUnavailableError, unavailable)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(
        Guard,
        origin=context.origin,
        meter=context.meter,
        connects=context.connects,
        trusts_proxies=context.trusts_proxies,
    )
    return app
