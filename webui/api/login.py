"""The page that asks for the key."""

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Darkroom</title>
<style>
:root{color-scheme:dark light;--bg:#0f0f0f;--panel:#181818;--field:#222;
--text:#efefef;--label:#cfcfcf;--edge:#7a7a7a;--accent:#f5a94b;--danger:#ff8a80}
@media(prefers-color-scheme:light){:root{--bg:#e9e9e9;--panel:#f6f6f6;--field:#fff;--text:#1a1a1a;--label:#3d3d3d;--edge:#7d7d7d;
--accent:#f0a03c;--danger:#b3261e}}
body{background:var(--bg);color:var(--text);font:14px/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:100vh;margin:0}
form{background:var(--panel);padding:24px;border-radius:12px;width:min(320px,80vw)}
h1{font-size:20px;margin:0 0 4px}
label{display:block;color:var(--label);font-weight:500}
small{display:block;color:var(--label);font-size:13px;margin:0 0 16px}
input{box-sizing:border-box;width:100%;font:inherit;font-size:16px;padding:9px 12px;margin:6px 0 16px;color:inherit}
input{border:1px solid var(--edge);border-radius:8px;background:var(--field)}
input:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
button{width:100%;height:44px;border:0;border-radius:8px;background:var(--accent);color:#1c1206;
font:600 15px/1 system-ui,sans-serif;cursor:pointer}
p{color:var(--danger);margin:0 0 8px}
p:empty{display:none}
</style>
<main><form method="post" action="{root}/login"><h1>Darkroom</h1>
<small>The terminal it was started in prints the key, as a link and as a QR code.</small><p role="alert">{message}</p>
<label for="key">Access key</label>
<input id="key" name="key" type="password" autocomplete="current-password" autofocus required>
<button>Open</button></form></main></html>"""


def page(message: str, root: str = "") -> str:
    """Its HTML. `message` says what was wrong; `root` is the sub folder that the program is served in."""
    return _PAGE.replace("{message}", message).replace("{root}", root)
