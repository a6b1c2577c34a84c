"""The Kubernetes objects of a media pool: which there should be, and what to do about those there are. Pure.

One media node is one Deployment of one replica (ADR 11), and one Service where the exposure has one. Its
pod is accepted by Pod Security *restricted* unless the exposure takes ports of the Kubernetes node.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from teleward_contract.resources import GROUP, VERSION, MediaPool
from teleward_contract.units import MediaNodeId

Manifest = dict[str, Any]

POOL_LABEL = "teleward.io/pool"
MEDIA_NODE_LABEL = "teleward.io/media-node"
_NAME, _COMPONENT = "app.kubernetes.io/name", "app.kubernetes.io/component"
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"

CONTROL_PORT = 7883
"""TCP port of signalling, health and metrics, in the pod's own network."""

DEFAULT_BALANCED_PORT = 7882
"""UDP port of a LoadBalancer Service whose pool names none."""

GRACE_BEYOND_DRAIN_S = 60
"""A media node ends by itself when its drain is over; the kubelet waits this much longer."""

LOST_NODE_S = 30
"""How long a pod stays bound to a Kubernetes node that is not heard of: its calls are elsewhere long since."""

NODE_PORTS = range(30000, 32768)
"""Default of --service-node-port-range."""

TICKET_KEYS_DIRECTORY, TICKET_KEYS_FILE = "/etc/teleward/ticket-keys", "public-keys.json"
SCRATCH = "/tmp"  # noqa: S108  # in memory, and the pod's own
ANYWHERE = "0.0.0.0"  # noqa: S104  # a pod's own network; who may reach it says the NetworkPolicy
_USER_ID = 10001
DIGEST = "teleward.io/applied"
"""Annotation: digest of the manifest that was applied."""

_BINARY, _DECIMAL = ("", "Ki", "Mi", "Gi", "Ti"), ("", "k", "M", "G", "T")


@dataclass(frozen=True, slots=True)
class Installation:
    """What all media nodes of one installation share. The named objects are in each pool's namespace."""

    namespace: str
    """Where the gateways run: they alone reach the control ports."""
    image: str
    pull_policy: str
    pull_secrets: tuple[str, ...]
    redis_secret: str
    """Secret with the entry `url`."""
    redis_ports: tuple[int, ...]
    ticket_keys: str
    """ConfigMap with the entry `public-keys.json`, the gateways' JWK Set."""
    log_level: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where browsers reach one media node."""

    port: int
    """UDP."""
    host: str | None
    """None: the InternalIP of the Kubernetes node, known when the pod is there."""


def shared_name(pool: MediaPool) -> str:
    """Name what the media nodes of a pool share; a bare `default` would be the namespace's account."""
    return f"media-{pool.metadata.name}"


def object_name(media_node: MediaNodeId) -> str:
    """Name the Deployment and the Service of a media node."""
    return f"media-{media_node}"


