"""/health and /metrics over HTTP: for a monitoring system, not for the internet."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from lyhord_gateway.operation.health import Report
from lyhord_gateway.support.errors import UserError

_CONNECTIONS = 32  # at once; one more, and the one that has dawdled longest is cut off
_REQUEST_S = 10.0  # from connecting, or from the answer before, to the last byte of an answer
_GOODBYE_S = 1


class _Connection(H11Protocol):
    """One that sends or reads a byte now and then holds nobody up: it has ten seconds, or less if others
    want its place."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()
        if len(self.connections) > _CONNECTIONS:
            others = (other for other in self.connections if isinstance(other, _Connection))
            slowest = min(others, key=lambda other: other._since_mono_s)
            slowest.transport.abort()
            self.connections.discard(slowest)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._deadline.cancel()
        self._begin()

    def _begin(self) -> None:
        self._since_mono_s = self.loop.time()
        self._deadline = self.loop.call_later(_REQUEST_S, self.transport.abort)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The signals are the gateway's: it stops its parts in the order of the flow."""
        yield


class HttpServer:
    """summary: what /health answers. exposition: what /metrics answers. Raises UserError if the port is
    not free."""

    def __init__(
        self,
        listen: str,
        port: int,
        report: Callable[[], Report],
        summary: Callable[[Report], dict[str, object]],
        exposition: Callable[[], bytes],
    ) -> None:
        self._report = report
        self._summary = summary
        self._exposition = exposition
        self._socket = _listen(listen, port)
        app = Starlette(routes=[Route("/health", self._health), Route("/metrics", self._metrics)])
        self._server = _Server(
            uvicorn.Config(
                app,
                loop="none",
                backlog=_CONNECTIONS,  # as many are accepted at once, before the oldest can be cut off
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=_GOODBYE_S,
            )
        )

    async def run(self) -> None:
        """Serves until cancelled."""
        serving = asyncio.create_task(self._server.serve([self._socket]), name="http-serve")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._server.should_exit = True
            await asyncio.wait([serving], timeout=2 * _GOODBYE_S)
            raise
        finally:
            self._socket.close()

    async def _health(self, request: Request) -> Response:
        report = self._report()
        return JSONResponse(self._summary(report), 200 if report.healthy else 503)

    async def _metrics(self, request: Request) -> Response:
        return Response(self._exposition(), media_type=CONTENT_TYPE_LATEST)


def _listen(listen: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(listen, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise UserError(
            f"http.listen: expected an address of this machine, not {listen} ({error})"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise UserError(
            f"http.port: expected a free port, {listen}:{port} cannot be used ({error})"
        ) from error
    listener.setblocking(False)
    return listener
