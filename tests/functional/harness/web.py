"""A small JSON server on a free local port, for services that are fakes.

Real sockets, so that keystoneauth and openstacksdk under test are the real
ones.  Everything that a request did is kept for tests to look at, and a test
can make a service fail, or hang until it is let go.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from dataclasses import field
import json
import re
import socketserver
import threading
from typing import Any
import urllib.parse
from wsgiref import simple_server


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Reply:
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[..., Any]
Environ = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[Environ, Start], list[bytes]]


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Mark a method of a `Service` as the handler of a path."""

    def mark(handler: Handler) -> Handler:
        handler.route = (method, re.compile(pattern + '/?$'))  # type: ignore
        return handler

    return mark


class Service:
    """A fake service: subclasses add handlers with `route`."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.down = False
        self._held: threading.Event | None = None
        self._routes = [
            (*member.route, member)
            for name in dir(type(self))
            if hasattr(member := getattr(self, name), 'route')
        ]
        self.url = ''

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        held = self._held
        if held is not None:
            held.wait(60)
        if self.down:
            return Reply({'error': 'down, as the test asked'}, 503)
        for method, pattern, handler in self._routes:
            match = pattern.match(request.path)
            if match and method == request.method:
                result = handler(request, **match.groupdict())
                return result if isinstance(result, Reply) else Reply(result)
        return Reply({'error': f'{request.method} {request.path}'}, 404)

    def forget_requests(self) -> None:
        self.requests.clear()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Answer nothing until the block is left."""
        self._held = threading.Event()
        try:
            yield
        finally:
            self._held.set()
            self._held = None

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Answer 503 until the block is left."""
        self.down = True
        try:
            yield
        finally:
            self.down = False

    def __call__(self, environ: Environ, start: Start) -> list[bytes]:
        """The WSGI application."""
        reply = self.answer(_read(environ))
        data = b'' if reply.body is None else json.dumps(reply.body).encode()
        start(
            f'{reply.status} -',
            [
                ('Content-Type', 'application/json'),
                ('Content-Length', str(len(data))),
                *reply.headers.items(),
            ],
        )
        return [data]


def _read(environ: Environ) -> Request:
    size = int(environ.get('CONTENT_LENGTH') or 0)
    text = environ['wsgi.input'].read(size) if size else b''
    return Request(
        method=environ['REQUEST_METHOD'],
        path=environ['PATH_INFO'],
        query=dict(urllib.parse.parse_qsl(environ.get('QUERY_STRING', ''))),
        body=json.loads(text) if text else None,
        headers={
            key[5:].replace('_', '-').lower(): value
            for key, value in environ.items()
            if key.startswith('HTTP_')
        },
    )


class _Threads(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    daemon_threads = True


class _Quiet(simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `Service.requests`."""


@contextlib.contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve a WSGI application; yields its URL."""
    server = simple_server.make_server(
        '127.0.0.1', 0, app, server_class=_Threads, handler_class=_Quiet
    )
    thread = threading.Thread(
        target=server.serve_forever, kwargs={'poll_interval': 0.05}
    )
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
