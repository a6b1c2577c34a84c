"""Errors of the media node.

TelewardMediaError
├── OfferRefusedError   the offer is not one that this media node can answer
└── CallRefusedError    a participant asked for what it may not have; carries the error code
"""

from teleward_contract.signalling import ErrorCode


class TelewardMediaError(Exception):
    """Root of the media node's errors."""


class OfferRefusedError(TelewardMediaError):
    """The offer is not an SDP offer that can be answered; the text names the rule, not the content."""


class CallRefusedError(TelewardMediaError):
    """A participant's frame is refused; `code` says why."""

    def __init__(self, code: ErrorCode, message: str, *, fatal: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.fatal = fatal
