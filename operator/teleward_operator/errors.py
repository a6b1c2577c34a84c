"""Errors of the operator.

TelewardOperatorError
├── ClusterUnavailableError   the API server did not answer, or answered 5xx or 429
├── StaleObjectError          409: the object changed since it was read; look again
└── RuntimeUnavailableError   the pool's runtime (the local supervisor) did not answer
"""


class TelewardOperatorError(Exception):
    """Root of the operator's errors."""


class ClusterUnavailableError(TelewardOperatorError):
    """The API server did not answer; try again."""


class StaleObjectError(TelewardOperatorError):
    """The write was decided on an older version of the object."""


class RuntimeUnavailableError(TelewardOperatorError):
    """Media nodes cannot be started or stopped now; try again."""