def pool_objects(pool: MediaPool, installation: Installation) -> list[Manifest]:
    """Make what all media nodes of a pool share: account, traffic rules, disruption budget."""
    account = _object(pool, "v1", "ServiceAccount", shared_name(pool))
    account["automountServiceAccountToken"] = False
    budget = _object(pool, "policy/v1", "PodDisruptionBudget", shared_name(pool))
    budget["spec"] = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": _pool_labels(pool)},
    }
    rules = _object(pool, "networking.k8s.io/v1", "NetworkPolicy", shared_name(pool))
    gateways = {
        "namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: installation.namespace}},
        "podSelector": {"matchLabels": {_NAME: "teleward", _COMPONENT: "gateway"}},
    }
    media: Manifest = {"ports": [{"protocol": "UDP"}]}
    rules["spec"] = {
        "podSelector": {"matchLabels": _pool_labels(pool)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [media, {"from": [gateways], "ports": [{"protocol": "TCP"}]}],
        "egress": [
            media,
            {
                "ports": [
                    {"protocol": "TCP", "port": 53},
                    *({"protocol": "TCP", "port": port} for port in installation.redis_ports),
                ]
            },
        ],
    }
    return [account, budget, rules]


def service(pool: MediaPool, media_node: MediaNodeId) -> Manifest | None:
    """Make the Service of one media node; None where the exposure has none."""
    exposure = pool.spec.exposure
    if exposure.mode in ("HostPort", "HostNetwork"):
        return None
    made = _object(pool, "v1", "Service", object_name(media_node))
    made["metadata"]["labels"][MEDIA_NODE_LABEL] = media_node
    port: Manifest = {"name": "media", "protocol": "UDP", "targetPort": "media"}
    made["spec"] = {
        "type": exposure.mode,
        "selector": _node_labels(pool, media_node),
        "externalTrafficPolicy": "Local",  # the client's address stays, and no other pod is asked
        "publishNotReadyAddresses": True,  # a media node that drains is not ready, and carries calls
        "ports": [port],
    }
    if exposure.mode == "LoadBalancer":
        port["port"] = exposure.port or DEFAULT_BALANCED_PORT
        if exposure.service_annotations:
            made["metadata"]["annotations"] = dict(exposure.service_annotations)
        if exposure.load_balancer_class:
            made["spec"]["loadBalancerClass"] = exposure.load_balancer_class
    else:
        port["port"] = DEFAULT_BALANCED_PORT
        if exposure.ports:
            port["nodePort"] = exposure.ports.first + number_of(media_node)
    return made


def returned(door: Manifest, bound: int) -> Manifest:
    """Make a Service that was deleted come back on the port that its pod is bound to.

    Args:
        door: The Service as it is made anew.
        bound: The pod's UDP port.
    """
    port = door["spec"]["ports"][0]
    if door["spec"]["type"] != "NodePort" or bound not in NODE_PORTS:
        return door
    return {**door, "spec": {**door["spec"], "ports": [{"nodePort": bound, **port}]}}


def address(pool: MediaPool, media_node: MediaNodeId, found: Manifest | None) -> Address | None:
    """Tell where browsers reach a media node.

    Args:
        pool: With its exposure.
        media_node: Which one.
        found: Its Service as it is, where the exposure has one.

    Returns:
        None while the Service has no port or no address yet.
    """
    exposure = pool.spec.exposure
    if exposure.mode in ("HostPort", "HostNetwork"):
        first = exposure.ports.first if exposure.ports else 0
        return Address(first + number_of(media_node), exposure.address)
    if found is None:
        return None
    port = (found["spec"].get("ports") or [{}])[0]
    if exposure.mode == "NodePort":
        return Address(port["nodePort"], exposure.address) if port.get("nodePort") else None
    ingress = found.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
    host = exposure.address or ingress[0].get("ip") or ingress[0].get("hostname")
    return Address(int(port["port"]), host) if host else None


def number_of(media_node: MediaNodeId) -> int:
    """The number at the end of a media node's id; 0 when there is none."""
    tail = media_node.rpartition("-")[2]
    return int(tail) if tail.isdecimal() else 0


def deployment(
    pool: MediaPool, media_node: MediaNodeId, installation: Installation, where: Address | None
) -> Manifest:
    """Make the Deployment of one media node; without an address it waits at no replica."""
    made = _object(pool, "apps/v1", "Deployment", object_name(media_node))
    made["metadata"]["labels"][MEDIA_NODE_LABEL] = media_node
    made["spec"] = {
        "replicas": 1 if where else 0,
        "revisionHistoryLimit": 0,
        "strategy": {
            "type": "Recreate"
        },  # two pods of one media node would share its port and its id
        "selector": {"matchLabels": _node_labels(pool, media_node)},
        "template": sealed(_pod(pool, media_node, installation, where or Address(0, None))),
    }
    return made


def _pod(
    pool: MediaPool, media_node: MediaNodeId, installation: Installation, where: Address
) -> Manifest:
    template, mode = pool.spec.template, pool.spec.exposure.mode
    spec: Manifest = {
        "serviceAccountName": shared_name(pool),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": pool.spec.drain.timeout_seconds + GRACE_BEYOND_DRAIN_S,
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": _USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "tolerations": [
            *({"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute",
               "tolerationSeconds": LOST_NODE_S} for what in ("not-ready", "unreachable")),
            *(one.model_dump(by_alias=True, exclude_none=True) for one in template.tolerations),
        ],
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
             "labelSelector": {"matchLabels": _pool_labels(pool)}}
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [_container(pool, media_node, installation, where)],
        "volumes": [
            {"name": "ticket-keys", "configMap": {"name": installation.ticket_keys}},
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
        ],
    }  # fmt: skip
    if mode == "HostNetwork":
        spec |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    if installation.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in installation.pull_secrets]
    if template.node_selector:
        spec["nodeSelector"] = dict(template.node_selector)
    if template.priority_class_name:
        spec["priorityClassName"] = template.priority_class_name
    evictions = {
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
        "karpenter.sh/do-not-disrupt": "true",
    }
    return {
        "metadata": {
            "labels": {**template.labels, **_node_labels(pool, media_node)},
            "annotations": {**evictions, **template.annotations},
        },
        "spec": spec,
    }


