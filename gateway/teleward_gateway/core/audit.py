"""The audit: what somebody did or was refused, without anybody's name."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

DONE = "done"
REFUSED = "refused"
"""It was not permitted, or somebody else was first."""

PATIENT, GUEST, GATEWAY, PROVIDER, NOBODY = "patient", "guest", "gateway", "provider", "nobody"
"""Who acts, where it is no member of staff."""
STAFF = "staff:"
"""What the pseudonym of a member of staff begins with."""

MOST_REFUSALS_A_MINUTE = 100
"""In one organisation of staff, and as many of all others; the next one is recorded as `too_many`, and what comes after
it in that minute is not.

Ours: a person who tries doors is seen, a script that tries them does not drive everything else out. Whoever tries
links from outside, which takes no sign-in, hides nothing that staff were refused.
"""
TOO_MANY = "too_many"


def is_staff(who: str) -> bool:
    """Whether it is a member of staff who acts."""
    return who.startswith(STAFF)


_ID = re.compile(r"[1-9][0-9]{0,14}-[0-9]{1,10}")


class Deed(StrEnum):
    """What is recorded beside the steps of visits, which have the names of `VisitAction`."""

    ENTER = "enter"
    VANISH = "vanish"
    MESSAGE_ALL = "message_all"
    SEE_QUEUE = "see_queue"
    JOIN_CALL = "join_call"
    """A member of staff opened the call of a visit, or a room."""
    REDEEM = "redeem"
    """A guest used a link up, or tried one that opens nothing. What staff do with links has the names of `Action`."""
    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    READ_REPORTS = "read_reports"
    READ_AUDIT = "read_audit"
    RESOLVE = "resolve_pseudonym"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be recorded."""

    what: str
    who: str
    clinic: str = ""
    outcome: str = DONE
    visit: str = ""
    """Pseudonym of a visit."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the audit of an organisation."""

    id: str
    """Milliseconds of the store's clock, and a number: rises with each record."""
    event: Event

    @property
    def at_ms(self) -> int:
        """When, by the store's clock."""
        return int(self.id.partition("-")[0])


def is_id(text: str) -> bool:
    """Whether a text has the form of a record's id."""
    return _ID.fullmatch(text) is not None


FIELDS = ("id", "at", "organisation", "clinic", "who", "what", "outcome", "visit")


def told(record: Recorded, organisation: str, at: str) -> dict[str, str]:
    """A record as it is told, keyed by `FIELDS`; `at` is its time in words."""
    event = record.event
    return {
        "id": record.id, "at": at, "organisation": organisation, "clinic": event.clinic,
        "who": event.who, "what": event.what, "outcome": event.outcome, "visit": event.visit,
    }  # fmt: skip


def line(record: dict[str, str]) -> str:
    """One line of the file to which the audit is shipped."""
    return json.dumps({"v": 1, "stream": "audit", **record}, separators=(",", ":")) + "\n"
