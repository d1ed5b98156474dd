"""What can be done besides guidance, by the names of Forge's scripts. One file each; `GuidancePart` is what they have in common.

Their order is Forge's: FreeU changes what comes from below before HRFix enlarges it; of two formulas the latent modifier's counts.
"""

from webui.generation.guidance import freeu, hrfix, latent_modifier, perturbed, self_attention, thresholding, token_merging
from webui.plugins.types import GuidanceMaker

BUILTIN_PARTS = (
    GuidanceMaker("Dynamic thresholding", thresholding.make),
    GuidanceMaker("FreeU", freeu.make),
    GuidanceMaker("Self-attention guidance", self_attention.make),
    GuidanceMaker("Perturbed-attention guidance", perturbed.make),
    GuidanceMaker("Kohya HRFix", hrfix.make),
    GuidanceMaker("Latent modifier", latent_modifier.make),
    GuidanceMaker("Token merging", token_merging.make),
)
