"""A whole family of models in one extension file: two text encoders of its own, a transformer that predicts a flow, its own autoencoder.

Its network knows where every path ends, so that a test can say which picture must come out, whatever the steps.
"""

from webui import FamilySpec, LatentFormat, MemoryEstimate, ModelDefaults, hookimpl

TITLE = "Toy flow"
VERSION = "1.0"
LATENT = LatentFormat(channels=8, downscale=4, scale=0.5, shift=0.25)


def detect(header):
    """One tensor tells the family."""
    return "" if "toy.transformer.query" in header.shapes else None


def memory(asked):
    """A few hundred numbers, and the picture."""
    return MemoryEstimate(weights=10_000, part=10_000, block=10_000, work=asked.batch * asked.width * asked.height * 64)


def load(weights, context):
    """Called in the engine, where torch may be imported."""
    import torch
    from torch import nn

    from webui import Conditioning, Model, Offload, RectifiedFlow

    class Encoder(nn.Module):
        """Bytes to vectors."""

        def __init__(self, width):
            super().__init__()
            self.table = nn.Embedding(256, width)

        def forward(self, numbers):
            return self.table(numbers)

    class Transformer(nn.Module):
        """Attention of one query over the prompt, joined with the pooled vector: the clean latent. The velocity leads there."""

        def __init__(self):
            super().__init__()
            self.query = nn.Parameter(torch.empty(6))
            self.out = nn.Linear(6 + 4, LATENT.channels)

        def forward(self, x, time, cond):
            scores = (cond.context @ self.query).masked_fill(~cond.mask, -torch.inf)
            read = (scores.softmax(-1)[..., None] * cond.context).sum(1)
            target = self.out(torch.cat([read, cond.vectors["pooled"]], -1))[:, :, None, None]
            return (x - target) / time.view(-1, 1, 1, 1)

    class Autoencoder(nn.Module):
        """Blocks of 4×4 pixels to 8 channels and back."""

        def __init__(self):
            super().__init__()
            self.down, self.up = nn.Conv2d(3, LATENT.channels, 4, 4), nn.ConvTranspose2d(LATENT.channels, 3, 4, 4)

    class Toy(Model):
        def encode_prompt(self, texts):
            words, whole = self.components["text_encoder"], self.components["text_encoder_2"]
            longest, rows = max(len(text.encode()) for text in texts) + 1, []
            for text in texts:
                numbers = torch.tensor([[*text.encode(), 0]])
                mask = torch.arange(longest)[None] < numbers.shape[1]
                context = words(nn.functional.pad(numbers, (0, longest - numbers.shape[1])))
                pooled = whole(numbers).mean(1)
                rows.append(Conditioning(context, {"pooled": pooled}, mask, repeats=False))
            return rows

        @torch.no_grad()
        def predict(self, x, timesteps, cond, concat=None):
            self.offload.load(self.unet)
            return self.unet(x.to(self.dtype), timesteps.to(self.dtype) / 1000, cond).to(x)

        @torch.no_grad()
        def encode_image(self, pixels, noise=None):
            return (self.vae.down(pixels.to(self.dtype)).float() - LATENT.shift) * LATENT.scale

        @torch.no_grad()
        def decode(self, latents):
            pixels = self.vae.up((latents / LATENT.scale + LATENT.shift).to(self.dtype))
            return pixels.float().add(1).div(2).clamp(0, 1)

    parts = {"text_encoder": Encoder(6), "text_encoder_2": Encoder(4), "transformer": Transformer(), "vae": Autoencoder()}
    place, offload = context.placement, Offload(context.plan)
    for name, part in parts.items():
        prefix = f"toy.{name}."
        state = {key.removeprefix(prefix): tensor for key, tensor in weights.tensors.items() if key.startswith(prefix)}
        part.load_state_dict({key: tensor.to(place.storage, place.dtype, copy=True) for key, tensor in state.items()}, assign=True)
        offload.register(part.eval().requires_grad_(False))
    context.progress(1, 1)
    flow = RectifiedFlow(shift=2.0, family=context.spec.name)
    return Toy(context.file.name, context.digest, context.spec, flow, place, parts, offload, native=context.file.native)


@hookimpl
def register_families(register):
    """In both processes; only `load` needs torch."""
    register(
        FamilySpec(
            "toy-flow",
            "Toy flow",
            LATENT,
            detect,
            load,
            defaults=ModelDefaults(width=96, height=64, steps=4, sampler="Euler", schedule="Simple", guidance=2.0),
            multiple_of=16,
            process="flow",
            supports=frozenset({"negative_prompt", "img2img", "inpaint", "hires"}),
            memory=memory,
        )
    )
