"""Errors of the gateway.

TelewardGatewayError
├── RefusedError          the caller may not, or asked for something that is not there; safe to show
├── BrowserGoneError      the browser closed its socket, or does not read
├── ControlLostError      a media node's control port does not answer or broke off
├── ControlRefusedError   a media node answered with a typed refusal
└── QueueFullError        as many patients wait as may
"""

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
