"""The entry form: what a patient may say, checked field by field."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from pydantic import BaseModel, Field
from teleward_contract.projections import EntryField

from teleward_gateway.core.visits import Personal, Speaker, SpeaksAs

MAX_NAME = 80
MAX_ANSWER = 400
"""Characters; the pages know both."""
APPOINTMENT_WITHIN_S = 86_400
"""An appointment is today's; who comes by an old link has none."""

_PHONE = re.compile(r"\+?[0-9 ()/.-]{3,30}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
"""RFC 3339, seconds left out or not; always with its offset."""
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")

_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional embeddings, overrides and isolates: one of them turns round what stands after it on the
dashboard. Marks and joiners, which names need, stay (Unicode Standard Annex 9)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The cleaned answers, or a reason per field that is wrong (`name` is the name)."""

    personal: Personal | None
    problems: dict[str, str] = field(default_factory=dict)


class SpeakerSaid(BaseModel):
    """Who speaks for the patient, as the page says it."""

    name: str = Field(max_length=400)
    role: SpeaksAs


class Said(BaseModel):
    """What the page says for the patient: when entering, and again whenever it comes back."""

    name: str = Field(max_length=400)
    fields: dict[str, str] = Field(default_factory=dict, max_length=40)
    locale: str = Field(default="en", max_length=20)
    speaker: SpeakerSaid | None = None
    appointment: str = Field(default="", max_length=40)
    """RFC 3339, from a link that the clinic made."""


def check_entry(said: Said, questions: tuple[EntryField, ...], arrived_ms: int) -> Checked:
    """Check a name and answers against the clinic's questions; unknown answers are dropped.

    So is an appointment that is none, or not within a day of the arrival: the patient cannot mend the link.

    Reasons are `required`, `too_long`, `not_a_phone`, `not_a_date`, `not_a_choice`; a name with an underscore is
    no question's.
    """
    problems: dict[str, str] = {}
    name = _name(said.name, "name", problems)
    speaker = said.speaker
    speaks = speaker and Speaker(
        name=_name(speaker.name, "speaker_name", problems), role=speaker.role
    )
    kept: dict[str, str] = {}
    for question in questions:
        answer = clean(said.fields.get(question.name, ""))
        problem = _problem(question, answer)
        if problem:
            problems[question.name] = problem
        elif answer:
            kept[question.name] = answer
    if problems:
        return Checked(None, problems)
    spoken = said.locale if _LOCALE.fullmatch(said.locale) else "en"
    return Checked(
        Personal(
            name=name, fields=kept, locale=spoken, speaker=speaks,
            appointment=_appointment(said.appointment, arrived_ms),
        )
    )  # fmt: skip


def _name(text: str, asked: str, problems: dict[str, str]) -> str:
    name = clean(text)
    if not is_visible(name):
        problems[asked] = "required"
    elif len(name) > MAX_NAME:
        problems[asked] = "too_long"
    return name


def _appointment(text: str, arrived_ms: int) -> str:
    try:
        at = datetime.fromisoformat(text).astimezone(UTC) if _MOMENT.fullmatch(text) else None
    except (ValueError, OverflowError):
        return ""
    if at is None or abs(at.timestamp() - arrived_ms / 1000) > APPOINTMENT_WITHIN_S:
        return ""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _problem(question: EntryField, answer: str) -> str | None:
    if not answer or (question.kind == "Consent" and answer == "false"):
        return "required" if question.required else None
    if len(answer) > MAX_ANSWER:
        return "too_long"
    match question.kind:
        case "Phone" if not _PHONE.fullmatch(answer):
            return "not_a_phone"
        case "Date" if not _is_date(answer):
            return "not_a_date"
        case "Choice" if answer not in question.choices:
            return "not_a_choice"
    return None


def is_visible(text: str) -> bool:
    """Whether there is anything to read: a name of joiners and marks alone is none."""
    return any(unicodedata.category(letter) not in ("Cf", "Zs", "Cn", "Co") for letter in text)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def clean(text: str) -> str:
    """Normalise (NFC), drop what is no character or turns the line round, fold white space."""
    kept = (
        letter
        for letter in unicodedata.normalize("NFC", text)
        if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cs")
    )
    return " ".join("".join(letter for letter in kept if letter not in _OVERRIDES).split())
