"""What is served: the kinds of the definitions in `crds/`, and the built-in kinds they live with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from teleward_cli.apiserver.documents import Document

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML without libyaml: slower, the same
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]  # same interface


@dataclass(frozen=True, slots=True)
class Column:
    """A printed column."""

    name: str
    type: str
    json_path: str
    priority: int = 0
    description: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the scale subresource finds its numbers: paths like `.spec.replicas`."""

    spec_path: str
    status_path: str
    selector_path: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One served kind."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: Document | None = None
    """openAPIV3Schema; None for built-in kinds, which are taken as they come."""
    columns: tuple[Column, ...] = ()
    has_status: bool = False
    scale: Scale | None = None
    selectable: tuple[str, ...] = ()
    """Paths for field selectors beside name and namespace, like `.spec.clinicRef.name`."""
    fixed: bool = field(default=False)
    """Read-only here: the definitions themselves."""

    @property
    def qualified(self) -> str:
        """`clinics.teleward.io`; `namespaces` in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """`teleward.io/v1alpha1`; `v1` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def versioned(self) -> bool:
        """Whether a replacement must say which version it replaces."""
        return self.is_custom or self is LEASES

    @property
    def is_custom(self) -> bool:
        """Whether it comes from a definition."""
        return self.schema is not None


NAMESPACES = Resource(
    "", "v1", "namespaces", "namespace", "Namespace", namespaced=False, short_names=("ns",),
    has_status=True, columns=(Column("Status", "string", ".status.phase"),),
)  # fmt: skip

EVENTS = Resource(
    "", "v1", "events", "event", "Event", short_names=("ev",),
    columns=(
        Column("Type", "string", ".type"),
        Column("Reason", "string", ".reason"),
        Column("Object", "string", ".involvedObject.name"),
        Column("Message", "string", ".message"),
    ),
    selectable=(
        ".involvedObject.kind", ".involvedObject.namespace", ".involvedObject.name",
        ".involvedObject.uid", ".involvedObject.apiVersion", ".involvedObject.resourceVersion",
        ".involvedObject.fieldPath", ".reason", ".reportingComponent", ".source", ".type",
    ),
)  # fmt: skip

LEASES = Resource(
    "coordination.k8s.io", "v1", "leases", "lease", "Lease",
    columns=(Column("Holder", "string", ".spec.holderIdentity"),),
)  # fmt: skip

DEFINITIONS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "customresourcedefinition",
    "CustomResourceDefinition", namespaced=False, short_names=("crd", "crds"), fixed=True,
    columns=(Column("Created At", "date", ".metadata.creationTimestamp"),),
)  # fmt: skip

BUILT_IN = (NAMESPACES, EVENTS, LEASES, DEFINITIONS)


def load_definitions(directory: Path) -> list[Document]:
    """Read every CustomResourceDefinition of a directory (not of its subdirectories).

    Raises:
        ValueError: There is none, or a file is not YAML; the text names the file.
    """
    found: list[Document] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            documents = list(yaml.load_all(path.read_text("utf-8"), _Loader))  # a safe loader
        except yaml.YAMLError as err:
            raise ValueError(f"{path} is not YAML: {err}") from err
        found += [
            document
            for document in documents
            if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition"
        ]
    if not found:
        raise ValueError(f"{directory} holds no CustomResourceDefinition")
    return found


def resource_of(definition: Document) -> Resource:
    """Read the served version of a definition."""
    spec = definition["spec"]
    names = spec["names"]
    version = next(one for one in spec["versions"] if one["served"] and one["storage"])
    subresources = version.get("subresources", {})
    scale = subresources.get("scale")
    return Resource(
        group=spec["group"], version=version["name"], plural=names["plural"],
        singular=names.get("singular", names["kind"].lower()), kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        schema=version["schema"]["openAPIV3Schema"],
        columns=_columns(version.get("additionalPrinterColumns", ())),
        has_status="status" in subresources,
        scale=scale and Scale(
            scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath")
        ),
        selectable=tuple(one["jsonPath"] for one in version.get("selectableFields", ())),
    )  # fmt: skip


def as_stored(definition: Document, now: str) -> Document:
    """Complete a definition as the server shows it: established, names accepted, in storage."""
    spec = definition["spec"]
    names = {
        "singular": spec["names"]["kind"].lower(),
        "listKind": f"{spec['names']['kind']}List",
        **spec["names"],
    }
    condition = {"status": "True", "lastTransitionTime": now}
    return definition | {
        "spec": {"conversion": {"strategy": "None"}, **spec, "names": names},
        "status": {
            "acceptedNames": names,
            "storedVersions": [one["name"] for one in spec["versions"] if one["storage"]],
            "conditions": [
                {
                    "type": "NamesAccepted",
                    "reason": "NoConflicts",
                    "message": "no conflicts found",
                    **condition,
                },
                {
                    "type": "Established",
                    "reason": "InitialNamesAccepted",
                    "message": "the initial names have been accepted",
                    **condition,
                },
            ],
        },
    }


def _columns(declared: Sequence[dict[str, Any]]) -> tuple[Column, ...]:
    if not declared:
        return (Column("Age", "date", ".metadata.creationTimestamp"),)
    return tuple(
        Column(
            one["name"], one["type"], one["jsonPath"], one.get("priority", 0),
            one.get("description", ""), one.get("format", ""),
        )
        for one in declared
    )  # fmt: skip
