"""Replicate's HTTP API, version 1, as published: models with their OpenAPI schema, predictions, files. Pictures after `looks` looks."""

import time
from datetime import UTC, datetime

from tests.backends.servers import Fake, png

INPUT = {
    "type": "object",
    "title": "Input",
    "required": ["prompt"],
    "properties": {
        "prompt": {"type": "string", "title": "Prompt", "x-order": 0},
        "negative_prompt": {"type": "string", "x-order": 1, "default": ""},
        "width": {"type": "integer", "minimum": 64, "maximum": 1024, "default": 512, "x-order": 2},
        "height": {"type": "integer", "minimum": 64, "maximum": 1024, "default": 512, "x-order": 3},
        "num_outputs": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "x-order": 4},
        "scheduler": {"allOf": [{"$ref": "#/components/schemas/scheduler"}], "default": "K_EULER", "x-order": 5},
        "num_inference_steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 28, "x-order": 6},
        "guidance_scale": {"type": "number", "minimum": 0, "maximum": 20, "default": 7.5, "x-order": 7},
        "seed": {"type": "integer", "nullable": True, "x-order": 8},
        "image": {"type": "string", "format": "uri", "x-order": 9},
        "mask": {"type": "string", "format": "uri", "x-order": 10},
        "prompt_strength": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.8, "x-order": 11},
        "apply_watermark": {"type": "boolean", "default": True, "x-order": 12},
        "output_format": {"enum": ["webp", "png"], "type": "string", "default": "webp", "x-order": 13},
    },
}
SCHEMA = {"components": {"schemas": {"Input": INPUT, "scheduler": {"enum": ["DDIM", "K_EULER"], "type": "string"}, "Output": {}}}}


class ReplicateServer(Fake):
    """`looks`: how often a prediction is "processing" first; -1 is for ever. `file` is what its pictures' address gives."""

    version = "5c7d5dc6dd8bf75c1acaa8565735e7986bc5b66206b55cca93cb72c9bf15ccaa"

    def __init__(self, looks: int = 1) -> None:
        self.looks, self.schema, self.official = looks, SCHEMA, False
        self.predictions: dict[str, dict] = {}
        self.left: dict[str, int] = {}
        self.cancelled: list[str] = []
        self.outcome, self.error = "succeeded", None
        self.file: tuple = (200, {"Content-Type": "image/png"}, png())
        self.output = None
        super().__init__()

    def is_paid(self, path):
        return path.endswith("/predictions")

    def answer(self, method, path, headers, data):
        import json

        if path.startswith("/files/"):
            return self.file
        if not self.has_key(headers):
            return 401, {}, {"title": "Unauthenticated", "detail": "You did not pass a valid authentication token", "status": 401}
        parts = path.removeprefix("/v1/").split("/")
        match method, parts:
            case "GET", ["models", owner, name]:
                if name == "nowhere":
                    return 404, {}, {"detail": "The requested resource could not be found.", "status": 404}
                version = {"id": self.version, "openapi_schema": self.schema, "created_at": "2024-01-01T00:00:00Z"}
                return 200, {}, {"owner": owner, "name": name, "latest_version": version, "is_official": self.official}
            case "GET", ["models", _, _, "versions", version]:
                return 200, {}, {"id": version, "openapi_schema": self.schema}
            case "GET", ["collections", _]:
                return 200, {}, {"name": "t", "slug": "text-to-image", "models": [{"owner": "stability-ai", "name": "sdxl"}]}
            case "POST", ["predictions"] | ["models", _, _, "predictions"]:
                self.bodies.append(json.loads(data))
                return 201, {}, self._made(json.loads(data))
            case "GET", ["predictions"]:
                return 200, {}, {"previous": None, "next": None, "results": [*reversed(self.predictions.values())]}
            case "GET", ["predictions", known] if known in self.predictions:
                return 200, {}, self._looked(known)
            case "POST", ["predictions", known, "cancel"] if known in self.predictions:
                self.cancelled.append(known)
                self.predictions[known]["status"] = "canceled"
                return 200, {}, self.predictions[known]
        return 404, {}, {"detail": "Not found.", "status": 404}

    def _made(self, body):
        with self.lock:
            number = len(self.predictions)
            known = f"gm3qorzdhgbfurvjtvhg6dckh{number:02}"
            self.predictions[known] = {
                "id": known,
                "version": self.version,
                "input": body["input"],
                "output": None,
                "error": None,
                "logs": "",
                "status": "starting",
                "created_at": datetime.fromtimestamp(time.time(), UTC).isoformat().replace("+00:00", "Z"),
                "urls": {"get": f"{self.url}/v1/predictions/{known}", "cancel": f"{self.url}/v1/predictions/{known}/cancel"},
            }
            self.left[known] = self.looks
            return self.predictions[known]

    def _looked(self, known):
        with self.lock:
            told = self.predictions[known]
            if told["status"] in ("starting", "processing"):
                told["status"], told["logs"] = "processing", " 50%|#####     | 14/28"
                if self.left[known] == 0:
                    count = told["input"].get("num_outputs", 1)
                    addresses = [f"{self.url}/files/{known}/{number}.png" for number in range(count)]
                    told["output"] = (self.output or addresses) if self.outcome == "succeeded" else None
                    told.update(status=self.outcome, error=self.error, metrics={"predict_time": 1.5})
                self.left[known] -= 1
            return told
