"""OpenAI's images, Stability AI's v2beta, AI Horde's v2 and Hugging Face's router, as they are published."""

import base64
import json
import re

from tests.backends.servers import Fake, png


def fields_of(data: bytes) -> dict[str, bytes]:
    """The parts of a multipart body."""
    boundary = data.split(b"\r\n", 1)[0]
    parts = (part for part in data.split(boundary)[1:-1])
    found = {}
    for part in parts:
        head, _, body = part.strip(b"\r\n").partition(b"\r\n\r\n")
        found[re.search(rb'name="([^"]*)"', head)[1].decode()] = body
    return found


class OpenAIServer(Fake):
    name, model, extra = "openai", "gpt-image-2.5-flare", {}

    @property
    def environment(self):
        return {"OPENAI_BASE_URL": f"{self.url}/v1", "OPENAI_API_KEY": self.key}

    def __init__(self):
        self.made, self.file = 0, png()
        super().__init__()

    def answer(self, method, path, headers, data):
        if not self.has_key(headers):
            return (
                401,
                {},
                {"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}},
            )
        if (method, path) == ("GET", "/v1/models"):
            return 200, {}, {"object": "list", "data": [{"id": self.model, "object": "model"}, {"id": "gpt-5", "object": "model"}]}
        if path == "/v1/images/edits":
            body = {name: value.decode("latin1") for name, value in fields_of(data).items()}
        else:
            body = json.loads(data)
        self.bodies.append(body)
        self.made += 1
        picture = {"b64_json": base64.b64encode(self.file).decode(), "revised_prompt": "an apple, red"}
        return 200, {}, {"created": 1, "data": [picture] * int(body["n"])}


class StabilityServer(Fake):
    name, model, extra = "stability", "sd3.5-large", {}

    @property
    def environment(self):
        return {"STABILITY_BASE_URL": self.url, "STABILITY_API_KEY": self.key}

    def __init__(self):
        self.made, self.file, self.reason = 0, png(), "SUCCESS"
        super().__init__()

    def answer(self, method, path, headers, data):
        if not self.has_key(headers):
            return 401, {}, {"id": "1", "name": "unauthorized", "errors": ["missing or invalid authorization header"]}
        if method != "POST" or not path.startswith("/v2beta/stable-image/"):
            return 404, {}, {"id": "1", "name": "not_found", "errors": ["not found"]}
        self.bodies.append({"path": path, **fields_of(data)})
        self.made += 1
        return 200, {"Content-Type": "image/png", "finish-reason": self.reason, "seed": "7"}, self.file


class HordeServer(Fake):
    name, model, extra = "horde", "stable_diffusion", {"width": 512, "height": 512}

    @property
    def environment(self):
        return {"HORDE_BASE_URL": f"{self.url}/api", "HORDE_API_KEY": self.key}

    def __init__(self):
        self.made, self.file, self.looks, self.deleted = 0, png(), 1, []
        self.censored, self.possible = False, True
        super().__init__()

    def has_key(self, headers):
        return headers.get("apikey") == self.key

    def is_paid(self, path):
        return path.endswith("/async")

    def answer(self, method, path, headers, data):
        path = path.removeprefix("/api/v2")
        if path.startswith("/status/models"):
            return 200, {}, [{"name": "rare", "count": 1}, {"name": self.model, "count": 9}]
        if not self.has_key(headers):
            return 401, {}, {"message": "No user matching sent API Key."}
        if path == "/generate/async":
            self.bodies.append(json.loads(data))
            self.made += 1
            self.left = self.looks
            return 202, {}, {"id": f"horde-{self.made}", "kudos": 10.0}
        if path.startswith("/generate/check/"):
            self.left -= 1
            done = self.left == -1
            return 200, {}, {"done": done, "faulted": False, "wait_time": 3, "queue_position": 2, "is_possible": self.possible}
        if path.startswith("/generate/status/"):
            if method == "DELETE":
                self.deleted.append(path.rpartition("/")[2])
            made = {
                "img": base64.b64encode(self.file).decode(),
                "seed": "1",
                "censored": self.censored,
                "worker_name": "w",
                "model": self.model,
            }
            return 200, {}, {"done": True, "generations": [made]}
        return 404, {}, {"message": "not found"}


class HuggingFaceServer(Fake):
    name, model, extra = "huggingface", "black-forest-labs/FLUX.1-dev", {}

    @property
    def environment(self):
        return {"HF_INFERENCE_ENDPOINT": self.url, "HF_TOKEN": self.key}

    def __init__(self):
        self.made, self.file = 0, png()
        super().__init__()

    def answer(self, method, path, headers, data):
        if path.startswith("/api/models/who/"):
            return 404, {}, {"error": "Repository not found"}
        if path.startswith("/api/models/"):
            task = {"status": "live", "task": "text-to-image"}
            mapping = {"hf-inference": {**task, "providerId": self.model}, "fal-ai": {**task, "providerId": "fal-ai/flux/dev"}}
            mapping |= {"together": {**task, "providerId": "t/flux"}, "nscale": {**task, "providerId": "n/flux"}}
            return 200, {}, {"id": "x", "inferenceProviderMapping": mapping}
        if path == "/out.png":
            return 200, {"Content-Type": "image/png"}, self.file
        if not self.has_key(headers):
            return 401, {}, {"error": "Invalid username or password."}
        self.bodies.append({"path": path, **json.loads(data)})
        self.made += 1
        if path.startswith("/hf-inference/"):
            return 200, {"Content-Type": "image/png"}, self.file
        if path.startswith("/fal-ai/"):
            return 200, {}, {"images": [{"url": f"{self.url}/out.png", "content_type": "image/png"}], "has_nsfw_concepts": [False]}
        return 200, {}, {"data": [{"b64_json": base64.b64encode(self.file).decode()}]}
