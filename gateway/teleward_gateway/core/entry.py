"""The entry form: what a patient may say, checked field by field."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from teleward_contract.projections import EntryField

from teleward_gateway.core.visits import Personal

MAX_NAME = 80
MAX_ANSWER = 400
"""Characters; the pages know both."""

_PHONE = re.compile(r"\+?[0-9 ()/.-]{3,30}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOCALE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}")

_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Bidirectional embeddings, overrides and isolates: one of them turns round what stands after it on the
dashboard. Marks and joiners, which names need, stay (Unicode Standard Annex 9)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The cleaned answers, or a reason per field that is wrong (`name` is the name)."""

    personal: Personal | None
    problems: dict[str, str] = field(default_factory=dict)


def check_entry(
    name: str, answers: Mapping[str, str], locale: str, questions: tuple[EntryField, ...]
) -> Checked:
    """Check a name and answers against the clinic's questions; unknown answers are dropped.

    Reasons are `required`, `too_long`, `not_a_phone`, `not_a_date`, `not_a_choice`.
    """
    problems: dict[str, str] = {}
    clean_name = clean(name)
    if not is_visible(clean_name):
        problems["name"] = "required"
    elif len(clean_name) > MAX_NAME:
        problems["name"] = "too_long"
    kept: dict[str, str] = {}
    for question in questions:
        answer = clean(answers.get(question.name, ""))
        problem = _problem(question, answer)
        if problem:
            problems[question.name] = problem
        elif answer:
            kept[question.name] = answer
    if problems:
        return Checked(None, problems)
    spoken = locale if _LOCALE.fullmatch(locale) else "en"
    return Checked(Personal(name=clean_name, fields=kept, locale=spoken))


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
