"""The HTTP interface: paths, verbs, and one table from refusals to answers."""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from aiohttp import web

from teleward_cli.apiserver import discovery, openapi, scaling, streaming, tables
from teleward_cli.apiserver import negotiation as ask
from teleward_cli.apiserver.documents import Document, metadata, name_of, namespace_of
from teleward_cli.apiserver.errors import (
    NoSuchPathError,
    StatusError,
    bad_request,
    method_not_allowed,
    not_found,
    unauthorized,
)
from teleward_cli.apiserver.metrics import Metrics
from teleward_cli.apiserver.paging import Pages
from teleward_cli.apiserver.registry import Registry, Written
from teleward_cli.apiserver.resources import Resource
from teleward_cli.apiserver.selectors import Predicate, select

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGEST_BODY = 3 * 1024 * 1024
"""Bytes; kube-apiserver's limit for a request body."""

OPEN_PATHS = ("/healthz", "/livez", "/readyz")
"""Answered without a token."""

_VERBS = {"DELETE": "delete", "PUT": "update", "PATCH": "patch", "POST": "create"}
"""Method → what Kubernetes calls it in a refusal."""

_NAMESPACE_SUBRESOURCES = ("status", "finalize")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names."""

    resource: Resource
    namespace: str
    name: str
    subresource: str


class Api:
    """The handlers, over one registry."""

    def __init__(self, registry: Registry, token: str, metrics: Metrics) -> None:
        self._registry = registry
        self._token = token
        self._metrics = metrics
        self._pages = Pages()
        self.stopping = asyncio.Event()

    def application(self) -> web.Application:
        """Build the application."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._guard])
        for path in OPEN_PATHS:
            app.router.add_get(path, _healthy)
        app.router.add_get("/", self._answer(lambda _: discovery.paths(self._all)))
        app.router.add_get("/version", self._answer(lambda _: discovery.version()))
        app.router.add_get("/api", self._answer(lambda _: discovery.core_versions()))
        app.router.add_get("/apis", self._answer(lambda _: discovery.groups(self._all)))
        app.router.add_get("/openapi/v2", self._openapi_v2)
        app.router.add_get("/openapi/v3", self._answer(lambda _: openapi.index(self._all)))
        app.router.add_get("/openapi/v3/{path:.+}", self._answer(self._openapi))
        app.router.add_get("/apis/{group}", self._answer(self._group))
        for base in ("/api/{version}", "/apis/{group}/{version}"):
            app.router.add_get(base, self._answer(self._resources))
            app.router.add_route("*", f"{base}/{{path:.+}}", self._named)
        return app

    @property
    def _all(self) -> Sequence[Resource]:
        return list(self._registry.resources.values())

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._check_token(request)
            response = await handler(request)
        except StatusError as err:
            return self._refusal(request, err)
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {LARGEST_BODY}"
            return self._refusal(request, StatusError(413, "RequestEntityTooLarge", message))
        except web.HTTPException as http:
            return self._refusal(
                request, method_not_allowed() if http.status == 405 else NoSuchPathError()
            )
        except ConnectionError:  # the client has gone
            raise
        except (RecursionError, web.RequestPayloadError):
            return self._refusal(request, bad_request("the body of the request cannot be read"))
        except Exception:
            log.exception("request.failed", method=request.method)
            failed = StatusError(500, "InternalError", "Internal error occurred")
            refusal = self._refusal(request, failed)
            if streaming.is_set(request, "watch"):  # it may have begun
                raise
            return refusal
        self._metrics.answered(request.method, response.status)
        return response

    def _check_token(self, request: web.Request) -> None:
        scheme, _, given = request.headers.get("Authorization", "").strip().partition(" ")
        given = given.strip() if scheme == "Bearer" else ""
        if not given and request.path in OPEN_PATHS:
            return
        if not hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token.encode()):
            raise unauthorized()

    def _refusal(self, request: web.Request, err: StatusError) -> web.Response:
        self._metrics.refused(err.code, err.reason)
        if isinstance(err, NoSuchPathError) and not request.path.startswith("/api/"):
            # A real server answers so outside the core group, where an aggregator has no one to ask.
            response = web.Response(text="404 page not found\n", status=err.code)
        else:
            response = _json(err.document(), status=err.code)
        if request.content.exception() is not None or not request.content.is_eof():
            response.force_close()  # what is left of the body would be taken for the next request
        return response

    def _answer(self, build: Callable[[web.Request], Document]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            return _json(build(request))

        return handle

    async def _openapi_v2(self, request: web.Request) -> web.Response:
        """JSON, or for `kubectl apply` of a List the empty protobuf document: the server validates."""
        if openapi.V2_PROTOBUF in request.headers.get("Accept", ""):
            return web.Response(body=b"", content_type="application/octet-stream")
        return _json(openapi.everything(self._all))

    def _openapi(self, request: web.Request) -> Document:
        document = openapi.group_version(self._all, request.match_info["path"])
        if document is None:
            raise NoSuchPathError
        return document

    def _group(self, request: web.Request) -> Document:
        return discovery.group(self._all, request.match_info["group"])

    def _resources(self, request: web.Request) -> Document:
        return discovery.resource_list(self._all, _api_version(request))

    async def _named(self, request: web.Request) -> web.StreamResponse:
        target = self._target(request)
        if target.name:
            return await self._object(request, target)
        return await self._collection(request, target)

    async def _collection(self, request: web.Request, target: Target) -> web.StreamResponse:
        match request.method:
            case "GET" | "HEAD":
                return await self._list(request, target)
            case "POST" if not target.resource.fixed:
                return await self._create(request, target)
            case "DELETE" if target.resource.namespaced:
                return await self._delete_collection(request, target)
            case "PUT" | "PATCH" if target.resource.is_custom:
                raise bad_request("name must be provided")
        raise method_not_allowed(target.resource, _VERBS.get(request.method, ""))

    async def _object(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource == "scale":
            return await self._scale(request, target)
        if target.subresource and not (
            target.subresource == "status" and target.resource.has_status
        ):
            raise not_found(target.resource, target.name)
        match request.method:
            case "GET" | "HEAD":
                document = self._registry.get(target.resource, target.namespace, target.name)
                return _json(self._shape(request, target.resource)(document))
            case "PUT" if not target.resource.fixed:
                return await self._update(request, target)
            case "PATCH" if not target.resource.fixed:
                return await self._patch(request, target)
            case "DELETE" if not (target.resource.fixed or target.subresource):
                return await self._delete(request, target)
        raise method_not_allowed(target.resource, _VERBS.get(request.method, ""))

    async def _list(self, request: web.Request, target: Target) -> web.StreamResponse:
        resource = target.resource
        selects = _selection(request, resource)
        if streaming.is_set(request, "watch"):
            shape = self._shape(request, resource)
            watch = streaming.read_watch(request, resource, target.namespace, selects, shape)
            with self._metrics.watching():
                return await streaming.stream(request, watch, self._registry, self.stopping)
        items, meta = self._page(request, target, selects)
        match ask.shape_of(request):
            case ask.Shape.TABLE:
                include = request.query.get("includeObject", "Metadata")
                return _json(tables.table(resource, items, meta, include))
            case ask.Shape.PARTIAL:
                kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
                items = [_partial(item) for item in items]
            case _:
                kind, version = f"{resource.kind}List", resource.api_version
        return _json({"kind": kind, "apiVersion": version, "metadata": meta, "items": items})

    def _page(
        self, request: web.Request, target: Target, selects: Predicate
    ) -> tuple[list[Document], Document]:
        limit = ask.number(request, "limit")
        if token := request.query.get("continue", ""):
            return self._pages.next(token, limit)
        try:
            ask.number(request, "resourceVersion")
        except StatusError as err:
            raise bad_request(f"invalid resource version: {err}") from err
        items = self._registry.objects_of(target.resource, target.namespace, selects)
        return self._pages.first(items, self._registry.version, limit)

    async def _create(self, request: web.Request, target: Target) -> web.Response:
        document = await ask.read_document(request)
        written = self._registry.create(
            target.resource, target.namespace, document, ask.options_of(request)
        )
        self._note("object.created", target.resource, written.document)
        return self._written(request, target, written, status=201)

    async def _update(self, request: web.Request, target: Target) -> web.Response:
        document = await ask.read_document(request)
        written = self._registry.update(
            target.resource, target.namespace, target.name, document, ask.options_of(request),
            of_status=target.subresource == "status",
        )  # fmt: skip
        return self._written(request, target, written)

    async def _patch(self, request: web.Request, target: Target) -> web.Response:
        patch = await ask.read_patch(request, target.resource)
        written = self._registry.patch(
            target.resource, target.namespace, target.name, patch, ask.options_of(request),
            of_status=target.subresource == "status",
        )  # fmt: skip
        return self._written(request, target, written)

    async def _delete(self, request: web.Request, target: Target) -> web.Response:
        options = await ask.read_options(request)
        dry_run = ask.options_of(request).dry_run or bool(options.get("dryRun"))
        answer = self._registry.delete(
            target.resource, target.namespace, target.name, options.get("preconditions") or {},
            dry_run=dry_run,
        )  # fmt: skip
        log.info(
            "object.deleted", kind=target.resource.kind, namespace=target.namespace,
            name_of_object=target.name,
        )  # fmt: skip
        return _json(answer)

    async def _delete_collection(self, request: web.Request, target: Target) -> web.Response:
        options = await ask.read_options(request)
        dry_run = ask.options_of(request).dry_run or bool(options.get("dryRun"))
        selects = _selection(request, target.resource)
        items = self._registry.objects_of(target.resource, target.namespace, selects)
        for item in items:
            self._registry.delete(
                target.resource, namespace_of(item), name_of(item), {}, dry_run=dry_run
            )
        kind, version = f"{target.resource.kind}List", target.resource.api_version
        meta = {"resourceVersion": str(self._registry.version)}
        return _json({"kind": kind, "apiVersion": version, "metadata": meta, "items": items})

    async def _scale(self, request: web.Request, target: Target) -> web.Response:
        resource, registry = target.resource, self._registry
        document = registry.get(resource, target.namespace, target.name)
        shown = scaling.scale_of(resource, document)
        if request.method == "GET":
            return _json(shown)
        if request.method == "PUT":
            wanted = await ask.read_document(request)
        elif request.method == "PATCH":
            wanted = (await ask.read_patch(request, resource))(shown)
        else:
            raise method_not_allowed(resource, _VERBS.get(request.method, ""))
        document = registry.get(resource, target.namespace, target.name)
        new = scaling.scaled(resource, document, wanted)
        written = registry.update(
            resource, target.namespace, target.name, new, ask.options_of(request), patched=True
        )
        return _json(scaling.scale_of(resource, written.document))

    def _target(self, request: web.Request) -> Target:
        group = request.match_info.get("group", "")
        namespace, parts = _split(request.match_info["path"], is_core=not group)
        plural, name, subresource, *rest = [*parts, "", "", ""]
        resource = self._registry.resources.get(f"{plural}.{group}" if group else plural)
        if resource is None or resource.api_version != _api_version(request) or any(rest):
            raise NoSuchPathError
        if namespace and not resource.namespaced:
            raise NoSuchPathError
        if not namespace and resource.namespaced:
            if name or (resource.is_custom and request.method not in ("GET", "HEAD")):
                raise NoSuchPathError
            if request.method not in ("GET", "HEAD"):
                raise method_not_allowed()
        return Target(resource, namespace, name, subresource)

    def _shape(self, request: web.Request, resource: Resource) -> Callable[[Document], Document]:
        include = request.query.get("includeObject", "Metadata")

        def as_table(document: Document) -> Document:
            meta = {"resourceVersion": metadata(document).get("resourceVersion", "")}
            return tables.table(resource, [document], meta, include)

        match ask.shape_of(request):
            case ask.Shape.TABLE:
                return as_table
            case ask.Shape.PARTIAL:
                return _partial
            case _:
                return lambda document: document

    def _written(
        self, request: web.Request, target: Target, written: Written, status: int = 200
    ) -> web.Response:
        response = _json(self._shape(request, target.resource)(written.document), status=status)
        for warning in written.warnings:
            quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
            response.headers.add("Warning", f'299 - "{quoted}"')  # RFC 7234 §5.5.7
        return response

    @staticmethod
    def _note(event: str, resource: Resource, document: Document) -> None:
        if resource.is_custom:
            log.info(
                event, kind=resource.kind, namespace=namespace_of(document),
                name_of_object=name_of(document),
            )  # fmt: skip


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _split(path: str, *, is_core: bool) -> tuple[str, list[str]]:
    """Split a path into its namespace and the rest, as apiserver's RequestInfo does."""
    parts = path.strip("/").split("/")
    if parts[0] != "namespaces" or len(parts) < 3:
        return "", parts
    if is_core and parts[2] in _NAMESPACE_SUBRESOURCES:
        return "", parts
    return parts[1], parts[2:]


def _selection(request: web.Request, resource: Resource) -> Predicate:
    query = request.query
    return select(resource, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _api_version(request: web.Request) -> str:
    group, version = request.match_info.get("group", ""), request.match_info["version"]
    return f"{group}/{version}" if group else version


def _partial(document: Document) -> Document:
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return kind | {"metadata": document["metadata"]}


def _json(document: Document, status: int = 200) -> web.Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    return web.Response(body=body, status=status, content_type="application/json")
