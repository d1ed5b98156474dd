"""A client of Darkroom's own API, for other programs: `Client` waits, `AsyncClient` awaits. Importing it loads no torch.

from webui.client import Client

with Client("http://127.0.0.1:7860") as darkroom:
    job = darkroom.wait(darkroom.submit({"prompt": "a red apple"}).id)
    darkroom.save(job.images[0], "apple.png")
"""

from webui.client.awaiting import AsyncClient
from webui.client.blocking import Client
from webui.client.values import JobEvent, Picture, RemoteCell, RemoteGrid, RemoteJob

__all__ = ["AsyncClient", "Client", "JobEvent", "Picture", "RemoteCell", "RemoteGrid", "RemoteJob"]
