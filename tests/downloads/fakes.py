"""Hugging Face and Civitai on loopback, as their published APIs describe them, with every fault that is asked for."""

import hashlib
import http.server
import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class File:
    """A file of the site. `cuts` ends each of the next answers after so many bytes; `answers` are statuses that come first.

    Of more than `hold` bytes nothing is sent until it is raised.
    """

    data: bytes
    cuts: list[int] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    ranges: bool = True
    page: bool = False
    claims: int | None = None
    redirect: str = ""
    hold: int = 2**63
    asked: list[str] = field(default_factory=list)
    sent: int = 0


class Site:
    """Both sites at one address. `files` by path, `bodies` are JSON answers by path; `seen` are the paths asked for, with their tokens.

    `asked` are the paths with their queries, `links` the next page's address by path.
    """

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.bodies: dict[str, Any] = {}
        self.links: dict[str, str] = {}
        self.asked: list[str] = []
        self.seen: list[tuple[str, str]] = []
        self.gate = threading.Event()
        self.gate.set()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a body waits 40 ms until the head has been acknowledged

            def log_message(self, *words: object) -> None:
                pass

            def do_GET(self) -> None:
                site._answer(self)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def repository(self, name: str, files: dict[str, bytes], **told: Any) -> None:
        """A repository at Hugging Face."""
        siblings = []
        for path, data in files.items():
            self.files[f"/{name}/resolve/main/{path}"] = File(data)
            siblings.append({"rfilename": path, "size": len(data), "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}})
        self.bodies[f"/api/models/{name}/revision/main"] = {"id": name, "siblings": siblings, "gated": False, "cardData": {}, **told}

    def version(self, number: int, name: str, data: bytes, **told: Any) -> None:
        """A version of a model at Civitai."""
        self.files[f"/api/download/models/{number}"] = File(data)
        entry = {
            "name": name,
            "sizeKB": len(data) / 1024,
            "type": "Model",
            "primary": True,
            "hashes": {"SHA256": hashlib.sha256(data).hexdigest().upper()},
            "downloadUrl": f"{self.url}/api/download/models/{number}",
        }
        body = {"id": number, "modelId": 7, "name": "v1", "baseModel": "SD 1.5", "trainedWords": ["fxx"], "files": [entry], "images": []}
        self.bodies[f"/api/v1/model-versions/{number}"] = {**body, "model": {"name": "Fox", "type": "LORA"}, **told}
        self.bodies["/api/v1/models/7"] = {"id": 7, "modelVersions": [{"id": number}]}

    def _answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        self.asked.append(handler.path)
        self.seen.append((path, handler.headers.get("Authorization", "")))
        if path in self.bodies:
            link = {"Link": f'<{self.links[path]}>; rel="next"'} if path in self.links else {}
            self._send(handler, 200, json.dumps(self.bodies[path]).encode(), {"Content-Type": "application/json", **link})
        elif path in self.files:
            self._send_file(handler, self.files[path])
        else:
            self._send(handler, 404, b"{}", {})

    def _send(self, handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def _send_file(self, handler: http.server.BaseHTTPRequestHandler, file: File) -> None:
        wanted = handler.headers.get("Range", "")
        file.asked.append(wanted)
        if file.answers:
            status, headers = file.answers.pop(0)
            return self._send(handler, status, b"{}", headers)
        if file.redirect:
            return self._send(handler, 302, b"", {"Location": file.redirect})
        if file.page:
            return self._send(handler, 200, b"<!DOCTYPE html><html>Sign in</html>", {"Content-Type": "text/html; charset=utf-8"})
        found = re.fullmatch(r"bytes=(\d+)-", wanted)
        start = int(found[1]) if found and file.ranges else 0
        if found and file.ranges and start >= len(file.data):
            return self._send(handler, 416, b"", {"Content-Range": f"bytes */{file.claims or len(file.data)}"})
        body = file.data[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(file.claims - start if file.claims else len(body)))
        handler.send_header("Content-Type", "application/octet-stream")
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(file.data) - 1}/{file.claims or len(file.data)}")
        handler.end_headers()
        cut = file.cuts.pop(0) if file.cuts else len(body)
        for at in range(0, min(cut, len(body)), 2**16):
            self.gate.wait()
            while start + at >= file.hold:
                time.sleep(0.01)
            piece = body[at : min(at + 2**16, cut)]
            try:
                handler.wfile.write(piece)
            except OSError:
                break
            file.sent += len(piece)
        if cut < len(body) or file.claims:
            handler.close_connection = True
