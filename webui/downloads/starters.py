"""A first dozen of models for who has none: what each is for, its licence, its size."""

from webui.core.request import FrozenModel

_RAIL, _RAILPP = "CreativeML OpenRAIL-M", "CreativeML OpenRAIL++-M"


class Starter(FrozenModel):
    """A model to begin with. `size` is about its bytes on the disk, `base` the model that it is, or is for.

    Addresses, sizes and licences are those that the models' public pages named when this list was written, in 2026; they were noted by
    hand and no test can ask the sites. Nothing depends on them but what the card says before: when one is fetched, the site's own answer
    gives its files, sizes, hashes and licence, and what has moved or is gone ends in a sentence.
    """

    title: str
    source: str
    kind: str
    licence: str
    size: int
    base: str
    why: str


STARTERS = (
    Starter(
        title="Stable Diffusion 1.5",
        source="hf:stable-diffusion-v1-5/stable-diffusion-v1-5:v1-5-pruned-emaonly.safetensors",
        kind="checkpoint",
        licence=_RAIL,
        size=4_265_146_304,
        base="SD 1.5",
        why="Pictures of 512×512, quick on most machines; thousands of LoRAs fit it.",
    ),
    Starter(
        title="SDXL 1.0",
        source="hf:stabilityai/stable-diffusion-xl-base-1.0:sd_xl_base_1.0.safetensors",
        kind="checkpoint",
        licence=_RAILPP,
        size=6_938_078_334,
        base="SDXL 1.0",
        why="Pictures of 1024×1024, with more detail and better hands.",
    ),
    Starter(
        title="SDXL Lightning, 4 steps",
        source="hf:ByteDance/SDXL-Lightning:sdxl_lightning_4step.safetensors",
        kind="checkpoint",
        licence=_RAILPP,
        size=6_938_040_682,
        base="SDXL 1.0",
        why="SDXL in four steps.",
    ),
    Starter(
        title="SDXL Turbo",
        source="hf:stabilityai/sdxl-turbo:sd_xl_turbo_1.0_fp16.safetensors",
        kind="checkpoint",
        licence="Stability AI, research and non-commercial",
        size=6_938_081_905,
        base="SDXL 1.0",
        why="One to four steps at 512×512.",
    ),
    Starter(
        title="SD 1.5 Inpainting",
        source="hf:stable-diffusion-v1-5/stable-diffusion-inpainting:sd-v1-5-inpainting.ckpt",
        kind="checkpoint",
        licence=_RAIL,
        size=4_265_437_280,
        base="SD 1.5",
        why="Paints into a mask without seams.",
    ),
    Starter(
        title="SDXL Inpainting",
        source="hf:diffusers/stable-diffusion-xl-1.0-inpainting-0.1",
        kind="checkpoint",
        licence=_RAILPP,
        size=6_940_000_000,
        base="SDXL 1.0",
        why="The same at 1024×1024.",
    ),
    Starter(
        title="VAE for SD 1.x (ft-MSE)",
        source="hf:stabilityai/sd-vae-ft-mse-original:vae-ft-mse-840000-ema-pruned.safetensors",
        kind="vae",
        licence="MIT",
        size=334_641_190,
        base="SD 1.5",
        why="Cleaner faces and colours with SD 1.x.",
    ),
    Starter(
        title="VAE for SDXL in half precision",
        source="hf:madebyollin/sdxl-vae-fp16-fix:sdxl_vae.safetensors",
        kind="vae",
        licence="MIT",
        size=334_641_162,
        base="SDXL 1.0",
        why="SDXL's decoder without overflows in float16.",
    ),
    Starter(
        title="TAESD, previews for SD 1.x",
        source="hf:madebyollin/taesd:taesd_decoder.safetensors",
        kind="vae_approx",
        licence="MIT",
        size=4_900_000,
        base="SD 1.5",
        why="Sharp previews while a picture is made.",
    ),
    Starter(
        title="TAESD, previews for SDXL",
        source="hf:madebyollin/taesdxl:taesdxl_decoder.safetensors",
        kind="vae_approx",
        licence="MIT",
        size=4_900_000,
        base="SDXL 1.0",
        why="The same for SDXL.",
    ),
    Starter(
        title="Real-ESRGAN ×4",
        source="https://github.com/xinntao/Real-ESRGAN/releases/download/v0.1.0/RealESRGAN_x4plus.pth",
        kind="upscaler",
        licence="BSD-3-Clause",
        size=67_040_989,
        base="",
        why="Enlarges photographs four times.",
    ),
    Starter(
        title="Real-ESRGAN ×4 for drawings",
        source="https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth",
        kind="upscaler",
        licence="BSD-3-Clause",
        size=17_938_799,
        base="",
        why="Enlarges drawings four times.",
    ),
)
