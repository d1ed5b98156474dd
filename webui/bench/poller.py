"""A program that polls, and one that answers every poll with the same bytes: each a process, so that its processor time is its own.

`python -m webui.bench.poller poll` and `… answer LENGTH`. Nothing of Darkroom is in them: less than this a poll cannot cost.
"""

import itertools
import json
import selectors
import socket
import sys
import threading
import time

_AT_ONCE = 4
_END = b"\r\n\r\n"


def main(words: list[str]) -> None:
    """Do what the words say until the other end of standard input is closed."""
    answer(int(words[1])) if words[0] == "answer" else poll()


def poll() -> None:
    """A line `PORT RATE` begins to poll, the next one ends it and is told what it took, as JSON."""
    for line in sys.stdin:
        port, rate = (int(word) for word in line.split())
        stop = threading.Event()
        counted: list[int] = []
        began, used = time.perf_counter(), time.process_time()
        asking = threading.Thread(target=_ask, args=(port, rate, stop, counted))
        asking.start()
        sys.stdin.readline()
        stop.set()
        asking.join()
        seconds = time.perf_counter() - began
        told = {"cores": (time.process_time() - used) / seconds, "rate": sum(counted) / seconds}
        print(json.dumps(told), flush=True)


def _ask(port: int, rate: int, stop: threading.Event, counted: list[int]) -> None:
    """Ask over several connections in turns, and make up for what comes late; how many were answered is put in `counted`."""
    asked = f"GET /sdapi/v1/progress HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Owner: polls\r\n\r\n".encode()
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(_AT_ONCE)]
    count, began = 0, time.perf_counter()
    for connection in itertools.cycle(connections):
        if stop.is_set():
            break
        time.sleep(max(began + count / rate - time.perf_counter(), 0))
        connection.sendall(asked)
        _read(connection)
        count += 1
    for connection in connections:
        connection.close()
    counted.append(count)


def _read(connection: socket.socket) -> None:
    found = b""
    while _END not in found:
        found += _more(connection)
    head, _, body = found.partition(_END)
    missing = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(body)
    while missing > 0:
        missing -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(2**18)
    if not part:
        raise ConnectionError("the server has closed the connection")
    return part


def answer(length: int) -> None:
    """Answer whatever comes with so many bytes. The port is told first, then, for each line that is read, what was done so far."""
    said = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length + b" " * length
    listener = socket.create_server(("127.0.0.1", 0))
    answered: list[int] = [0]
    threading.Thread(target=_serve, args=(listener, said, answered), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for _ in sys.stdin:
        print(json.dumps({"seconds": time.process_time(), "answered": answered[0]}), flush=True)


def _serve(listener: socket.socket, said: bytes, answered: list[int]) -> None:
    with selectors.DefaultSelector() as waiting:
        waiting.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is listener:
                    waiting.register(listener.accept()[0], selectors.EVENT_READ)
                    continue
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if connection.recv(2**16):
                    connection.sendall(said)
                    answered[0] += 1
                else:
                    waiting.unregister(connection)
                    connection.close()


if __name__ == "__main__":
    main(sys.argv[1:])
