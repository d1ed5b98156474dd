"""Whose process is at the other end of a connection within this machine, as Linux tells."""

import ctypes
import http.client
import json
import os
import socket
import sys
from contextlib import closing

import pytest

from webui.api.peers import asked, owner_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: {}:{} {}:{} 01 00000000:00000000 00:00000000 00000000 {:>5}        0 4711 1 0000000000000000 20 4 30 10 -1\n"
LOCAL, MAPPED, SIX = "0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"

linux = pytest.mark.skipif(sys.platform != "linux" or sys.byteorder != "little", reason="Linux's table, as a PC writes it")


@linux
def test_the_account_stands_in_the_row_of_the_client_s_socket(tmp_path):
    other, port, mine = "9C42", "1EB4", "C350"
    rows = [(LOCAL, port, LOCAL, mine, 0), (LOCAL, mine, LOCAL, other, 7), (LOCAL, mine, LOCAL, port, 33)]
    (tmp_path / "tcp").write_text(HEAD + "".join(ROW.format(*row) for row in rows))
    assert owner_of(("127.0.0.1", 0xC350), 0x1EB4, tmp_path) == 33
    assert owner_of(("127.0.0.1", 0xC351), 0x1EB4, tmp_path) is None
    rows = [(MAPPED, "C351", MAPPED, port, 101), (SIX, mine, SIX, port, 65534)]
    (tmp_path / "tcp6").write_text(HEAD + "".join(ROW.format(*row) for row in rows))
    assert owner_of(("127.0.0.1", 0xC351), 0x1EB4, tmp_path) == owner_of(("::ffff:127.0.0.1", 0xC351), 0x1EB4, tmp_path) == 101
    assert owner_of(("::1", 0xC350), 0x1EB4, tmp_path) == 65534
    assert owner_of(("a socket", 1), 2, tmp_path) is None and owner_of(("127.0.0.1", 1), 2, tmp_path / "nowhere") is None


@linux
@pytest.mark.parametrize(("listens", "calls"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("127.0.0.1", "::ffff:127.0.0.1")])
def test_the_kernel_tells_the_account_of_one_socket(listens, calls):
    """The same as its table; nothing of a socket that is not there, of one that listens, or of the server's own end."""
    family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    with (
        socket.create_server((listens, 0), family=family) as listener,
        closing(socket.create_connection((calls, listener.getsockname()[1]))),
    ):
        opened, client = listener.accept()
        with opened:
            server = opened.getsockname()[:2]
            assert asked(client[:2], server) == owner_of(client[:2], server[1]) == os.geteuid()
            assert asked((client[0], 1), server) is None and asked(client[:2], (server[0], 1)) is None
            assert asked(server, (server[0], 0)) is None, "that is the listener"
    assert asked(("a socket", 1), ("127.0.0.1", 2)) is None and asked(("::1", 1), ("127.0.0.1", 2)) is None


def role_of(opened, host):
    connection = http.client.HTTPConnection(host)
    connection.sock = opened
    with closing(connection):
        connection.request("GET", "/api/v1/me")
        return json.loads(connection.getresponse().read())["role"]


@linux
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to open a socket as somebody else")
def test_who_comes_through_a_proxy_that_says_nothing_is_not_at_the_machine(server):
    """Opened as `nobody`, as nginx does that root has started; the account is the thread's alone."""
    host = server.url.removeprefix("http://")
    address = ("127.0.0.1", int(host.rpartition(":")[2]))
    libc = ctypes.CDLL(None)
    libc.setfsuid(65534)
    try:
        opened = socket.socket()  # and nothing else: Python may have to read files of root's
    finally:
        libc.setfsuid(0)
    opened.settimeout(60)
    opened.connect(address)
    assert role_of(opened, host) == "guest"
    assert role_of(socket.create_connection(address, 60), host) == "owner"
