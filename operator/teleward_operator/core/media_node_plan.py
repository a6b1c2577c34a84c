"""What to apply and delete so that exactly the wanted media nodes run, and no call is cut. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from teleward_contract.resources import MediaPool
from teleward_contract.units import MediaNodeId

from teleward_operator.core.media_node_objects import (
    MEDIA_NODE_LABEL,
    Installation,
    Manifest,
    address,
    deployment,
    is_applied,
    object_name,
    pool_objects,
    returned,
    sealed,
    service,
    trouble_of,
)
from teleward_operator.core.pools import RunningMediaNode

ObjectKey = tuple[str, str]
"""(kind, name)."""


@dataclass(frozen=True, slots=True)
class Live:
    """The objects of one pool as the API server has them."""

    objects: Mapping[ObjectKey, Manifest]
    """Deployments, Services and what the pool shares."""
    pods: Mapping[MediaNodeId, tuple[Manifest, ...]]

    def deployment(self, media_node: MediaNodeId) -> Manifest | None:
        """The Deployment of a media node, unless it is being deleted."""
        found = self.objects.get(("Deployment", object_name(media_node)))
        return None if found is None or found["metadata"].get("deletionTimestamp") else found

    def media_nodes(self) -> list[MediaNodeId]:
        """Every media node that shall run."""
        names = [
            MediaNodeId(found["metadata"]["labels"][MEDIA_NODE_LABEL])
            for (kind, _), found in self.objects.items()
            if kind == "Deployment"
        ]
        return [name for name in names if self.deployment(name) is not None]


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """What to send to the API server, in this order."""

    apply: list[Manifest] = field(default_factory=list)
    delete: list[Manifest] = field(default_factory=list)
    """As they are: their uid and version are the precondition."""

    @property
    def is_settled(self) -> bool:
        """Nothing is to be done."""
        return not self.apply and not self.delete


def running(live: Live) -> tuple[RunningMediaNode, ...]:
    """Tell which media nodes shall run, and which are still stopping."""
    listed = live.media_nodes()
    going = [name for name in live.pods if name not in listed]
    return (
        *(
            RunningMediaNode(name, trouble=trouble_of(found, live.pods.get(name, ())))
            for name in listed
            if (found := live.deployment(name)) is not None
        ),
        *(RunningMediaNode(name, is_stopping=True) for name in going),
    )


def plan_objects(
    pool: MediaPool, installation: Installation, wanted: tuple[MediaNodeId, ...],
    busy: frozenset[MediaNodeId], live: Live,
) -> ObjectPlan:  # fmt: skip
    """Make what is missing, mend what drifted, and delete what nobody needs.

    A media node with calls is left as it is. Of the others one at a time gets a changed template, and
    only while the rest are up. A Service goes when the last pod behind it is gone.
    """
    plan = ObjectPlan()
    for manifest in pool_objects(pool, installation):
        _apply(plan, sealed(manifest), live)
    may_replace = all(_is_up(name, live) for name in wanted if live.deployment(name))
    for name in wanted:
        manifests = _of_media_node(pool, installation, name, live)
        found = live.deployment(name)
        if found is not None and name in busy:
            manifests = [one for one in manifests if one["kind"] == "Service"][:1]
            if manifests and ("Service", object_name(name)) not in live.objects:
                plan.apply.extend(manifests)
            continue
        for manifest in manifests:
            is_replacement = _is_replacement(manifest, found)
            if may_replace or not is_replacement:
                _apply(plan, manifest, live)
            may_replace = may_replace and not is_replacement
    plan.delete.extend(_superfluous(pool, wanted, busy, live))
    return plan


def _of_media_node(
    pool: MediaPool, installation: Installation, name: MediaNodeId, live: Live
) -> list[Manifest]:
    found = live.deployment(name)
    door, stands = service(pool, name), live.objects.get(("Service", object_name(name)))
    made = [sealed(door)] if door else []
    if stands is None and found is not None:
        made = [returned(one, _bound_port(found)) for one in made]
    where = address(pool, name, stands or next(iter(made), None))
    return [*made, sealed(deployment(pool, name, installation, where))]


def _bound_port(found: Manifest) -> int:
    containers = found["spec"]["template"]["spec"]["containers"]
    ports = containers[0].get("ports") or [{}]
    return int(ports[0].get("containerPort", 0))


def _is_replacement(manifest: Manifest, found: Manifest | None) -> bool:
    """Whether applying this ends a pod that may be up."""
    if manifest["kind"] != "Deployment" or found is None or not found["spec"].get("replicas"):
        return False
    return not (
        manifest["spec"]["replicas"]
        and is_applied(manifest["spec"]["template"], found["spec"]["template"])
    )


def _is_up(name: MediaNodeId, live: Live) -> bool:
    found = live.deployment(name)
    return found is not None and bool(found.get("status", {}).get("readyReplicas"))


def _apply(plan: ObjectPlan, manifest: Manifest, live: Live) -> None:
    found = live.objects.get((manifest["kind"], manifest["metadata"]["name"]))
    if found is not None and found["metadata"].get("deletionTimestamp"):
        return  # it comes back when it is gone
    if found is None:
        plan.apply.append(manifest)
    elif not is_applied(manifest, found):
        # With its uid an object that was deleted meanwhile is not made anew from a plan that saw it stand.
        stands = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
        plan.apply.append({**manifest, "metadata": {**manifest["metadata"], **stands}})


def _superfluous(
    pool: MediaPool, wanted: tuple[MediaNodeId, ...], busy: frozenset[MediaNodeId], live: Live
) -> Iterator[Manifest]:
    for (kind, _), found in live.objects.items():
        owner = found["metadata"].get("labels", {}).get(MEDIA_NODE_LABEL)
        if owner is None or found["metadata"].get("deletionTimestamp"):
            continue
        name = MediaNodeId(owner)
        if kind == "Deployment":
            is_needed = name in wanted
        elif name in wanted:
            is_needed = name in busy or service(pool, name) is not None
        else:
            is_needed = name in live.pods  # its calls go on until its pod has ended
        if not is_needed:
            yield found
