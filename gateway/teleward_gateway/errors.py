"""Errors of the gateway.

TelewardGatewayError
├── RefusedError          the caller may not, or asked for something that is not there; safe to show
├── BrowserGoneError      the browser closed its socket, or does not read
├── ControlLostError      a media node's control port does not answer or broke off
├── ControlRefusedError   a media node answered with a typed refusal
├── QueueFullError        as many patients wait as may
├── WebhookLostError      a webhook was not answered, or answered that it cannot now
└── SignInError           a sign-in came to nothing; its fault says why
"""

from enum import StrEnum

from teleward_contract.signalling import ErrorCode


class TelewardGatewayError(Exception):
    """Root of the gateway's errors."""


class RefusedError(TelewardGatewayError):
    """A request that is refused; the message says what to do next and holds no patient's data."""

    def __init__(
        self, status: int, code: str, message: str, details: dict[str, object] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details or {}

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may be granted in a moment."""
        return self.status == 503


class BrowserGoneError(TelewardGatewayError):
    """The browser is gone."""


class ControlLostError(TelewardGatewayError):
    """The control socket cannot be opened, or broke."""


class ControlRefusedError(TelewardGatewayError):
    """The media node refused the ticket or the call."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.value)
        self.code = code


class QueueFullError(TelewardGatewayError):
    """As many patients wait as may."""


class WebhookLostError(TelewardGatewayError):
    """The other side does not answer, or cannot now."""


class Fault(StrEnum):
    """Why a sign-in came to nothing; each has a text on the sign-in page that says what to do."""

    DENIED = "denied"
    """The person, or the provider, said no."""
    EXPIRED = "expired"
    """The attempt is too old, was used before, or was begun in another browser."""
    UNREACHABLE = "unreachable"
    """The provider does not answer, or answers that it cannot now."""
    REFUSED = "refused"
    """The provider's answer does not hold: signature, issuer, audience, nonce, time, code."""
    MISCONFIGURED = "misconfigured"
    """Provider and declaration do not fit: another issuer in its metadata, an unknown client, a wrong secret."""
    NO_USER = "no_user"
    """The user claim is missing."""
    EMAIL_UNVERIFIED = "email_unverified"
    """The user claim is the e-mail address, and the provider has not verified it."""
    TOO_MANY_GROUPS = "too_many_groups"
    """The provider left the groups out because there are too many, and no team names the user."""
    NOT_A_MEMBER = "not_a_member"
    """No team of the organisation names the person."""
    ONE_MOMENT = "one_moment"
    """The routing state does not answer."""


class SignInError(TelewardGatewayError):
    """A sign-in at an issuer came to nothing.

    The detail is for the log: a constant text or the name of an exception, never what a provider sent.
    """

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(detail or fault.value)
        self.fault = fault


def not_found(by: str = "") -> RefusedError:
    """Unknown, ended and forbidden look alike; only the clinic's own staff is told who ended it (`by`)."""
    details: dict[str, object] = {"by": by} if by else {}
    return RefusedError(
        404, "not_found", "There is nothing here. Go back to your clinics.", details
    )


def too_late(by: str) -> RefusedError:
    """A colleague was first; `by` is what colleagues call them."""
    return RefusedError(
        409, "taken", "A colleague was faster. Look at the queue.", details={"by": by}
    )


def one_moment() -> RefusedError:
    """What everybody hears while the routing state does not answer."""
    return RefusedError(503, "one_moment", "One moment, please; trying again by itself.")
