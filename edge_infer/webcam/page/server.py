"""The feed as a web page: live picture (MJPEG), state (JSON), buttons.

Each viewer has a thread, which takes the newest view when its connection has room for
it. The loop only leaves the view and wakes them, so no viewer can slow it down.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Set
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from typing import Any

from edge_infer.webcam.page.access import host_name, is_own_host, is_own_page
from edge_infer.webcam.page.broadcast import MAX_VIEWERS, Broadcast
from edge_infer.webcam.view import Command, SendCommand, View

MAX_CONNECTIONS = 128
COMMANDS: dict[str, Command] = {
    "/record": "record",
    "/stop-recording": "stop-recording",
    "/snapshot": "snapshot",
    "/turn": "turn",
    "/map": "toggle-map",
}
PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_BOUNDARY = "frame"
_MAX_BODY = 4096
_TIMEOUT_S = 10.0  # of a connection that says nothing, or takes nothing
# What the kernel holds for a viewer is old by the time it arrives: two pictures, not two hundred.
_SEND_BUFFER_BYTES = 128 * 1024

log = logging.getLogger(__name__)


class LiveServer:
    """Serves the page, from threads of its own.

    Args:
        host: Address to listen on.
        port: 0 for any free one.
        send: Takes the commands of the buttons.
        admitted: Names that this server is reached by, besides those of the machine.

    Attributes:
        url: Where the page is.
        broadcast: What viewers are shown.

    Raises:
        OSError: It cannot listen there.
    """

    def __init__(self, host: str, port: int, send: SendCommand, admitted: Set[str] = frozenset()) -> None:
        self.broadcast = Broadcast()
        if not is_own_host(host) and (name := host_name(host)):  # as whoever starts it knows it
            admitted = {*admitted, name}
        self._server = _Server((host, port), self.broadcast, send, admitted)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="edge-infer page", daemon=True
        )
        self._thread.start()
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._server.server_address[1]}/"

    def show(self, view: View) -> None:
        """Leave a view for the viewers."""
        self.broadcast.show(view)

    def close(self) -> None:
        """Stop serving and hang up on every viewer."""
        self.broadcast.close()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # `hang_up` ends them
    allow_reuse_address = os.name == "posix"  # on Windows it would let two programs listen at one address

    def __init__(self, address: tuple[str, int], broadcast: Broadcast, send: SendCommand, admitted: Set[str]) -> None:
        self.broadcast, self.send, self.admitted = broadcast, send, admitted
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind, without the look-up of a domain name that HTTPServer adds and that may take seconds."""
        TCPServer.server_bind(self)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401
        del request, client_address
        with self._lock:
            return len(self._connections) < MAX_CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Log what a connection died of; standard error is the user's."""
        del request, client_address
        log.debug("a viewer's connection failed", exc_info=True)

    def hang_up(self) -> None:
        """End every connection; a thread that is sending to one gets an error and ends."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 1
        while self._connections and time.monotonic() < deadline:
            time.sleep(0.005)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _TIMEOUT_S
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        if not is_own_host(self.headers.get("Host"), self.server.admitted):
            self._refuse(HTTPStatus.FORBIDDEN, "this server is not known by that name; --allow-host NAME admits it")
        elif self.path in PAGE:
            name, kind = PAGE[self.path]
            self._answer(HTTPStatus.OK, kind, (files("edge_infer.webcam.page") / name).read_bytes())
        elif self.path == "/state.json":
            self._answer(HTTPStatus.OK, "application/json", json.dumps(self.server.broadcast.state()).encode())
        elif self.path.partition("?")[0] == "/stream.mjpg":
            self._stream()
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such page")

    def do_POST(self) -> None:
        self.close_connection = True
        length = self.headers.get("Content-Length", "0")
        admitted = self.server.admitted
        if not is_own_host(self.headers.get("Host"), admitted) or not is_own_page(self.headers, admitted):
            self._refuse(HTTPStatus.FORBIDDEN, "only the page itself may do this")
        elif not length.isdecimal() or int(length) > _MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the buttons take no data")
        else:
            self.rfile.read(int(length))
            self._press(self.path)

    def _press(self, button: str) -> None:
        if button in COMMANDS:
            self.server.send(COMMANDS[button])
            self._answer(HTTPStatus.ACCEPTED, "application/json", b"{}")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is no such button")

    def _stream(self) -> None:
        broadcast = self.server.broadcast
        self.close_connection = True
        if not broadcast.admit():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_VIEWERS} are watching already")
            return
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            self._head(HTTPStatus.OK, f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            self.wfile.write(f"--{_BOUNDARY}\r\n".encode())
            number = 0
            while (newest := broadcast.next_jpeg(number)) is not None:
                number, jpeg = newest
                # The boundary ends a picture: without it, a browser shows it when the next one begins.
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + f"\r\n--{_BOUNDARY}\r\n".encode())
        except OSError:
            log.debug("a viewer has gone", exc_info=True)
        finally:
            broadcast.dismiss()

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self._head(status, kind, {"Content-Length": str(len(body))})
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True
        self._answer(status, "text/plain; charset=utf-8", f"{reason}\n".encode())

    def _head(self, status: HTTPStatus, kind: str, more: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **HEADERS, **(more or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def version_string(self) -> str:
        return "edge-infer"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name in the base class
        log.debug(format, *args)
