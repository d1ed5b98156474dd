"""Replicate's API once more, written from its published reference by somebody who had not read the extension: official and own models.

Answers have all fields that the reference shows, for Replicate's own client reads them too.
"""

import base64
import json
import threading
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.backends.servers import png

RATIOS = ["1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21"]
FLUX = {
    "prompt": {"type": "string", "title": "Prompt", "x-order": 0, "description": "Prompt for generated image"},
    "aspect_ratio": {"allOf": [{"$ref": "#/components/schemas/aspect_ratio"}], "default": "1:1", "x-order": 1},
    "num_outputs": {"type": "integer", "title": "Num Outputs", "default": 1, "maximum": 4, "minimum": 1, "x-order": 2},
    "num_inference_steps": {"type": "integer", "title": "Steps", "default": 4, "maximum": 4, "minimum": 1, "x-order": 3},
    "seed": {"type": "integer", "title": "Seed", "x-order": 4, "nullable": True},
    "output_format": {"allOf": [{"$ref": "#/components/schemas/output_format"}], "default": "webp", "x-order": 5},
    "output_quality": {"type": "integer", "title": "Output Quality", "default": 80, "maximum": 100, "minimum": 0, "x-order": 6},
    "image": {"type": "string", "format": "uri", "title": "Image", "x-order": 7},
    "disable_safety_checker": {"type": "boolean", "title": "Disable Safety Checker", "default": False, "x-order": 8},
}
SCHEMA = {
    "openapi": "3.0.2",
    "info": {"title": "Cog", "version": "0.1.0"},
    "paths": {"/predictions": {"post": {"requestBody": {"content": {"application/json": {}}}}}},
    "components": {
        "schemas": {
            "Input": {"type": "object", "title": "Input", "required": ["prompt"], "properties": FLUX},
            "Output": {"type": "array", "items": {"type": "string", "format": "uri"}, "title": "Output"},
            "aspect_ratio": {"enum": RATIOS, "type": "string", "title": "aspect_ratio", "description": "An enumeration."},
            "output_format": {"enum": ["webp", "jpg", "png"], "type": "string", "title": "output_format"},
        }
    },
}
VERSION = "c846a69991daf4c0e5d016514849d14ee5b2e6846ce6b9d6f21369e564cfe51e"
STATES = ["starting", "starting", "processing", "processing"]


