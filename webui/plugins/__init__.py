"""Extensions: what they may add (`types`, `hookspecs`), how they are found (`discovery`) and called (`manager`). Loads no torch."""