def _container(
    pool: MediaPool, media_node: MediaNodeId, installation: Installation, where: Address
) -> Manifest:
    template, mode = pool.spec.template, pool.spec.exposure.mode
    # The pod's own network is its alone, so only the host's needs a control port of each media node's own.
    control = where.port if mode == "HostNetwork" else CONTROL_PORT
    media: Manifest = {"name": "media", "protocol": "UDP", "containerPort": where.port or 1}
    if mode == "HostPort":
        media["hostPort"] = where.port
    probe: Manifest = {"httpGet": {"path": "/healthz", "port": "control"}, "timeoutSeconds": 5}
    return {
        "name": "media-node",
        "image": template.image or installation.image,
        "imagePullPolicy": installation.pull_policy,
        "env": _environment(pool, media_node, installation, where, control),
        "ports": [media, {"name": "control", "protocol": "TCP", "containerPort": control or 1}],
        "startupProbe": {**probe, "periodSeconds": 2, "failureThreshold": 30},
        "livenessProbe": {**probe, "periodSeconds": 10},
        "readinessProbe": {
            "httpGet": {"path": "/readyz", "port": "control"},
            "periodSeconds": 5, "timeoutSeconds": 5,
        },
        "resources": {
            "requests": {"cpu": cores(template.cpu), "memory": octets(template.memory)},
            "limits": {"memory": octets(template.memory)},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "ticket-keys", "mountPath": TICKET_KEYS_DIRECTORY, "readOnly": True},
            {"name": "tmp", "mountPath": SCRATCH},
        ],
    }  # fmt: skip


def _environment(
    pool: MediaPool, media_node: MediaNodeId, installation: Installation, where: Address,
    control: int,
) -> list[Manifest]:  # fmt: skip
    advertised: Manifest = {"name": "TELEWARD_ADVERTISED_ADDRESS"}
    advertised |= {"value": where.host} if where.host else _field("status.hostIP")
    plain = {
        "TELEWARD_POOL": f"{pool.metadata.namespace}/{pool.metadata.name}",
        "TELEWARD_MEDIA_NODE": media_node,
        "TELEWARD_UDP_ADDRESS": ANYWHERE,
        "TELEWARD_UDP_PORT": where.port,
        "TELEWARD_CONTROL_ADDRESS": ANYWHERE,
        "TELEWARD_CONTROL_PORT": control,
        "TELEWARD_CAPACITY_UNITS": pool.spec.capacity.units_per_media_node,
        "TELEWARD_DRAIN_S": pool.spec.drain.timeout_seconds,
        "TELEWARD_TICKET_PUBLIC_KEYS_FILE": f"{TICKET_KEYS_DIRECTORY}/{TICKET_KEYS_FILE}",
        "TELEWARD_LOG_LEVEL": installation.log_level,
    }
    redis = {"name": installation.redis_secret, "key": "url"}
    return [
        {"name": "TELEWARD_REDIS_URL", "valueFrom": {"secretKeyRef": redis}},
        advertised,
        {"name": "TELEWARD_ADVERTISED_CONTROL_HOST", **_field("status.podIP")},
        *({"name": name, "value": str(value)} for name, value in plain.items()),
    ]


