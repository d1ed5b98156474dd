"""The services that the API and the page work on, as one value: `webui.app` builds it, a test can too."""

from dataclasses import dataclass

from webui.backends.pool import BackendPool
from webui.backends.service import Backends
from webui.capabilities import CapabilityService
from webui.collection.converting import Conversions
from webui.collection.service import Collection
from webui.detection.service import Detectors
from webui.downloads.service import Downloads
from webui.gallery.service import Gallery
from webui.grids.service import Grids
from webui.jobs.engine_pool import EnginePool
from webui.jobs.monitor import ResourceMonitor
from webui.jobs.queue import JobQueue
from webui.jobs.quotas import Quotas
from webui.library import Library
from webui.people.audit import Audit
from webui.people.keys import ApiKeys
from webui.plugins.contributions import Contributions
from webui.plugins.manager import Extensions
from webui.preferences import SettingsStore
from webui.words.presets import PresetStore
from webui.words.service import Words


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything the web process holds while it runs."""

    settings: SettingsStore
    library: Library
    words: Words
    presets: PresetStore
    collection: Collection
    conversions: Conversions
    downloads: Downloads
    extensions: Extensions
    contributions: Contributions
    detectors: Detectors
    capabilities: CapabilityService
    gallery: Gallery
    queue: JobQueue
    engines: EnginePool
    grids: Grids
    backends: Backends
    backend_pool: BackendPool
    quotas: Quotas
    keys: ApiKeys
    audit: Audit
    monitor: ResourceMonitor
