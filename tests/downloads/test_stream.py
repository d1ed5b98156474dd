"""The bytes of an answer, read straight from its connection: plain and through TLS, whole, cut, and more than there are buffers."""

import hashlib
import random
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpcore
import httpx
import pytest

from webui.downloads.stream import PIECE, Buffers, hashed, pieces

BODY = random.Random(7).randbytes(20 * PIECE + 12345)


@contextmanager
def served(body: bytes, length: int, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that answers once, says `length`, sends `body` and hangs up; gives its port."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with closing(listening.accept()[0]) as plain, closing(context.wrap_socket(plain, True) if context else plain) as connection:
            while not connection.recv(65536).endswith(b"\r\n\r\n"):
                pass
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + body)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        thread.join()
        listening.close()


def received(url: str, **client: object) -> tuple[bytes, str]:
    """The body, and its hash as the thread beside has made it."""
    digest, buffers, got = hashlib.sha256(), Buffers(), bytearray()
    with httpx.Client(trust_env=False, **client) as http, http.stream("GET", url) as response, hashed(digest, buffers) as take:
        for piece in pieces(response, 10, buffers):
            got += piece
            take(piece)
    return bytes(got), digest.hexdigest()


def test_a_body_of_more_pieces_than_there_are_buffers_comes_whole() -> None:
    with served(BODY, len(BODY)) as port:
        assert received(f"http://127.0.0.1:{port}/") == (BODY, hashlib.sha256(BODY).hexdigest())


def test_through_tls(tmp_path: Path) -> None:
    made = ["-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem", "-subj", "/CN=here", "-days", "2"]
    subprocess.run(["openssl", "req", "-x509", *made], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with served(BODY, len(BODY), context) as port:
        assert received(f"https://127.0.0.1:{port}/", verify=False) == (BODY, hashlib.sha256(BODY).hexdigest())


def test_a_connection_that_ends_early_ends_the_pieces() -> None:
    with served(BODY[:PIECE], len(BODY)) as port:
        assert received(f"http://127.0.0.1:{port}/") == (BODY[:PIECE], hashlib.sha256(BODY[:PIECE]).hexdigest())


def test_a_server_that_says_no_more_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection = listening.accept()[0]
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nxyz")
            held.append(connection)

        held: list[socket.socket] = []
        thread = threading.Thread(target=answer)
        thread.start()
        with httpx.Client(trust_env=False) as http, http.stream("GET", f"http://127.0.0.1:{listening.getsockname()[1]}/") as response:
            with pytest.raises(httpcore.ReadTimeout):
                list(pieces(response, 0.05, Buffers()))
        thread.join()
        held[0].close()
