"""The public door of a clinic: open, closed, suspended or full, and the words for it."""

from datetime import datetime
from enum import StrEnum

from teleward_contract.projections import ClinicProjection, LocaleMap

from teleward_gateway.core.opening import is_open


class DoorState(StrEnum):
    """What a patient finds."""

    OPEN = "open"
    CLOSED = "closed"
    SUSPENDED = "suspended"
    FULL = "full"


def door_state(clinic: ClinicProjection, waiting: int, now: datetime) -> DoorState:
    """Judge the door; a clinic without a waiting area is closed."""
    area = clinic.waiting_area
    if clinic.suspended is not None:
        return DoorState.SUSPENDED
    if area is None or not area.enabled or not is_open(area.hours, now):
        return DoorState.CLOSED
    return DoorState.FULL if waiting >= area.max_waiting else DoorState.OPEN


def door_message(clinic: ClinicProjection, state: DoorState, locale: str) -> str:
    """Pick the clinic's own words for a door that is not open; empty when it has none."""
    if state is DoorState.SUSPENDED and clinic.suspended is not None:
        return text_for(clinic.suspended.message_for_patients, locale)
    if state is DoorState.CLOSED and clinic.waiting_area is not None:
        return text_for(clinic.waiting_area.closed_message, locale)
    return ""


def text_for(texts: LocaleMap, locale: str) -> str:
    """Pick the text in `locale`, else in its language, else in English, else any."""
    for key in (locale, locale.split("-", maxsplit=1)[0], "en"):
        if key in texts:
            return texts[key]
    return next(iter(texts.values()), "")
