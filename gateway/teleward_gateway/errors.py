"""Errors of the gateway.

TelewardGatewayError
├── RefusedError          the caller may not, or asked for something that is not there; safe to show
├── ControlLostError      a media node's control port does not answer or broke off
└── ControlRefusedError   a media node answered with a typed refusal
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


class ControlLostError(TelewardGatewayError):
    """The control socket cannot be opened, or broke."""


class ControlRefusedError(TelewardGatewayError):
    """The media node refused the ticket or the call."""

    def __init__(self, code: ErrorCode) -> None:
        super().__init__(code.value)
        self.code = code
