"""The verbs: what a request does to the objects, and who hears of it.

Everything here runs in one step of the event loop: a verb is atomic.
"""

import asyncio
import datetime
import secrets
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from teleward_cli.apiserver import object_meta, objects, scaling, schema
from teleward_cli.apiserver.documents import Document, clone, metadata, name_of
from teleward_cli.apiserver.errors import (
    Cause,
    StatusError,
    already_exists,
    bad_request,
    conflict,
    expired,
    forbidden,
    invalid,
    not_found,
)
from teleward_cli.apiserver.resources import (
    DEFINITIONS,
    EVENTS,
    NAMESPACES,
    Resource,
    as_stored,
)
from teleward_cli.apiserver.rules import RuleTree, compile_rules
from teleward_cli.apiserver.selectors import Predicate
from teleward_cli.apiserver.store import Change, Key, Store

FIRST_NAMESPACES = ("default", "kube-public", "kube-system")
"""Every cluster has them; they may not be deleted."""

EVENT_TTL = datetime.timedelta(hours=1)
"""How long an Event is kept: kube-apiserver's own default."""


_BLOCKING = (
    "FieldValueNotSupported", "FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany",
    "FieldValueTypeInvalid",
)  # fmt: skip
"""With such a fault of its shape an object's rules are not looked at (apiextensions `hasBlockingErr`)."""

