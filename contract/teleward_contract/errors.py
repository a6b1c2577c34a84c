"""Errors of the shared ports.

TelewardContractError
├── RoutingUnavailableError   the store did not answer; nothing may be assumed
├── StaleLeaderError          a newer leader has written; this one must stop writing
├── TicketRefusedError        a media ticket that does not admit
└── FrameRefusedError         a signalling frame that is not of the protocol
"""


class TelewardContractError(Exception):
    """Root of the contract's errors."""


class RoutingUnavailableError(TelewardContractError):
    """The routing state did not answer in time; nothing may be assumed about what was written."""


class StaleLeaderError(TelewardContractError):
    """The write carried a leader epoch lower than one already seen; stop writing."""


class TicketRefusedError(TelewardContractError):
    """The media ticket is not valid for this socket; the message says which claim failed."""


class FrameRefusedError(TelewardContractError):
    """A frame that is too large, not JSON, of unknown type or of the wrong shape.

    `code` is a `signalling.ErrorCode` value; the text names fields, never their content.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
