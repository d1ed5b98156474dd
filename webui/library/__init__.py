"""What is in the model folders, from names and file headers alone (no torch)."""

from webui.core.family import Header
from webui.library.header import read_header
from webui.library.models import KINDS, OWN_VAE, ModelFile
from webui.library.scan import Library
from webui.library.view import View

__all__ = ["KINDS", "OWN_VAE", "Header", "Library", "ModelFile", "View", "read_header"]