def _field(path: str) -> Manifest:
    return {"valueFrom": {"fieldRef": {"fieldPath": path}}}


def _pool_labels(pool: MediaPool) -> dict[str, str]:
    return {POOL_LABEL: pool.metadata.name}


def _node_labels(pool: MediaPool, media_node: MediaNodeId) -> dict[str, str]:
    common = {_NAME: "teleward", _COMPONENT: "media-node"}
    return {**common, **_pool_labels(pool), MEDIA_NODE_LABEL: media_node}


def _object(pool: MediaPool, version: str, kind: str, name: str) -> Manifest:
    meta = pool.metadata
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": meta.namespace,
            "labels": {_NAME: "teleward", _COMPONENT: "media-node", **_pool_labels(pool)},
            "ownerReferences": [
                {"apiVersion": f"{GROUP}/{VERSION}", "kind": "MediaPool", "name": meta.name,
                 "uid": meta.uid, "controller": True, "blockOwnerDeletion": False}
            ],
        },
    }  # fmt: skip


def cores(quantity: str) -> str:
    """Write CPU as the API server does: whole cores, else thousandths."""
    thousandths = int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)
    return f"{thousandths}m" if thousandths % 1000 else f"{thousandths // 1000}"


def octets(quantity: str) -> str:
    """Write memory as the API server does: with the largest suffix of its own family that fits."""
    digits = quantity.rstrip("kKMGi")
    suffix, count = quantity[len(digits) :], int(digits)
    family, step = (_BINARY, 1024) if suffix.endswith("i") else (_DECIMAL, 1000)
    rank = family.index(suffix)
    while count and count % step == 0 and rank + 1 < len(family):
        count, rank = count // step, rank + 1
    return f"{count}{family[rank]}"


def sealed(manifest: Manifest) -> Manifest:
    """Annotate a manifest with its digest, so that a field which is not wanted any more is noticed."""
    text = json.dumps(manifest, sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    meta = manifest["metadata"]
    annotations = {**meta.get("annotations", {}), DIGEST: digest}
    return {**manifest, "metadata": {**meta, "annotations": annotations}}


def is_applied(wanted: object, live: object) -> bool:
    """Whether everything that is wanted stands in what is live, which may hold more.

    Maps may hold more keys. Lists must be as long: ours are whole, nobody else adds to them.
    """
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            is_applied(value, live.get(key)) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(is_applied(one, other) for one, other in zip(wanted, live, strict=True))
        )
    return wanted == live


def trouble_of(deployed: Manifest, pods: Iterable[Manifest]) -> str:
    """Say why the pod of a media node does not come up, in the words of Kubernetes; empty if it may."""
    if not deployed["spec"].get("replicas"):
        return "its LoadBalancer Service has no address yet"
    for condition in deployed.get("status", {}).get("conditions") or ():
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return f"{condition.get('reason', '')}: {condition.get('message', '')}"
    for pod in pods:
        status = pod.get("status", {})
        for condition in status.get("conditions") or ():
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return f"{condition.get('reason', '')}: {condition.get('message', '')}"
        for container in status.get("containerStatuses") or ():
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                return f"{waiting['reason']}: {waiting.get('message', '')}"
    return ""