_RULES_NOT_CHECKED = Cause(
    "FieldValueInvalid", "<nil>",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What a writing request may ask for besides the write."""

    dry_run: bool = False
    validation: str = "Warn"
    """`Strict` refuses unknown fields, `Warn` names them, `Ignore` drops them."""


@dataclass(frozen=True, slots=True)
class Written:
    """The object as it is now, and what the writer should know."""

    document: Document
    warnings: tuple[str, ...] = ()


class Registry:
    """The served resources, their objects and their watchers."""

    def __init__(self, store: Store, resources: Mapping[str, Resource]) -> None:
        self._store = store
        self.resources = resources
        self._rules: dict[str, RuleTree | None] = {
            name: compile_rules(resource.schema)
            for name, resource in resources.items()
            if resource.schema is not None
        }
        self._watchers: set[asyncio.Queue[Change]] = set()
        for name in FIRST_NAMESPACES:
            if store.get((NAMESPACES.qualified, "", name)) is None:
                self.create(NAMESPACES, "", {"metadata": {"name": name}}, Options())

    @property
    def version(self) -> int:
        """The resourceVersion of the last write."""
        return self._store.version

    def install(self, definitions: Iterable[Document]) -> None:
        """Show these definitions, and no others, as CustomResourceDefinitions."""
        wanted = {name_of(definition): definition for definition in definitions}
        for stored in self._store.objects_of(DEFINITIONS.qualified):
            if name_of(stored) not in wanted:
                self._remove(DEFINITIONS, stored)
        for name, definition in wanted.items():
            was = self._store.get(self._key(DEFINITIONS, "", name))
            fresh = as_stored(objects.born(DEFINITIONS, "", definition, _origin()), _now())
            if was is None or was["spec"] != fresh["spec"]:
                self._put(DEFINITIONS, fresh)

    def get(self, resource: Resource, namespace: str, name: str) -> Document:
        """Read one object.

        Raises:
            StatusError: 404.
        """
        document = self._store.get(self._key(resource, namespace, name))
        if document is None:
            raise not_found(resource, name)
        return document

    def objects_of(self, resource: Resource, namespace: str, selects: Predicate) -> list[Document]:
        """List the selected objects; `namespace` "" means all."""
        found = self._store.objects_of(
            resource.qualified, namespace if resource.namespaced else ""
        )
        return [document for document in found if selects(document)]

    def create(
        self, resource: Resource, namespace: str, document: Document, options: Options
    ) -> Written:
        """Add an object.

        Raises:
            StatusError: 400, 403, 404 (its namespace), 409, 422; 500 for one with a resourceVersion (as a real server).
        """
        objects.check_identity(resource, namespace, document)
        if metadata(document).get("resourceVersion"):
            message = "resourceVersion should not be set on objects to be created"
            raise StatusError(500, "InternalError", message)
        decoded, warnings = self._decode(resource, document, options)
        fresh = objects.born(resource, namespace, decoded, _origin())
        if resource.namespaced:
            self._check_namespace(resource, namespace, name_of(fresh))
        self._check(resource, fresh, None)
        if self._store.get(self._key(resource, namespace, name_of(fresh))) is not None:
            raise already_exists(resource, name_of(fresh))
        if options.dry_run:
            return Written(fresh, warnings)
        return Written(self._put(resource, fresh), warnings)

    def update(
        self, resource: Resource, namespace: str, name: str, document: Document,
        options: Options, *, of_status: bool = False, patched: bool = False,
    ) -> Written:  # fmt: skip
        """Replace an object; the written resourceVersion, if there is one, must be the stored one.

        Raises:
            StatusError: 400, 404, 409, 422.
        """
        old = self.get(resource, namespace, name)
        objects.check_identity(resource, namespace, document)
        if name_of(document) != name:
            raise bad_request(
                f"the name of the object ({name_of(document)}) does not match the name on the URL ({name})"
            )
        if resource.versioned and not patched and not metadata(document).get("resourceVersion"):
            message = "Invalid value: 0: must be specified for an update"
            raise invalid(
                resource, name, [Cause("FieldValueInvalid", "metadata.resourceVersion", message)]
            )
        decoded, warnings = self._decode(resource, document, options)
        new = objects.changed(resource, old, decoded, of_status=of_status)
        self._check(resource, new, old)
        if options.dry_run or new == old:
            return Written(new, warnings)
        if objects.is_doomed(new) and not objects.finalizers(new) and resource is not NAMESPACES:
            self._remove(resource, old)
            return Written(new, warnings)
        return Written(self._put(resource, new), warnings)

    def patch(
        self, resource: Resource, namespace: str, name: str,
        transform: Callable[[Document], Document], options: Options, *, of_status: bool = False,
    ) -> Written:  # fmt: skip
        """Change an object by what a patch makes of it."""
        old = self.get(resource, namespace, name)
        patched = transform(old)
        if not isinstance(patched.get("metadata", {}), dict):
            message = f"Invalid value: {object_meta.type_fault(patched)}"
            raise invalid(resource, name, [Cause("FieldValueInvalid", "patch", message)])
        if not name_of(patched):
            raise bad_request("the name of the object was undeterminable: name must be provided")
        return self.update(
            resource, namespace, name, patched, options, of_status=of_status, patched=True
        )

    def delete(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        preconditions: Document,
        *,
        dry_run: bool,
    ) -> Document:
        """Remove an object, or mark it until its finalizers are gone; returns the answer's body.

        Raises:
            StatusError: 403, 404, 409.
        """
        old = self.get(resource, namespace, name)
        for field in ("uid", "resourceVersion"):
            wanted, is_now = preconditions.get(field), metadata(old)[field]
            if wanted not in (None, is_now):
                word = "UID" if field == "uid" else "ResourceVersion"
                why = f"Precondition failed: {word} in precondition: {wanted}, {word} in object meta: {is_now}"
                raise conflict(resource, name, why)
        if resource is NAMESPACES:
            return self._delete_namespace(old, dry_run=dry_run)
        if objects.finalizers(old):
            if dry_run or objects.is_doomed(old):
                return old
            return self._put(resource, objects.doomed(resource, old, _now()))
        if not dry_run:
            self._remove(resource, old)
        details = {
            "name": name, "group": resource.group, "kind": resource.plural,
            "uid": metadata(old)["uid"],
        }  # fmt: skip
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {key: value for key, value in details.items() if value},
        }  # fmt: skip

    @contextmanager
    def watching(self, version: int | None) -> Iterator[asyncio.Queue[Change]]:
        """Hear every change after `version` (None: from now on), in order.

        Raises:
            StatusError: 410 when changes after `version` are no longer kept.
        """
        missed = [] if version is None else self._store.since(version)
        if missed is None:
            raise expired(version or 0, self._store.oldest)
        queue: asyncio.Queue[Change] = asyncio.Queue()
        for change in missed:
            queue.put_nowait(change)
        self._watchers.add(queue)
        try:
            yield queue
        finally:
            self._watchers.discard(queue)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def forget_events(self) -> None:
        """Remove Events older than `EVENT_TTL`."""
        limit = datetime.datetime.now(datetime.UTC) - EVENT_TTL
        for document in self._store.objects_of(EVENTS.qualified):
            born = datetime.datetime.fromisoformat(metadata(document)["creationTimestamp"])
            if born < limit:
                self._remove(EVENTS, document)

    def _decode(
        self, resource: Resource, document: Document, options: Options
    ) -> tuple[Document, tuple[str, ...]]:
        """Copy a document, drop what its schema does not know, fill in defaults."""
        decoded = clone(document)
        if resource.schema is None:
            return decoded, ()
        unknown = [f'unknown field "{path}"' for path in schema.prune(decoded, resource.schema)]
        if unknown and options.validation == "Strict":
            raise bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a '
                f"{resource.kind}: strict decoding error: {', '.join(unknown)}"
            )
        schema.fill_defaults(decoded, resource.schema)
        return decoded, tuple(unknown) if options.validation == "Warn" else ()

    def _check(self, resource: Resource, document: Document, old: Document | None) -> None:
        objects.check_metadata(resource, document, old)
        if resource.schema is None or document == old:
            return
        causes = [*schema.check(document, resource.schema), *scaling.check(resource, document)]
        rules = self._rules[resource.qualified]
        if rules is not None and any(cause.reason in _BLOCKING for cause in causes):
            causes.append(_RULES_NOT_CHECKED)
        elif rules is not None:
            causes += rules.check(document) if old is None else rules.check(document, old)
        if causes:
            raise invalid(resource, name_of(document), causes)

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        home = self._store.get((NAMESPACES.qualified, "", namespace))
        if home is None:
            raise not_found(NAMESPACES, namespace)
        if objects.is_doomed(home):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource, name, why)

    def _delete_namespace(self, old: Document, *, dry_run: bool) -> Document:
        name = name_of(old)
        if name in FIRST_NAMESPACES:
            raise forbidden(NAMESPACES, name, "this namespace may not be deleted")
        if dry_run or objects.is_doomed(old):
            return old
        doomed = self._put(NAMESPACES, objects.doomed(NAMESPACES, old, _now()))
        for resource, _, inner in self._store.in_namespace(name):
            self.delete(self.resources[resource], name, inner, {}, dry_run=False)
        self._close_namespace(name)
        return doomed

    def _close_namespace(self, namespace: str) -> None:
        home = self._store.get((NAMESPACES.qualified, "", namespace))
        if (
            home is not None
            and objects.is_doomed(home)
            and not self._store.in_namespace(namespace)
        ):
            self._tell(self._store.remove((NAMESPACES.qualified, "", namespace)))

    def _put(self, resource: Resource, document: Document) -> Document:
        change = self._tell(self._store.put(resource.qualified, document))
        assert change.after is not None, "a put leaves an object"
        return change.after

    def _remove(self, resource: Resource, document: Document) -> Document:
        namespace = str(metadata(document).get("namespace", ""))
        change = self._tell(self._store.remove(self._key(resource, namespace, name_of(document))))
        self._close_namespace(namespace)
        assert change.before is not None, "what is removed was there"
        return change.before

    def _tell(self, change: Change) -> Change:
        for queue in self._watchers:
            queue.put_nowait(change)
        return change

    @staticmethod
    def _key(resource: Resource, namespace: str, name: str) -> Key:
        return (resource.qualified, namespace if resource.namespaced else "", name)


def _origin() -> objects.Origin:
    return objects.Origin(_now(), str(uuid.uuid4()), secrets.token_hex(3)[:5])


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
