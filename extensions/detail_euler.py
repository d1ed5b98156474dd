from webui import Sampler, hookimpl


def sample_detail_euler(model, x, sigmas, extra_args=None, callback=None, disable=None, overshoot=0.02):
    """Euler whose later steps aim a little past the prediction, which sharpens detail."""
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * x.new_ones(len(x)), **(extra_args or {}))
        callback and callback({"i": i, "x": x, "sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": denoised})
        x = x + (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i]) * (1 + overshoot * (i / len(sigmas)))
    return x


@hookimpl
def register_samplers(register):
    register(Sampler("Detail Euler", sample_detail_euler))
