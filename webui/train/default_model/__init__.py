"""The recipe of the model that ships with us: art in, one small Stable Diffusion file out.

Order of the flow: `sources` (pinned packages) → `art` (pictures by concept) → `captions`, `compose` (a picture with its caption) →
`vae` → `latents` → `diffusion` → `export`; `command` runs them and `score` judges the result.

With a GPU (`recipe`, `staged`) the middle is another: `pack` (the art in one file) → `bank` (the art on the device) → `scenes` (what is
shown, for a whole batch), `canvas` (painted), `wording` (in words) → `feeds`.
"""
