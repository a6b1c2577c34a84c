"""Staff sign in and out: the development sign-in, the issuers of organisations, and what providers send themselves."""

from typing import Annotated, Any
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from teleward_contract.errors import RoutingUnavailableError
from teleward_contract.units import Namespace

from teleward_gateway.core.audit import NOBODY, PROVIDER, REFUSED, Deed, Event
from teleward_gateway.core.limits import Door
from teleward_gateway.core.staff import MAX_PATH, STAFF_PAGES, StaffSession
from teleward_gateway.core.tickets import ATTEMPT_COOKIE, STAFF_COOKIE, Attempt
from teleward_gateway.errors import Fault, RefusedError, SignInError, one_moment
from teleward_gateway.usecases.keep_books import organisations_of
from teleward_gateway.usecases.sign_in import ATTEMPT_S
from teleward_gateway.web.context import Context, Parts, host_of, set_cookie
from teleward_gateway.web.guard import BY_PROVIDERS

router = APIRouter()
log = structlog.get_logger()

_BEGUN = "begun"
PROVED = frozenset(
    {Fault.NO_USER, Fault.EMAIL_UNVERIFIED, Fault.TOO_MANY_GROUPS, Fault.NOT_A_MEMBER}
)
"""Faults of a person whom an issuer has proved: no stranger can make the audit full of others."""
_SIGNED_IN = "signed_in"


class DevelopmentSignIn(BaseModel):
    """What the sign-in page posts for one machine."""

    user: str = Field(max_length=320)
    secret: str = Field(default="", max_length=200)


class Begin(BaseModel):
    """What the sign-in page posts to go to an issuer."""

    return_to: str = Field(default="", max_length=MAX_PATH)
    anew: bool = False
    """Let the person choose another account than the provider knows already."""


@router.get("/api/sign-in")
async def ways(parts: Parts) -> dict[str, Any]:
    """Tell how staff can sign in here."""
    offer = await parts.sign_in.offer()
    return {
        "mode": offer.mode,
        "accounts": [
            {
                "user": account.user, "display_name": account.display_name,
                "roles": [{"clinic": clinic, "role": role} for clinic, role in account.roles],
            }
            for account in offer.accounts
        ],
        "secret_required": offer.secret_required,
        "organisations": [
            {"namespace": one.namespace, "display_name": one.display_name, "issuers": one.issuers}
            for one in offer.organisations
        ],
    }  # fmt: skip


# -- one machine --------------------------------------------------------------------------------


@router.post("/api/sign-in/development", status_code=204)
async def sign_in(form: DevelopmentSignIn, request: Request, parts: Parts) -> Response:
    """Sign in on one machine."""
    await parts.limits.pass_by(host_of(request), Door.SIGN_IN)
    session = await parts.sign_in.prove(form.user, form.secret)
    return await _signed_in(parts, request, Response(status_code=204), session)


@router.get("/sign-in/development")
async def sign_in_by_link(request: Request, parts: Parts, user: str = "") -> Response:
    """Sign in by the printed link; where a secret is asked for, the page asks."""
    if (await parts.sign_in.offer()).secret_required:
        return RedirectResponse("/sign-in", 303)
    await parts.limits.pass_by(host_of(request), Door.SIGN_IN)
    session = await parts.sign_in.prove(user, "")
    return await _signed_in(parts, request, RedirectResponse(STAFF_PAGES, 303), session)


async def _signed_in(
    parts: Context, request: Request, response: Response, session: StaffSession
) -> Response:
    """Begin a session under a new name, whatever name the browser brought."""
    before = request.cookies.get(STAFF_COOKIE, "")
    secret = await parts.sessions.begin(session, before)
    await _record(parts, session, Deed.SIGN_IN)
    set_cookie(response, STAFF_COOKIE, secret, parts.session_lifetime_s)
    return response


async def _record(parts: Context, session: StaffSession, deed: Deed) -> None:
    for namespace in await organisations_of(session, parts.clinics):
        parts.auditing.did(namespace, deed, session.user)


# -- issuers ------------------------------------------------------------------------------------


@router.post("/api/sign-in/at/{namespace}/{issuer}")
async def begin(
    namespace: str, issuer: str, form: Begin, parts: Parts, request: Request
) -> Response:
    """Begin to sign in: tell where the browser goes."""
    await parts.limits.pass_by(host_of(request), Door.SIGN_IN)
    try:
        location, attempt = await parts.signing_in.begin(
            namespace, issuer, form.return_to, anew=form.anew
        )
    except SignInError as err:
        _note(parts, namespace, issuer, err)
        raise RefusedError(
            502, err.fault.value, "Try again; if it stays so, tell who runs this."
        ) from None
    parts.meter.signed_in(_BEGUN)
    response = JSONResponse({"location": location})
    _keep(parts, response, attempt)
    return response


