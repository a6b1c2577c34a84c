"""Errors of the operator.

TelewardOperatorError
├── ClusterUnavailableError   the API server did not answer, or refused for now
├── StaleObjectError          409 or 404: the object changed or went since it was read; look again
├── RuntimeUnavailableError   the pool's runtime (supervisor, API server) did not answer, or refused
├── LeadershipLostError       another replica leads; this one ends
└── WatchEndedError           the watch died; the process ends and starts anew
"""


class TelewardOperatorError(Exception):
    """Root of the operator's errors."""


class ClusterUnavailableError(TelewardOperatorError):
    """The API server did not answer, or refused for now; try again.

    Attributes:
        status: HTTP status of the refusal, 0 when there was no answer.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class StaleObjectError(TelewardOperatorError):
    """The write was decided on an older version of the object."""


class RuntimeUnavailableError(TelewardOperatorError):
    """Media nodes cannot be started or stopped now; try again."""


class LeadershipLostError(TelewardOperatorError):
    """Another replica leads."""


class WatchEndedError(TelewardOperatorError):
    """The watch died; nothing declared from now on would be seen."""
