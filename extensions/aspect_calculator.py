"""A tab of its own: anything Gradio can build, at the end of the tab bar."""

from webui import Tab, hookimpl

TITLE = "Aspect calculator"
VERSION = "1.0"


def nearest(width: float | None, height: float | None, megapixels: float | None) -> str:
    """The size with this shape and about this many pixels, in multiples of 8. An empty field is None."""
    if not all(number is not None and 0 < number < 1e6 for number in (width, height, megapixels)):
        return "Width, height and megapixels must be above 0 and below a million."
    scale = (megapixels * 2**20 / (width * height)) ** 0.5
    return f"{max(8, round(width * scale / 8) * 8)} × {max(8, round(height * scale / 8) * 8)}"


def build() -> None:
    """Three numbers in, a size out. Gradio is loaded here: commands that show no page load extensions too."""
    import gradio as gr

    gr.Markdown("## Aspect calculator\nFind the size, in multiples of 8, that keeps a shape at a number of pixels.")
    with gr.Row():
        inputs = [gr.Number(16, label="Width of the shape"), gr.Number(9, label="Height of the shape"), gr.Number(0.25, label="Megapixels")]
    result = gr.Textbox(nearest(16, 9, 0.25), label="Size", interactive=False)
    gr.on([box.change for box in inputs], nearest, inputs, result, queue=False, show_progress="hidden")


@hookimpl
def register_tabs(register) -> None:
    register(Tab(TITLE, build))
