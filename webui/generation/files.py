"""Which model files a request is made with, by their content: jobs that share a batch must have the same ones."""

from webui.core.request import ResolvedRequest
from webui.errors import RequestError
from webui.generation.conditioning import hypernetworks_of, loras_of
from webui.library import OWN_VAE, Library


def files_of(request: ResolvedRequest, library: Library) -> tuple[object, ...]:
    """The identities of the checkpoint, the VAE, the text encoders, LoRAs and hypernetworks; None in the place of one that is not there."""
    vae = request.vae if request.vae and request.vae.lower() not in OWN_VAE else None
    names = [
        ("checkpoint", request.checkpoint),
        ("vae", vae),
        ("checkpoint", request.text_encoder),
        *(("checkpoint", name) for name in request.others),
        *(("lora", use.name) for use in loras_of(request)),
    ]
    names += [("hypernetwork", use.name) for use in hypernetworks_of(request)]
    return tuple(_identity(kind, name, library) for kind, name in names if name)


def _identity(kind: str, name: str, library: Library) -> object:
    try:
        file = library.find(kind, name)
    except RequestError:
        return None
    return file.path, file.identity, file.vae and (file.vae.path, file.vae.identity)