class Api:
    """`outcome`: how a prediction ends; `output`: in which shape its picture comes; `refusals`: taken first, one for each creation."""

    token = "r8_0123456789abcdefghijklmnopqrstuvwxyz0"
    PATH = "/v1"

    def __init__(self) -> None:
        self.official, self.outcome, self.error, self.output = True, "succeeded", None, "list"
        self.states, self.created, self.status, self.removed = list(STATES), 201, {}, False
        self.refusals: list[tuple[int, dict[str, str], dict[str, Any]]] = []
        self.slow_down: list[tuple[int, dict[str, str], dict[str, Any]]] = []
        self.asked: list[tuple[str, str, Message, bytes]] = []
        self.made: dict[str, dict[str, Any]] = {}
        self.uploads: list[bytes] = []
        self.picture = png((10, 200, 30))
        self.lock = threading.Lock()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else a body waits 40 ms until the head has been acknowledged

            def log_message(self, *words: object) -> None:
                pass

            def handle_all(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with api.lock:
                    api.asked.append((self.command, self.path, self.headers, data))
                    status, headers, body = api.answer(self.command, self.path, self.headers, data)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
                if status >= 400:
                    kind = "application/problem+json"
                for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do_PUT = handle_all

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """End."""
        self.server.shutdown()
        self.server.server_close()

    def sent(self, method: str, path: str = "") -> list[tuple[str, Any]]:
        """Paths and bodies of calls, in order."""
        return [(p, json.loads(data or b"null")) for m, p, _, data in self.asked if m == method and p.startswith(path)]

    def answer(self, method: str, path: str, headers: Message, data: bytes) -> tuple[int, dict[str, str], Any]:
        if path.startswith("/pbxt/"):
            return 200, {"Content-Type": "image/png"}, self.picture
        if headers.get("Authorization") != f"Bearer {self.token}":
            return problem(401, "Unauthenticated", "You did not pass a valid authentication token")
        parts = path.split("?")[0].strip("/").split("/")[1:]
        is_creation = method == "POST" and parts[-1] == "predictions"
        if is_creation and self.refusals:
            return self.refusals.pop(0)
        if method == "GET" and parts[0] == "predictions" and self.slow_down:
            return self.slow_down.pop(0)
        match method, parts:
            case "GET", ["models", owner, name]:
                return 200, {}, self.model(owner, name)
            case "GET", ["models", _, _, "versions"]:
                return 200, {}, {"next": None, "previous": None, "results": [self.version()]}
            case "GET", ["models", _, _, "versions", known]:
                return 200, {}, {**self.version(), "id": known}
            case "POST", ["models", owner, name, "predictions"]:
                if not self.official:
                    return problem(404, "Not found", "The requested resource could not be found.")
                return self.created, {}, self.prediction(f"{owner}/{name}", "hidden", json.loads(data)["input"])
            case "POST", ["predictions"]:
                body = json.loads(data)
                if not body.get("version"):
                    return problem(422, "Input validation failed", "- version is required")
                return self.created, {}, self.prediction("acme/fox", body["version"], body["input"])
            case "GET", ["predictions"]:
                return 200, {}, {"next": None, "previous": None, "results": list(reversed(self.made.values()))}
            case "GET", ["predictions", known] if known in self.made:
                return 200, {}, self.advanced(known)
            case "POST", ["predictions", known, "cancel"] if known in self.made:
                self.made[known]["status"] = "canceled"
                return 200, {}, self.made[known]
            case "POST", ["files"]:
                self.uploads.append(data)
                return 201, {}, self.file(len(self.uploads))
        return problem(404, "Not found", "The requested resource could not be found.")

    def version(self) -> dict[str, Any]:
        return {"id": VERSION, "created_at": "2025-04-03T12:00:00.000000Z", "cog_version": "0.14.3", "openapi_schema": SCHEMA}

    def model(self, owner: str, name: str) -> dict[str, Any]:
        return {
            "url": f"https://replicate.com/{owner}/{name}",
            "owner": owner,
            "name": name,
            "description": "The fastest image generation model",
            "visibility": "public",
            "github_url": None,
            "paper_url": None,
            "license_url": None,
            "run_count": 414_000_000,
            "cover_image_url": None,
            "default_example": None,
            "latest_version": self.version(),
            "is_official": self.official,
        }

    def file(self, number: int) -> dict[str, Any]:
        known = f"file{number}"
        about = {"id": known, "name": "file", "content_type": "image/png", "size": 1, "etag": "e", "checksums": {}, "metadata": {}}
        times = {"created_at": "2025-04-03T12:00:00Z", "expires_at": "2025-04-04T12:00:00Z"}
        return {**about, **times, "urls": {"get": f"{self.url}{self.PATH}/files/{known}"}}

    def prediction(self, model: str, version: str, given: dict[str, Any]) -> dict[str, Any]:
        known = f"q2dw{len(self.made):022}"
        path = f"{self.url}{self.PATH}/predictions/{known}"
        urls = {"cancel": f"{path}/cancel", "get": path, "stream": f"https://stream.replicate.com/v1/files/{known}"}
        self.status[known] = list(self.states)
        self.made[known] = {
            "id": known,
            "model": model,
            "version": version,
            "input": given,
            "logs": "",
            "output": None,
            "data_removed": False,
            "error": None,
            "source": "api",
            "status": "starting",
            "created_at": "2025-04-04T10:00:00.000Z",
            "urls": {**urls, "web": f"https://replicate.com/p/{known}"},
        }
        return dict(self.made[known])

    def advanced(self, known: str) -> dict[str, Any]:
        told = self.made[known]
        if told["status"] not in ("succeeded", "failed", "canceled", "aborted"):
            if self.status[known]:
                told["status"] = self.status[known].pop(0)
                told["logs"] += " 25%|██▌       | 1/4 [00:00<00:00, 7.41it/s]\n" if told["status"] == "processing" else ""
            else:
                times = {"started_at": "2025-04-04T10:00:01.000Z", "completed_at": "2025-04-04T10:00:02.000Z"}
                told.update(status=self.outcome, error=self.error, metrics={"predict_time": 0.84, "image_count": 1}, **times)
                told["data_removed"] = self.removed
                told["output"] = self.outputs(known) if self.outcome == "succeeded" else None
        return dict(told)

    def outputs(self, known: str) -> Any:
        address = f"{self.url}/pbxt/{known}/out-0.png"
        inline = "data:image/png;base64," + base64.b64encode(self.picture).decode()
        shapes = {"list": [address], "string": address, "data": inline, "data list": [inline], "none": None, "empty": [], "words": "a fox"}
        return shapes[self.output]


def problem(status: int, title: str, detail: str, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """A refusal in the shape of RFC 7807."""
    return status, headers, {"title": title, "detail": detail, "status": status}
