"""Gradio imported our way is the same Gradio, and its stub writer was never reached."""

import subprocess
import sys

CODE = """
import inspect, pathlib
written = []
real = pathlib.Path.write_text
pathlib.Path.write_text = lambda self, *rest, **more: (written.append(self), real(self, *rest, **more))[1]
original = inspect.getfile
from webui.ui.quick_import import import_gradio
import_gradio()
import gradio
assert inspect.getfile is original
assert inspect.getfile(gradio.Textbox).endswith("textbox.py")
assert [path for path in written if path.suffix == ".pyi"] == []
with gradio.Blocks():
    box = gradio.Textbox()
    box.change(lambda text: text, box, box)
modules = __import__("sys").modules
print("torch" in modules, "mcp" in modules)
import mcp
"""


def test_gradio_is_whole_and_wrote_no_stubs():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("False False", 0), done.stderr