def _keep(parts: Context, response: Response, attempt: Attempt) -> None:
    set_cookie(response, ATTEMPT_COOKIE, parts.seals.seal(ATTEMPT_COOKIE, attempt), ATTEMPT_S)


@router.get("/sign-in/at/{namespace}/{issuer}/callback")
async def callback(namespace: str, issuer: str, request: Request, parts: Parts) -> Response:
    """Take in the provider's answer, and go on to where the person wanted to be."""
    attempt = parts.seals.attempt(request.cookies)
    return_to = attempt.return_to if attempt else STAFF_PAGES
    try:
        session = await _finish(parts, attempt, namespace, issuer, request)
        response = await _signed_in(parts, request, RedirectResponse(return_to, 303), session)
    except SignInError as err:
        return _fault(parts, namespace, issuer, return_to, err)
    except RoutingUnavailableError:
        return _fault(parts, namespace, issuer, return_to, SignInError(Fault.ONE_MOMENT))
    parts.meter.signed_in(_SIGNED_IN)
    log.info("staff.admitted", namespace=namespace, name_of_object=issuer)
    set_cookie(response, ATTEMPT_COOKIE, "", 0)
    return response


async def _finish(
    parts: Context, attempt: Attempt | None, namespace: str, issuer: str, request: Request
) -> StaffSession:
    try:
        return await parts.signing_in.finish(attempt, namespace, issuer, _answer(request))
    except RefusedError as err:
        if err.is_temporary:
            raise SignInError(Fault.ONE_MOMENT) from None
        raise


def _answer(request: Request) -> dict[str, str]:
    """What the provider said; raises SignInError when it says one thing twice (RFC 6749 §3.1)."""
    said = request.query_params.multi_items()
    if len({name for name, _ in said}) != len(said):
        raise SignInError(Fault.REFUSED, "a parameter comes twice")
    return dict(said)


def _fault(
    parts: Context, namespace: str, issuer: str, return_to: str, err: SignInError
) -> Response:
    """Go to the sign-in page, which says what to do."""
    _note(parts, namespace, issuer, err)
    words = {"fault": err.fault.value, "return_to": return_to}
    response = RedirectResponse(f"/sign-in?{urlencode(words)}", 303)
    if err.fault is not Fault.EXPIRED:  # a foreign answer shall not spoil an attempt that goes on
        set_cookie(response, ATTEMPT_COOKIE, "", 0)
    return response


def _note(parts: Context, namespace: str, issuer: str, err: SignInError) -> None:
    parts.meter.signed_in(err.fault.value)
    if err.fault in PROVED:
        event = Event(Deed.SIGN_IN, NOBODY, outcome=REFUSED)
        parts.auditing.note(Namespace(namespace), event)
    log.warning(
        "sign_in.refused", namespace=namespace, name_of_object=issuer, code=err.fault.value,
        reason=str(err),
    )  # fmt: skip


@router.post("/api/sign-out")
async def sign_out(request: Request, parts: Parts) -> Response:
    """Sign out here, and tell where to sign out at the provider if it has a page for that."""
    secret = request.cookies.get(STAFF_COOKIE, "")
    session = await parts.sessions.find(secret)
    await parts.sessions.end(secret)
    page = None
    if session is not None:
        await _record(parts, session, Deed.SIGN_OUT)
        try:
            page = await parts.signing_in.sign_out_page(session)
        except (SignInError, RefusedError):  # signed out here all the same
            page = None
    response = JSONResponse({"location": page}) if page else Response(status_code=204)
    set_cookie(response, STAFF_COOKIE, "", 0)
    return response


@router.post(BY_PROVIDERS + "{namespace}/{issuer}/sign-out")
async def sign_out_by_provider(
    namespace: str, issuer: str, parts: Parts, logout_token: Annotated[str, Form()]
) -> Response:
    """End sessions because the provider says so (OpenID Connect Back-Channel Logout §2.5)."""
    try:
        await parts.signing_in.obey(namespace, issuer, logout_token)
    except SignInError as err:
        _note(parts, namespace, issuer, err)
        if err.fault is Fault.UNREACHABLE:  # its keys could not be read: it may try again
            raise one_moment() from None
        return JSONResponse({"error": "invalid_request"}, 400)
    parts.auditing.note(Namespace(namespace), Event(Deed.SIGN_OUT, PROVIDER))
    return Response(status_code=200)
