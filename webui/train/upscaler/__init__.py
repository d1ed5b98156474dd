"""The recipe of an upscaler of our own: art in, one small network file out.

Order of the flow: `pictures` (art drawn large, and what becomes of it at a quarter of the side) → `network` → `course` (training) →
`score` (measured against Lanczos on art that was held out); `command` runs them.
"""
