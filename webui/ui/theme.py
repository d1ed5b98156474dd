"""Gradio's theme variables point at the page's own tokens, so that `static/css/tokens.css` holds the only palette."""

import gradio as gr

_COLOURS = {
    "body_background_fill": "bg",
    "body_text_color": "text",
    "body_text_color_subdued": "muted",
    "background_fill_primary": "panel",
    "background_fill_secondary": "panel",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent-text",
    "block_label_text_color": "muted",
    "block_title_text_color": "label",
    "block_info_text_color": "muted",
    "block_border_color": "line",
    "input_background_fill": "field",
    "input_background_fill_focus": "field",
    "input_border_color": "edge",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "faint",
    "checkbox_background_color": "field",
    "checkbox_background_color_selected": "accent",
    "checkbox_border_color": "edge-strong",
    "checkbox_border_color_selected": "accent",
    "checkbox_border_color_focus": "accent",
    "checkbox_label_text_color": "text",
    "slider_color": "accent",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-hover",
    "button_primary_text_color": "on-accent",
    "button_secondary_background_fill": "field",
    "button_secondary_background_fill_hover": "hover",
    "button_secondary_text_color": "text",
    "button_secondary_border_color": "edge",
    "button_cancel_background_fill": "field",
    "button_cancel_background_fill_hover": "hover",
    "button_cancel_text_color": "text",
    "button_cancel_border_color": "edge",
    "error_background_fill": "panel",
    "error_border_color": "danger",
    "error_text_color": "danger",
}
_CLEAR = (
    "block_background_fill",
    "block_label_background_fill",
    "block_title_background_fill",
    "panel_background_fill",
    "checkbox_label_background_fill",
    "checkbox_label_background_fill_hover",
    "checkbox_label_background_fill_selected",
)
_SHAPES = {
    "block_border_width": "0px",
    "block_padding": "0px",
    "block_shadow": "none",
    "input_border_width": "1px",
    "input_radius": "var(--r)",
    "input_padding": "9px 12px",
    "input_shadow": "none",
    "input_shadow_focus": "none",
    "layout_gap": "16px",
    "form_gap_width": "0px",
    "block_radius": "0px",
    "container_radius": "0px",
    "block_title_text_size": "13px",
    "block_title_text_weight": "500",
    "block_info_text_size": "12px",
    "button_large_radius": "var(--r)",
    "button_small_radius": "var(--r)",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "section_header_text_size": "13px",
}


def theme() -> gr.themes.Base:
    """Every colour is set with its `_dark` twin to the same token: `.dark` sits on the body, where a `:root` variable no longer follows."""
    values = {name: f"var(--{token})" for name, token in _COLOURS.items()} | dict.fromkeys(_CLEAR, "transparent")
    plain = gr.themes.Base(font=["Inter", "system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], text_size="sm")
    dark = {f"{name}_dark": value for name, value in values.items() if hasattr(plain, f"{name}_dark")}
    return plain.set(**values, **dark, **_SHAPES)
