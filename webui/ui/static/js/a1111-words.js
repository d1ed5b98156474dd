// @ts-check
// The words under which A1111's users know our places, fields and actions: Find looks for them, nobody reads them.

/** A1111's words for our tabs. @type {Record<string, string>} */
export const ALSO_PLACES = {
  txt2img: 'text to image prompt', img2img: 'image to image sketch', inpaint: 'inpaint sketch outpainting mk2 mask',
  extras: 'upscale upscaler face restoration gfpgan codeformer batch from directory', gallery: 'image browser history contact sheet outputs', 'png-info': 'parameters metadata infotext',
  queue: 'jobs history interrupt skip', grid: 'x/y/z plot xyz script prompt matrix prompts from file or textbox prompt s/r batch img2img', models: 'checkpoints download civitai hugging face civitai helper',
  settings: 'options preferences api keys people', extensions: 'plugins scripts',
};

/** A1111's words for fields of the form, and those of the extensions that people had for it. @type {Record<string, string>} */
export const ALSO_FIELDS = {
  guidance: 'cfg', seed: 'noise', variation_seed: 'subseed var. extra', variation_strength: 'subseed strength var.', batch_count: 'n_iter', where: 'backend cloud provider remote', clip_skip: 'clip stop at last layers', tiling: 'seamless',
  'hires.enabled': 'highres fix', 'outpaint.enabled': "outpainting mk2 poor man's outpainting extend", 'regions.enabled': 'regional prompter latent couple attention couple', 'tiles.enabled': 'multidiffusion mixture of diffusers tiled vae',
  'blend.enabled': 'interpolate travel', 'soft_inpaint.enabled': 'differential diffusion', finish: 'adetailer face restoration upscale postprocessing', init_upscaler: 'upscaler for img2img', fill: 'inpainting fill original latent noise latent nothing', only_masked: 'inpaint area whole picture',
  'sampler_options.ensd': 'ensd', 'sampler_options.noise_scale': 's_noise', 'sampler_options.churn': 's_churn', 'sampler_options.churn_min': 's_tmin', 'sampler_options.churn_max': 's_tmax', 'guidance_options.rescale': 'cfg rescale phi', 'guidance_options.min_sigma': 'ngms s_min_uncond',
  noise_source: 'rng gpu cpu nv', emphasis: 'attention weights', dtype: 'half fp16 bf16 fp32 no-half', color_correction: 'apply color correction', extra_noise: 'img2img extra noise', deterministic: 'reproducible batch invariance', checkpoint: 'model sd', refiner_checkpoint: 'sdxl',
};

/** And for what can be done. */
export const ALSO_ACTIONS = {
  generate: 'make run start',
  stop: 'interrupt skip cancel',
  shelf: 'extra networks lora textual inversion hypernetworks styles',
  presets: 'defaults ui-config save form',
  prompts: 'history last prompt restore',
  vary: 'x/y/z plot xyz prompt matrix prompt s/r',
  refresh: 'refresh checkpoints loras',
  reset: 'clear defaults',
  theme: 'theme',
  keys: 'shortcuts hotkeys keyboard help',
};
