"""The sockets: limits, methods, statuses. One request a connection, everything about it within one time limit."""

from __future__ import annotations

import contextlib
import email
import errno
import io
import ipaddress
import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from chromview import __version__
from chromview.core.chromosome import SlideImage, Stain
from chromview.errors import UserError
from chromview.progress import CancelToken
from chromview.serve.answers import (
    Refused,
    answer_analyse,
    answer_classify,
    answer_karyogram,
    check_sent,
    read_sent,
)
from chromview.serve.page import page
from chromview.serve.turns import Turns

if TYPE_CHECKING:
    from chromview.vision.models import Models

CONNECTIONS = 64
"""Most connections at a time; further ones are closed at once."""
LINGER = 2.0
"""Seconds for which the rest of a refused request is read and dropped, so that the answer is not lost with it."""
SENDING = 30.0
"""Seconds that a client has to take its answer."""
GET_PATHS = ("/", "/health")
POST_PATHS = ("/classify", "/analyse", "/karyogram")


@dataclass(frozen=True)
class Limits:
    """What one request may cost: bytes of its body, seconds from connecting to the answer, and how many may wait."""

    max_bytes: int = 64_000_000
    seconds: float = 120.0
    waiting: int = 4


class Address(NamedTuple):
    """Where a server listens."""

    family: socket.AddressFamily
    host: str
    loopback: bool


def find_address(host: str) -> Address:
    """The address that a name stands for, and whether only this machine can reach it.

    Raises
    ------
    UserError
        If there is no such address.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UserError(f"there is no address '{host}'", advice="Give the address of this machine.") from error
    # A name may stand for several; most clients try the older kind in any case.
    family, _, _, _, place = min(found, key=lambda one: one[0] is not socket.AF_INET)
    number = str(place[0])
    return Address(family, number, ipaddress.ip_address(number.partition("%")[0]).is_loopback)


class _Timed(io.RawIOBase):
    """What arrives at a socket, until a moment after which reading fails with `TimeoutError`."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self.until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Answer(NamedTuple):
    status: int
    kind: str
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()


def _json(status: int, content: dict[str, Any], *headers: tuple[str, str]) -> _Answer:
    return _Answer(status, "application/json", json.dumps(content, indent=1).encode() + b"\n", headers)


