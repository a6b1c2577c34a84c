"""Refusals, in the words and the shape (`Status`) of a real API server.

Source: k8s.io/apimachinery pkg/api/errors (messages and reasons), pkg/apis/meta/v1 (`Status`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from teleward_cli.apiserver.documents import Document
from teleward_cli.apiserver.resources import Resource


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of one field."""

    reason: str
    """`FieldValueInvalid`, `FieldValueRequired`, …"""
    field: str
    """Path, for example `spec.maxParticipants`; empty when it is the object as a whole."""
    message: str


class StatusError(Exception):
    """An answer that is not success."""

    def __init__(
        self, code: int, reason: str, message: str, details: Document | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details

    def document(self) -> Document:
        """Build the `Status` object."""
        status: Document = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": str(self), "reason": self.reason,
        }  # fmt: skip
        if self.details:
            status["details"] = self.details
        return status | {"code": self.code}


def not_found(resource: Resource, name: str) -> StatusError:
    """404: no such object."""
    return StatusError(
        404, "NotFound", f'{resource.qualified} "{name}" not found', _details(resource, name)
    )


class NoSuchPathError(StatusError):
    """404: no such resource or path."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: Resource, name: str) -> StatusError:
    """409: the name is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(resource, name))


def conflict(resource: Resource, name: str, why: str | None = None) -> StatusError:
    """409: decided on an old resourceVersion, or a precondition does not hold."""
    why = why or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(resource, name))


def invalid(resource: Resource, name: str, causes: Sequence[Cause]) -> StatusError:
    """422: breaks the schema or a rule; names every field."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = {
        "name": name, "group": resource.group, "kind": resource.kind,
        "causes": [
            {"reason": cause.reason, "message": cause.message, "field": cause.field}
            for cause in causes
        ],
    }  # fmt: skip
    return StatusError(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> StatusError:
    """400: the request cannot be understood."""
    return StatusError(400, "BadRequest", message)


def forbidden(resource: Resource, name: str, why: str) -> StatusError:
    """403: understood and refused."""
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    return StatusError(403, "Forbidden", message, _details(resource, name))


def unauthorized() -> StatusError:
    """401: no token, or not the right one."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def expired(asked: int, oldest: int) -> StatusError:
    """410: the watch wants events that are no longer kept; list again."""
    return StatusError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def method_not_allowed(resource: Resource | None = None, verb: str = "") -> StatusError:
    """405: the resource exists, the verb does not."""
    if resource is not None and resource.is_custom:
        message = f'{verb} is not supported on resources of kind "{resource.qualified}"'
        details = {"group": resource.group, "kind": resource.plural}
        return StatusError(405, "MethodNotAllowed", message, details)
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message)


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    """415: a patch or body format that is not served for this resource."""
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted)
    )
    return StatusError(415, "UnsupportedMediaType", message)


def _details(resource: Resource, name: str) -> Document:
    details = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}
