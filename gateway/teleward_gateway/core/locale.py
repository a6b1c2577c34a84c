"""Which language a page speaks, and in which direction."""

SPOKEN = ("en", "ar")
"""Languages the pages are written in."""
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "prs", "ps", "ur"})


def choose_locale(asked: str, accepted: str, clinic: tuple[str, ...]) -> str:
    """Choose by the link, else the browser (`Accept-Language`, RFC 9110 §12.5.4), else the clinic."""
    for wanted in (asked, *_preferences(accepted), *clinic):
        language = wanted.strip().lower().split("-", maxsplit=1)[0]
        if language in SPOKEN:
            return language
    return SPOKEN[0]


def direction(locale: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if locale.split("-", maxsplit=1)[0] in _RIGHT_TO_LEFT else "ltr"


def _preferences(accepted: str) -> list[str]:
    weighted = []
    for position, part in enumerate(accepted.split(",")[:20]):
        tag, _, parameter = part.partition(";")
        weighted.append((-_weight(parameter), position, tag))
    return [tag for _, _, tag in sorted(weighted)]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name == "q" else 1.0
    except ValueError:
        return 0.0
