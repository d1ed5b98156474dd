"""What is in the model folders, from names and file headers alone (no torch)."""

from webui.library.header import Header, read_header
from webui.library.models import KINDS, OWN_VAE, ModelFile, Native
from webui.library.scan import Library
from webui.library.view import View

__all__ = ["KINDS", "OWN_VAE", "Header", "Library", "ModelFile", "Native", "View", "read_header"]
