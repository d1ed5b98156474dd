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
    """The router with each provider behind it, as its own API is published; `Kontext` models start from a picture.

    Polls are answered with and without the provider's name in front: Hugging Face's client leaves it out where the host is another.
    """

    name, model, extra = "huggingface", "black-forest-labs/FLUX.1-dev", {}
    from_picture = "black-forest-labs/FLUX.1-Kontext-dev"
    key = "hf_secretkeyofatest"

    @property
    def environment(self):
        return {"HF_INFERENCE_ENDPOINT": self.url, "HF_TOKEN": self.key}

    def __init__(self):
        self.made, self.file, self.looks, self.left, self.flagged = 0, png(), 1, 1, False
        self.waiting, self.error = "processing", ""
        super().__init__()

    def mapping(self, model):
        task = "image-to-image" if "Kontext" in model else "text-to-image"
        ids = {"hf-inference": model, "fal-ai": "fal-ai/flux/dev", "together": f"{model}-t", "nscale": "n/flux"}
        ids |= {"wavespeed": "wavespeed-ai/flux-dev"}
        return {
            name: {"status": "live", "task": task, "providerId": known}
            for name, known in ids.items()
            if name != "nscale" or task == "text-to-image"
        }

    def answer(self, method, path, headers, data):
        path, _, query = path.partition("?")
        if path.startswith("/api/models/who/"):
            return 404, {}, {"error": "Repository not found"}
        if path.startswith("/api/models/"):
            model = path.removeprefix("/api/models/")
            mapping = self.mapping(model)
            task = mapping["hf-inference"]["task"]
            return 200, {}, {"_id": "1", "id": model, "pipeline_tag": task, "inferenceProviderMapping": mapping}
        if path == "/out.png":
            return 200, {"Content-Type": "image/png"}, self.file
        if not self.has_key(headers):
            return 401, {}, {"error": "Invalid username or password."}
        if method == "GET":
            return self.polled(path)
        self.bodies.append({"path": path, "query": query, **json.loads(data)})
        self.made += 1
        self.left = self.looks
        picture = {"images": [{"url": f"{self.url}/out.png", "content_type": "image/png"}], "has_nsfw_concepts": [self.flagged]}
        match path.split("/")[1]:
            case "hf-inference":
                return 200, {"Content-Type": "image/png"}, self.file
            case "fal-ai" if "queue" in query:
                where = f"https://queue.fal.run/fal-ai/flux/requests/r{self.made}"
                return 200, {}, {"request_id": f"r{self.made}", "status": "IN_QUEUE", "response_url": where}
            case "fal-ai":
                return 200, {}, picture
            case "wavespeed":
                get = f"https://api.wavespeed.ai/api/v3/predictions/p{self.made}/result"
                return 200, {}, {"code": 200, "data": {"id": f"p{self.made}", "status": "created", "urls": {"get": get}}}
        return 200, {}, {"data": [{"b64_json": base64.b64encode(self.file).decode()}]}

    def polled(self, path):
        if path.endswith("/status"):
            self.left -= 1
            return 200, {}, {"status": "COMPLETED" if self.left < 0 else "IN_PROGRESS"}
        if "/requests/" in path:
            return 200, {}, {"images": [{"url": f"{self.url}/out.png"}], "has_nsfw_concepts": [self.flagged]}
        if "/api/v3/predictions/" in path:
            self.left -= 1
            done = {"status": "failed" if self.error else "completed", "outputs": [f"{self.url}/out.png"], "error": self.error}
            data = {**done, "has_nsfw_contents": [self.flagged]} if self.left < 0 else {"status": self.waiting, "outputs": []}
            return 200, {}, {"code": 200, "data": {"id": path.split("/")[-2], **data}}
        return 404, {}, {"error": "Not Found"}
