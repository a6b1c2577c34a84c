"""The entry form: what a patient may say, checked field by field."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date

from teleward_contract.projections import EntryField

from teleward_gateway.core.visits import Personal

MAX_NAME = 80
MAX_ANSWER = 400

_PHONE = re.compile(r"^\+?[0-9 ()/.-]{3,30}$")


@dataclass(frozen=True, slots=True)
class Checked:
    """The cleaned answers, or a reason per field that is wrong (`name` is the name)."""

    personal: Personal | None
    problems: dict[str, str] = field(default_factory=dict)


def check_entry(
    name: str, answers: dict[str, str], locale: str, questions: tuple[EntryField, ...]
) -> Checked:
    """Check a name and answers against the clinic's questions; unknown answers are dropped.

    Reasons are `required`, `too_long`, `not_a_phone`, `not_a_date`, `not_a_choice`.
    """
    problems: dict[str, str] = {}
    clean_name = _clean(name)
    if not clean_name:
        problems["name"] = "required"
    elif len(clean_name) > MAX_NAME:
        problems["name"] = "too_long"
    kept: dict[str, str] = {}
    for question in questions:
        answer = _clean(answers.get(question.name, ""))
        problem = _problem(question, answer)
        if problem:
            problems[question.name] = problem
        elif answer:
            kept[question.name] = answer
    if problems:
        return Checked(None, problems)
    return Checked(Personal(name=clean_name, fields=kept, locale=locale))


def _problem(question: EntryField, answer: str) -> str | None:
    if not answer or (question.kind == "Consent" and answer == "false"):
        return "required" if question.required else None
    if len(answer) > MAX_ANSWER:
        return "too_long"
    if question.kind == "Phone" and not _PHONE.match(answer):
        return "not_a_phone"
    if question.kind == "Date" and not _is_date(answer):
        return "not_a_date"
    if question.kind == "Choice" and answer not in question.choices:
        return "not_a_choice"
    return None


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _clean(text: str) -> str:
    """Normalise (NFC), drop control characters but keep right-to-left ones, fold white space."""
    kept = "".join(
        c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) != "Cc"
    )
    return " ".join(kept.split())
