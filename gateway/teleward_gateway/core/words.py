"""What staff may write to a patient: their own words, or a ready-made text of the clinic."""

from teleward_contract.projections import ClinicProjection, LocaleMap

from teleward_gateway.core.entry import clean, is_visible
from teleward_gateway.core.visits import OWN_WORDS
from teleward_gateway.errors import RefusedError

MAX_WORDS = 500
"""Characters, as of a ready-made text (`crds/waitingareas.teleward.io.yaml`)."""


def ready_texts(clinic: ClinicProjection) -> tuple[LocaleMap, ...]:
    """The clinic's ready-made texts."""
    return clinic.waiting_area.ready_messages if clinic.waiting_area else ()


def texts_of(own: str, ready: str, offered: tuple[LocaleMap, ...]) -> LocaleMap | None:
    """Check what is to be written.

    Args:
        own: Somebody's own words.
        ready: A ready-made text as it was shown, in any of its languages; it counts if both are given.
        offered: The ready-made texts that there are.

    Returns:
        The text in every language there is of it; None when nothing was written.

    Raises:
        RefusedError: 422, `unknown_text` or `too_long`.
    """
    if ready:
        for texts in offered:
            if ready in texts.values():
                return texts
        raise RefusedError(
            422, "unknown_text", "The clinic has no such text any more. Choose again."
        )
    text = clean(own)
    if len(text) > MAX_WORDS:
        raise RefusedError(422, "too_long", f"Write at most {MAX_WORDS} characters.")
    return {OWN_WORDS: text} if is_visible(text) else None
