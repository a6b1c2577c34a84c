"""How an object changes on its way into the store: metadata, status, generation, deletion.

Source: k8s.io/apiserver pkg/registry/rest (`BeforeCreate`, `BeforeUpdate`), apiextensions-apiserver
pkg/registry/customresource (`strategy.go`, `status_strategy.go`).
"""

import re
from dataclasses import dataclass, replace

from teleward_cli.apiserver import object_meta
from teleward_cli.apiserver.documents import Document, metadata, name_of, without
from teleward_cli.apiserver.errors import Cause, bad_request, conflict, invalid
from teleward_cli.apiserver.resources import NAMESPACES, Resource
from teleward_cli.apiserver.schema import quote

_SERVER_SET = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "selfLink", "managedFields",
)  # fmt: skip

_LABEL_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"^{_LABEL_PART}(\.{_LABEL_PART})*\Z")
_LABEL = re.compile(rf"^{_LABEL_PART}\Z")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z")
_LABEL_KEY = re.compile(r"^([a-z0-9.-]{1,253}/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]\Z")


@dataclass(frozen=True, slots=True)
class Origin:
    """What only the server can give a new object."""

    now: str
    """RFC 3339, whole seconds, UTC."""
    uid: str
    suffix: str
    """Five random characters for `generateName`."""


def check_identity(resource: Resource, namespace: str, document: Document) -> None:
    """Refuse a document of another kind or for another namespace than the request's, or without proper metadata.

    Raises:
        StatusError: 400.
    """
    kind, version = document.get("kind"), document.get("apiVersion")
    if version != resource.api_version and not (version is None and not resource.is_custom):
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind is None and resource.is_custom:
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            "Object 'Kind' is missing"
        )
    given = metadata(document).get("namespace") or namespace
    if resource.namespaced and given != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    _check_shape(resource, document)
    if kind not in (resource.kind, None):
        message = f"Invalid value: {quote(kind)}: must be {resource.kind}"
        cause = Cause("FieldValueInvalid", "kind", message)
        raise invalid(replace(resource, kind=str(kind)), name_of(document), [cause])


def _check_shape(resource: Resource, document: Document) -> None:
    fault = object_meta.type_fault(document)
    if fault is not None:
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a '
            f"{resource.kind}: {fault}"
        )


def born(resource: Resource, namespace: str, document: Document, origin: Origin) -> Document:
    """Complete a new object."""
    given = object_meta.decoded(metadata(document))
    meta: Document = {key: value for key, value in given.items() if key not in _SERVER_SET}
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = f"{meta['generateName']}{origin.suffix}"
    if resource.namespaced:
        meta["namespace"] = namespace
    meta |= {"uid": origin.uid, "creationTimestamp": origin.now}
    if resource.is_custom:
        meta["generation"] = 1
    fresh: Document = {"apiVersion": resource.api_version, "kind": resource.kind} | document
    if resource.has_status:
        fresh.pop("status", None)
    fresh["metadata"] = meta
    return _born_namespace(fresh) if resource is NAMESPACES else fresh


def _born_namespace(document: Document) -> Document:
    meta = document["metadata"]
    labels = {**meta.get("labels", {}), "kubernetes.io/metadata.name": meta.get("name", "")}
    return document | {
        "metadata": meta | {"labels": labels},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def changed(resource: Resource, old: Document, document: Document, *, of_status: bool) -> Document:
    """Merge a written document into the stored one as the main or the status endpoint does.

    Raises:
        StatusError: 409 when it was decided on another version or another object.
    """
    was, given = metadata(old), object_meta.decoded(metadata(document))
    name = str(was["name"])
    if given.get("uid") not in (None, "", was["uid"]):
        why = f"Precondition failed: UID in precondition: {given['uid']}, UID in object meta: {was['uid']}"
        raise conflict(resource, name, why)
    if given.get("resourceVersion") not in (None, "", was["resourceVersion"]):
        raise conflict(resource, name)
    if of_status:
        status = {"status": document["status"]} if "status" in document else {}
        return without(old, "status") | status
    meta = {key: value for key, value in given.items() if key not in _SERVER_SET}
    meta |= {key: was[key] for key in _SERVER_SET if key in was}
    meta |= {key: was[key] for key in ("name", "namespace") if key in was}
    new = document | {"apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": meta}
    if resource.has_status:
        new = without(new, "status") | ({"status": old["status"]} if "status" in old else {})
    if resource.is_custom and _content(new) != _content(old):
        meta["generation"] = was["generation"] + 1
    return new


def doomed(resource: Resource, document: Document, now: str) -> Document:
    """Mark an object that is to go once its finalizers are gone."""
    meta = metadata(document) | {"deletionTimestamp": now, "deletionGracePeriodSeconds": 0}
    if resource.is_custom:
        meta["generation"] = meta["generation"] + 1
    if resource is NAMESPACES:
        return document | {"metadata": meta, "status": {"phase": "Terminating"}}
    return document | {"metadata": meta}


def is_doomed(document: Document) -> bool:
    """Whether its deletion has been asked for."""
    return "deletionTimestamp" in metadata(document)


def finalizers(document: Document) -> list[str]:
    """Who must still agree to its removal."""
    return list(metadata(document).get("finalizers") or ())


def check_metadata(resource: Resource, document: Document, old: Document | None) -> None:
    """Refuse malformed names and labels, and new finalizers on an object that is to go.

    Raises:
        StatusError: 422.
    """
    name = str(metadata(document).get("name") or "")
    causes = [*_name_faults(resource, name), *_label_faults(document)]
    if old is not None and is_doomed(old):
        new = [one for one in finalizers(document) if one not in finalizers(old)]
        if new:
            message = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{', '.join(quote(one) for one in new)}}}"
            )
            causes.append(Cause("FieldValueForbidden", "metadata.finalizers", message))
    if causes:
        raise invalid(resource, name, causes)


def _name_faults(resource: Resource, name: str) -> list[Cause]:
    if not name:
        message = "Required value: name or generateName is required"
        return [Cause("FieldValueRequired", "metadata.name", message)]
    is_label = resource is NAMESPACES
    pattern, longest = (_LABEL, 63) if is_label else (_SUBDOMAIN, 253)
    if len(name) <= longest and pattern.match(name):
        return []
    rule = "label" if is_label else "subdomain"
    message = (
        f"Invalid value: {quote(name)}: a lowercase RFC 1123 {rule} must consist of lower case "
        "alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
    )
    return [Cause("FieldValueInvalid", "metadata.name", message)]


def _label_faults(document: Document) -> list[Cause]:
    labels = metadata(document).get("labels") or {}
    faulty = [
        text
        for key, value in labels.items()
        for text, fits in (
            (key, _LABEL_KEY.match(key)),
            (value, len(value) <= 63 and _LABEL_VALUE.match(value)),
        )
        if not fits
    ]
    words = "is not a valid label key or value"
    return [
        Cause("FieldValueInvalid", "metadata.labels", f"Invalid value: {quote(text)}: {words}")
        for text in faulty
    ]


def _content(document: Document) -> Document:
    return without(document, "metadata", "status")
