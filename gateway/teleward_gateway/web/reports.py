"""Reports and the audit of an organisation, over HTTP, as JSON and CSV."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from teleward_contract.units import Namespace

from teleward_gateway.core import admission, audit
from teleward_gateway.core.accounts import BOUNDS_S
from teleward_gateway.core.admission import Action
from teleward_gateway.core.audit import Deed, Recorded
from teleward_gateway.core.queue import rfc3339
from teleward_gateway.core.reports import MAX_DAYS, Cell, columns, day_of, rows, to_csv
from teleward_gateway.core.staff import StaffSession
from teleward_gateway.errors import RefusedError, not_found
from teleward_gateway.web.context import Context, Parts

router = APIRouter(prefix="/api/staff/{namespace}")

DEFAULT_DAYS = 28
EARLIEST = timedelta(hours=14)
"""Where the day begins first (UTC+14, Kiritimati): no clinic's today is left out."""
MAX_CLINIC_DAYS = 40_000
"""Of one report, read a hundred at a time. Ours: a hundred clinics for a year."""
MAX_RECORDS = 1000
MOST_PAGES = 10
"""Of the audit read for one answer, in search of records of one clinic."""
Format = Literal["json", "csv"]


class Named(BaseModel):
    """Of whom the pseudonym is asked."""

    user: str = Field(max_length=320)


class _Scope:
    """Of which clinics somebody may read something."""

    def __init__(self, names: frozenset[str], *, is_whole: bool) -> None:
        self.names = names
        self.is_whole = is_whole
        """Of the organisation itself, too, and of clinics that are gone."""


async def _scope(
    parts: Context, who: StaffSession, namespace: str, action: Action, clinic: str
) -> _Scope:
    """Admit somebody to an action in an organisation, or in one `clinic` of it; raises RefusedError 404, 503."""
    every = [one for one in await parts.clinics.every() if one[0].namespace == namespace]
    organisation = next((one for _, one in every if one is not None), None)
    is_whole = admission.is_permitted(admission.standings_in(who, organisation), action)
    names = {
        found.name
        for found, above in every
        if admission.is_permitted(admission.standings_of(who, found, above), action)
    }
    if clinic and not is_whole:
        names &= {clinic}
    if not names and not (is_whole and every):
        for found in every:
            if clinic in ("", found[0].name):
                parts.auditing.refused(found, action, who.user)
                break
        raise not_found()
    if clinic:
        return _Scope(frozenset({clinic}), is_whole=False)
    return _Scope(frozenset(names), is_whole=is_whole)


# -- reports ------------------------------------------------------------------------------------


@router.get("/reports")
async def reports(
    namespace: str, request: Request, parts: Parts,
    first: Annotated[date | None, Query(alias="from")] = None,
    last: Annotated[date | None, Query(alias="to")] = None,
    clinic: Annotated[str, Query(max_length=253)] = "",
    by: Literal["day", "month", "range"] = "day",
    as_format: Annotated[Format, Query(alias="format")] = "json",
) -> Response:  # fmt: skip
    """Tell what was counted in the clinics whose reports this person may read."""
    session = await parts.staff(request)
    scope = await _scope(parts, session, namespace, Action.READ_REPORTS, clinic)
    last = last or (datetime.now(UTC) + EARLIEST).date()
    first = first or max(date.min + timedelta(days=DEFAULT_DAYS), last) - timedelta(
        days=DEFAULT_DAYS - 1
    )
    days = (last - first).days + 1
    if not 1 <= days <= MAX_DAYS:
        raise RefusedError(422, "invalid_range", f"Choose 1 to {MAX_DAYS} days.")
    of = Namespace(namespace)
    names = scope.names | (await parts.reports.clinics(of) if scope.is_whole else frozenset())
    if days * len(names) > MAX_CLINIC_DAYS:
        raise RefusedError(422, "too_much", "Choose fewer days, or one clinic.")
    found = await parts.reports.days(of, names, day_of(first), day_of(last))
    table = rows(found, by, parts.reports_least)
    parts.auditing.did(of, Deed.READ_REPORTS, session.user, clinic)
    if as_format == "csv":
        return _csv(columns(), table, f"reports-{namespace}-{first}-{last}")
    return JSONResponse(
        {
            "from": first.isoformat(), "to": last.isoformat(), "by": by, "bounds_s": BOUNDS_S,
            "least": parts.reports_least, "clinics": sorted(names), "rows": table,
        }
    )  # fmt: skip


def _csv(names: Sequence[str], table: Sequence[Mapping[str, Cell]], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="teleward-{name}.csv"'}
    return Response(to_csv(names, table), media_type="text/csv", headers=headers)


# -- audit --------------------------------------------------------------------------------------


@router.get("/audit")
async def read_audit(
    namespace: str, request: Request, parts: Parts,
    before: Annotated[str, Query(max_length=30)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_RECORDS)] = 100,
    clinic: Annotated[str, Query(max_length=253)] = "",
    as_format: Annotated[Format, Query(alias="format")] = "json",
) -> Response:  # fmt: skip
    """Tell what was done, newest first; `next` is what to ask for as `before` to read on."""
    session = await parts.staff(request)
    scope = await _scope(parts, session, namespace, Action.READ_AUDIT, clinic)
    if before and not audit.is_id(before):
        raise RefusedError(422, "invalid_request", "Read on with the `next` of the last answer.")
    of = Namespace(namespace)
    found, onwards = await _records(parts, of, scope, limit, before)
    table = [audit.told(one, namespace, rfc3339(one.at_ms)) for one in found]
    parts.auditing.did(of, Deed.READ_AUDIT, session.user, clinic)
    if as_format == "csv":
        return _csv(audit.FIELDS, table, f"audit-{namespace}")
    return JSONResponse({"records": table, "next": onwards})


async def _records(
    parts: Context, namespace: Namespace, scope: _Scope, limit: int, before: str
) -> tuple[list[Recorded], str | None]:
    """Records of what may be read, and where to read on; None at the end."""
    found: list[Recorded] = []
    for _ in range(MOST_PAGES):
        page = await parts.audit.page(namespace, limit, before)
        for one in page:
            before = one.id
            if scope.is_whole or one.event.clinic in scope.names:
                found.append(one)
            if len(found) == limit:
                return found, before
        if len(page) < limit:
            return found, None
    return found, before


@router.post("/audit/pseudonym")
async def pseudonym(
    namespace: str, named: Named, request: Request, parts: Parts
) -> dict[str, str]:
    """Tell what the audit of this organisation calls a member of staff; that it was asked is recorded."""
    session = await parts.staff(request)
    scope = await _scope(parts, session, namespace, Action.READ_AUDIT, "")
    if not scope.is_whole:
        raise not_found()
    of = Namespace(namespace)
    parts.auditing.did(of, Deed.RESOLVE, session.user)
    return {"who": parts.auditing.pseudonyms.staff(of, named.user)}
