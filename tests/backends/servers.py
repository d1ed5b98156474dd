"""A server on loopback that answers as a provider's published API says, and misbehaves on demand."""

import contextlib
import io
import json
import socket
import struct
import sys
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image


def png(color=(200, 30, 30), size=(64, 64)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it has 40,000 x 40,000 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


class Fake:
    """`answer(method, path, headers, body)` gives (status, headers, bytes or JSON). `faults` are taken first, one for each paid call.

    A fault is "cut" (the connection ends without an answer), "cut after" (the same once the work was taken on) or an answer.
    """

    key = "secret-key-of-a-test"

    def __init__(self) -> None:
        self.faults: list = []
        self.calls: list[tuple[str, str]] = []
        self.bodies: list = []
        self.lock = threading.RLock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a body waits 40 ms until the head has been acknowledged

            def _answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                data = self.rfile.read(length)
                if len(data) < length:  # whoever asked was killed meanwhile
                    return self._cut()
                path = self.path
                with fake.lock:
                    fake.calls.append((self.command, path))
                    paid = self.command == "POST" and fake.is_paid(path)
                    fault = fake.faults.pop(0) if paid and fake.faults else None
                if fault == "cut":
                    return self._cut()
                answer = fault if isinstance(fault, tuple) else fake.answer(self.command, path, self.headers, data)
                if fault == "cut after" or answer == "cut":
                    return self._cut()
                status, headers, body = answer
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, text in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _cut(self):
                self.close_connection = True
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

            do_GET = do_POST = do_DELETE = do_PUT = _answer

            def log_message(self, *words):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                if not isinstance(sys.exception(), OSError):
                    super().handle_error(request, client_address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def is_paid(self, path: str) -> bool:
        return True

    def answer(self, method, path, headers, data):
        raise NotImplementedError

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def has_key(self, headers) -> bool:
        return headers.get("Authorization") == f"Bearer {self.key}"