class Server(ThreadingHTTPServer):
    """An HTTP server with the networks behind it.

    It listens from the beginning; requests wait until `serve` is called.

    Parameters
    ----------
    host
        Address to listen at.
    port
        0 for any that is free; `address` has the one taken.
    limits
        On each request.
    network
        Whether other machines may reach it.
    log
        Called with a line for each request, from any thread. It names no files.

    Raises
    ------
    UserError
        If the address is not of this machine only and `network` is not set, or it cannot be listened at.
    """

    daemon_threads = False
    request_queue_size = 16

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: Limits | None = None,
        *,
        network: bool = False,
        log: Callable[[str], None] = lambda line: None,
    ) -> None:
        found = find_address(host)
        if not found.loopback and not network:
            raise UserError(
                f"other machines could reach {host}, and images of patients would go over the network unencrypted",
                advice="Use 127.0.0.1, or add --network if that is meant.",
            )
        self.limits = limits or Limits()
        self.log = log
        self.models: Models | None = None
        self.turns = Turns(self.limits.waiting)
        self._open: set[Any] = set()
        self._lock = threading.Lock()
        self.address_family = found.family
        self.loopback = found.loopback
        try:
            super().__init__((found.host, port), _Handler)
        except (OSError, OverflowError) as error:
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            reason = "is used by another program" if taken else f"cannot be listened at ({error})"
            raise UserError(f"port {port} of {host} {reason}", advice="Choose another with --port.") from error

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the name service who we are and may wait for it.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def address(self) -> str:
        """For example "http://127.0.0.1:8617"."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"

    def serve(self, models: Models) -> None:
        """Answer requests until `shutdown` is called from another thread, or an exception ends it."""
        self.models = models
        self.serve_forever()

    def server_close(self) -> None:
        """Stop analyses, let go of every connection, and wait for all threads to end; so does the end of a ``with``."""
        self.turns.close()
        with self._lock:
            for connection in self._open:
                # Who waits for a client that says nothing wakes up; answers can still be sent.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        super().server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            if len(self._open) >= CONNECTIONS:
                return False
            self._open.add(request)
        return True

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's concern; the handler answers everything else."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.started = time.monotonic()
        super().setup()
        self.rfile.close()
        self.timed = _Timed(self.connection, self.started + self.server.limits.seconds)
        self.rfile = io.BufferedReader(self.timed)
        self.left_unread = True

    def version_string(self) -> str:
        return f"chromview/{__version__}"

    def handle_expect_100(self) -> bool:
        return True  # answered when the request has a place

    def do_GET(self) -> None:
        self._answered(self._asked)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self._answered(self._sent)

    def _not_allowed(self) -> None:
        self._answered(self._wrong_method)

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _not_allowed

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are logged when they are answered, without what the client wrote."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Called by the library for requests that are no HTTP or of an unknown method."""
        self.request_version = "HTTP/1.1"  # a line without a version would get an answer without a status
        if code == 501:
            self._answered(self._wrong_method)
        else:
            self._send(_json(int(code), {"error": f"The request is not understood: {message or code}.", "advice": ""}))

    # --- what is answered ----------------------------------------------------------------------

    def _answered(self, work: Callable[[], _Answer]) -> None:
        try:
            answer = work()
        except Refused as refused:
            answer = _json(refused.status, {"error": refused.sentence, "advice": refused.advice})
        except TimeoutError:
            answer = _json(408, {"error": "The image did not arrive in time.", "advice": "Send it again."})
        except ConnectionError:
            self.close_connection = True
            return
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            self.server.log(f"a fault of chromview: {fault}")
            sentence = f"This is a fault of chromview and not of the image ({fault})."
            answer = _json(500, {"error": sentence, "advice": "Please report it."})
        self._send(answer)

    def _send(self, answer: _Answer) -> None:
        self.close_connection = True
        # A line that is no HTTP has neither a method nor a path.
        command, path = self.command or "?", urlsplit(getattr(self, "path", "")).path
        known = path if path in GET_PATHS + POST_PATHS else "(another path)"
        with contextlib.suppress(OSError):
            self.connection.settimeout(SENDING)
            self.send_response(answer.status)
            for name, value in (
                ("Content-Type", answer.kind),
                ("Content-Length", str(len(answer.content))),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
                ("Connection", "close"),
                *answer.headers,
            ):
                self.send_header(name, value)
            self.end_headers()
            if command != "HEAD":
                self.wfile.write(answer.content)
            if self.left_unread:
                self._drop_rest()
        self.server.log(f"{command} {known} {answer.status} {time.monotonic() - self.started:.2f} s")

    def _drop_rest(self) -> None:
        """A socket that is closed with unread bytes resets the connection, and the client loses the answer."""
        self.connection.shutdown(socket.SHUT_WR)
        self.timed.until = time.monotonic() + LINGER
        while self.rfile.read1(1 << 16):
            pass

    def _wrong_method(self) -> _Answer:
        path = urlsplit(self.path).path
        if path not in GET_PATHS + POST_PATHS:
            raise Refused(404, "There is nothing at this path.", "GET / says what there is.")
        allowed = "POST" if path in POST_PATHS else "GET, HEAD"
        content = {"error": "This path does not know this method.", "advice": f"Use {allowed}."}
        return _json(405, content, ("Allow", allowed))

    def _asked(self) -> _Answer:
        path, server = urlsplit(self.path).path, self.server
        if path not in GET_PATHS:
            return self._wrong_method()
        if not self._has_body():
            self.left_unread = False
        if path == "/health":
            device = server.models.description if server.models else ""
            state = {"status": "ok", "version": __version__, "device": device, "requests": server.turns.taken}
            return _json(200, state)
        limits = server.limits
        text = page(
            version=__version__,
            address=f"http://{self.headers['Host']}" if "Host" in self.headers else server.address,
            max_bytes=limits.max_bytes,
            seconds=limits.seconds,
            waiting=limits.waiting,
        )
        return _Answer(200, "text/html; charset=utf-8", text.encode())

    def _sent(self) -> _Answer:
        path = urlsplit(self.path).path
        if path not in POST_PATHS:
            return self._wrong_method()
        stain, picture = self._options(path)
        length = self._length()
        with self.server.turns.place() as place:
            data, name = self._body(length)
            check_sent(data)
            models = self.server.models
            assert models is not None  # nothing is handled before `serve`

            def work(cancel: CancelToken) -> _Answer:
                # Decoding has its turn as well: it takes memory and time.
                return _work(path, read_sent(data, name), models, stain, cancel, picture)

            return place.do(work, self.started + self.server.limits.seconds - time.monotonic())

    # --- what was sent -------------------------------------------------------------------------

    def _has_body(self) -> bool:
        return self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers

    def _options(self, path: str) -> tuple[Stain | None, bool]:
        given = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        known = {"stain": ("auto", *map(str, Stain))} | ({"karyogram": ("yes", "no")} if path == "/analyse" else {})
        for name, values in given.items():
            if name not in known:
                raise Refused(400, f"There is no option '{name}' here.", f"There are: {', '.join(known)}.")
            if values[-1] not in known[name]:
                raise Refused(400, f"'{values[-1]}' is no value of '{name}'.", f"Give {', '.join(known[name])}.")
        stain = given.get("stain", ["auto"])[-1]
        return None if stain == "auto" else Stain(stain), given.get("karyogram", ["no"])[-1] == "yes"

    def _length(self) -> int:
        given = self.headers.get("Content-Length")
        if given is None or "Transfer-Encoding" in self.headers:
            raise Refused(411, "The request does not say how long it is.", "Send it with a Content-Length.")
        if not (given.isascii() and given.isdecimal()):
            raise Refused(400, "The Content-Length is not a number.")
        limit = self.server.limits.max_bytes
        if len(given) > 18 or int(given) > limit:
            raise Refused(
                413,
                f"The request is larger than the {limit:,} bytes that are accepted.",
                "Cut out the metaphase, or start the server with a larger --max-bytes.",
            )
        return int(given)

    def _body(self, length: int) -> tuple[bytes, str]:
        """The image's bytes and the name of its file, if that was told."""
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        body = self.rfile.read(length)
        self.left_unread = False
        if len(body) < length:
            raise Refused(400, f"The request ended after {len(body):,} of {length:,} bytes.", "Send it again.")
        if self.headers.get_content_type() == "multipart/form-data":
            return _file_of_form(body, self.headers)
        return body, ""


def _work(
    path: str, image: SlideImage, models: Models, stain: Stain | None, cancel: CancelToken, picture: bool
) -> _Answer:
    if path == "/karyogram":
        return _Answer(200, "image/png", answer_karyogram(image, models, stain, cancel))
    if path == "/classify":
        return _json(200, answer_classify(image, models, stain, cancel))
    return _json(200, answer_analyse(image, models, stain, cancel, karyogram=picture))


def _file_of_form(body: bytes, headers: Message) -> tuple[bytes, str]:
    """Content and name of the first file of a form (RFC 7578)."""
    boundary = headers.get_boundary()
    if boundary:
        # The library's parser would hold several copies of an image as text; a part is found by its boundary alone.
        for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))[1:]:
            head, _, content = part.partition(b"\r\n\r\n")
            name = email.message_from_bytes(head.lstrip(b"\r\n")).get_filename()
            if name is not None:
                return content, name
    raise Refused(400, "The form holds no file.", "Send the image as a file of the form, or as the body itself.")
