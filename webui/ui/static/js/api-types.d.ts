// What the server sends, made from its schema by `python -m webui.docs`: do not edit.

/** An extension as the Extensions tab shows it; `error` is a traceback, `reason` its last line, `fixed` is for who may not switch it. */
export interface ExtensionCard {
  id: string;
  title: string;
  version: string;
  path: string;
  adds: Array<string>;
  on: boolean;
  error: string;
  reason: string;
  restart: boolean;
  fixed: boolean;
}

/** A step that an extension carries out. */
export interface ExtensionStep {
  kind: "extension";
  name: string;
  values?: Record<string, JsonValue>;
}

/** Which pictures, and what is done to them: ids of uploads or of pictures in the gallery, or a folder of the server's machine. */
export interface ExtrasBody {
  images: Array<string>;
  folder: string;
  finish: Array<UpscaleStep | RestoreStep | MatchColorsStep | SharpenStep | GrainStep | FormatStep | ExtensionStep>;
  upscale_tile: number;
  upscale_overlap: number;
  seed: number | string;
}

/** The jobs of a call of Extras, in order, and which files of the folder were passed over. */
export interface ExtrasJobs {
  jobs: Array<JobBody>;
  passed_over: Array<PassedOverFile>;
}

/** What is under the mask at the start, in the order of A1111's numbers. */
export type Fill = "fill" | "original" | "latent noise" | "latent nothing";

/** A prompt as it was written, with `{a|b}` and `__wildcards__`, and what each picture of the job has in its place. */
export interface FilledTemplate {
  text: string;
  filled: Array<string>;
}

/** What a picture or a text says about how it was made. */
export interface FormParameters {
  text: string;
  source: string;
  mode: string;
  table: Record<string, string>;
  values: Record<string, unknown>;
  left_out: Array<string>;
}

/** How the file is written; the last step. */
export interface FormatStep {
  kind: "format";
  format: "png" | "jpeg" | "webp";
  quality: number;
}

/** One request for pictures. `{"prompt": "a red apple"}` is a whole one: every field has a default. */
export interface GenerationRequest {
  mode: "txt2img" | "img2img" | "inpaint" | "extras";
  prompt: string;
  negative_prompt: string;
  styles: Array<string>;
  dynamic_prompts: boolean;
  checkpoint: string | null;
  where: string;
  where_options: string;
  vae: string | null;
  text_encoder: string | null;
  refiner_checkpoint: string | null;
  refiner_switch_at: number;
  width: number | null;
  height: number | null;
  steps: number | null;
  sampler: string | null;
  schedule: string | null;
  guidance: number | null;
  seed: number | string;
  variation_seed: number | string;
  variation_strength: number;
  seed_resize_width: number;
  seed_resize_height: number;
  batch_size: number;
  batch_count: number;
  clip_skip: number;
  tiling: boolean;
  init: string | null;
  mask: string | null;
  inputs: Array<string>;
  strength: number;
  resize_mode: ResizeMode;
  mask_blur: number;
  mask_round: boolean;
  fill: Fill;
  only_masked: boolean;
  padding: number;
  invert_mask: boolean;
  soft_inpaint: SoftInpaint | null;
  exact_steps: boolean;
  noise_multiplier: number;
  extra_noise: number;
  color_correction: boolean;
  mask_weight: number;
  image_guidance: number;
  hires: HiresOptions | null;
  upscale_tile: number;
  upscale_overlap: number;
  finish: Array<UpscaleStep | RestoreStep | MatchColorsStep | SharpenStep | GrainStep | FormatStep | ExtensionStep>;
  sampler_options: SamplerOptions;
  guidance_options: GuidanceOptions;
  size_conditioning: SizeConditioning;
  emphasis: "Original" | "No norm" | "Ignore" | "None";
  comma_backtrack: number;
  dtype: "auto" | "float32" | "bfloat16" | "float16";
  noise_source: "cpu" | "gpu" | "nv";
  profile: "a1111" | "diffusers";
  deterministic: boolean;
  templates?: Record<string, FilledTemplate>;
  extras?: Record<string, Record<string, JsonValue>>;
}

/** Add film grain, drawn from the picture's seed. */
export interface GrainStep {
  kind: "grain";
  amount: number;
  size: number;
  color: boolean;
  seed: number | string;
}

/** Where a job stands in a grid: said in its pictures. `labels` are "Steps: 20" and the like, one an axis. */
export interface GridPlace {
  grid: string;
  title: string;
  cell: Array<unknown>;
  labels: Array<string>;
}

/** What is done to classifier-free guidance besides its scale. */
export interface GuidanceOptions {
  rescale: number;
  skip_early: number;
  min_sigma: number;
  min_sigma_all: boolean;
  pad: boolean;
  pad_v0: boolean;
}

/** The second pass ("Hires. fix"): enlarge the first picture and paint over it. */
export interface HiresOptions {
  scale: number;
  width: number;
  height: number;
  steps: number;
  strength: number;
  upscaler: string;
  sampler: string | null;
  schedule: string | null;
  guidance: number | null;
  prompt: string;
  negative_prompt: string;
}

/** A picture with its address. */
export interface ImageBody {
  id: string;
  path: string;
  kind: "result" | "upload";
  job_id?: string | null;
  index: number;
  owner: string;
  width: number;
  height: number;
  seed?: number | string | null;
  created: string;
  notes: Array<string>;
  url: string;
}

/** One picture file. */
export interface ImageRecord {
  id: string;
  path: string;
  kind: "result" | "upload";
  job_id: string | null;
  index: number;
  owner: string;
  width: number;
  height: number;
  seed: number | string | null;
  created: string;
  notes: Array<string>;
}

/** One row of the queue. Times are UTC. */
export interface Job {
  id: string;
  owner: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  priority: number;
  attempts: number;
  request: GenerationRequest;
  plan: Plan | null;
  idempotency_key: string | null;
  created: string;
  started: string | null;
  finished: string | null;
  error: JobError | null;
  images: Array<ImageRecord>;
  notes: Array<string>;
  place: GridPlace | null;
  cost: number;
}

/** A job with its pictures' addresses. `progress` is there while it runs. */
export interface JobBody {
  id: string;
  owner: string;
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  priority: number;
  attempts: number;
  request: GenerationRequest | null;
  plan?: Plan | null;
  idempotency_key?: string | null;
  created: string;
  started?: string | null;
  finished?: string | null;
  error?: JobError | null;
  images: Array<ImageBody>;
  notes: Array<string>;
  place?: GridPlace | null;
  cost: number;
  mine: boolean;
  progress?: Progress | null;
}

/** Why a job failed: `kind` is the error class, `message` what is wrong, `advice` what to do, `field` where if it is the request. */
export interface JobError {
  kind: string;
  message: string;
  advice: string;
  field: string | null;
}

export type JsonValue = unknown;

/** Give the picture the colours of another one, and keep its own light. */
export interface MatchColorsStep {
  kind: "match_colors";
  image: string | null;
  visibility: number;
}

/** A model file as a list shows it: bytes, why it cannot be used, what else there is to say. */
export interface ModelCard {
  name: string;
  family: string;
  size: number;
  error: string;
  note: string;
}

/** What a checkpoint was made for, and the ids of the form's elements that mean nothing for it. */
export interface OwnDefaults {
  width: number;
  height: number;
  steps: number;
  sampler: string;
  schedule: string;
  guidance: number;
  unsupported: Array<string>;
  place: string;
  accepted: boolean;
}

/** A file of a folder that was left alone, and why. */
export interface PassedOverFile {
  name: string;
  why: string;
}

/** How the machine makes the pictures; fixed at the first attempt so that a retry gives the same pixels. */
export interface Plan {
  device: string;
  dtype: "float32" | "bfloat16" | "float16";
  attention: "sdpa" | "xformers" | "tiled";
  threads: number;
  channels_last: boolean;
  offload: "none" | "model" | "sequential";
  work: number;
  peak: number;
  rows: number;
  vae_tiles: boolean;
}

/** What every refusal says: a sentence for people, the request's field if it is about one, what to do, and when a limit renews. */
export interface Problem {
  message: string;
  field?: string | null;
  advice?: string | null;
  renews?: string | null;
}

/** Where a running job is; in memory only. */
export interface Progress {
  phase: string;
  step: number;
  steps: number;
  batch: number;
  batches: number;
  frame: number;
  detail: string;
}

/** How a start picture is brought to the size, in the order of A1111's numbers. */
export type ResizeMode = "Just resize" | "Crop and resize" | "Resize and fill" | "Just resize (latent upscale)";

/** Mend faces by a network (GFPGAN, CodeFormer). */
export interface RestoreStep {
  kind: "restore";
  model: string;
  visibility: number;
  fidelity: number;
  aligned: boolean;
}

/** Options of the sampler and the schedule; `None` leaves the sampler's own default. */
export interface SamplerOptions {
  eta: number | null;
  churn: number;
  churn_min: number;
  churn_max: number | null;
  noise_scale: number;
  ensd: number | string;
  discard_penultimate: boolean;
  sigma_min: number | null;
  sigma_max: number | null;
  rho: number | null;
  beta_alpha: number | null;
  beta_beta: number | null;
  sgm_noise_multiplier: boolean;
  sigmas: Array<number> | null;
  timesteps: Array<number> | null;
  solver_type: string | null;
  unipc_variant: "bh1" | "bh2" | "vary_coeff";
  unipc_order: number;
  unipc_skip: "time_uniform" | "time_quadratic" | "logSNR";
  unipc_lower_order_final: boolean;
  ddim_discretize: "uniform" | "quad";
}

/** A field of the Settings tab. `changed`: the file holds a value of its own. `restart`: it takes effect at the next start. */
export interface SettingCard {
  name: string;
  label: string;
  description: string;
  kind: "check" | "number" | "choice" | "list" | "text";
  choices: Array<string>;
  value: unknown;
  default: unknown;
  minimum: number | null;
  maximum: number | null;
  step: number | "any";
  changed: boolean;
  restart: boolean;
}

/** A section of the Settings tab. */
export interface SettingSection {
  title: string;
  fields: Array<SettingCard>;
}

/** All sections, as they are after a change. */
export interface SettingSections {
  sections: Array<SettingSection>;
}

/** The Settings tab: also the file that they are kept in, and whether the asker may change them. */
export interface SettingsPage {
  sections: Array<SettingSection>;
  file: string;
  admin: boolean;
}

/** Raise the contrast of edges (unsharp mask). */
export interface SharpenStep {
  kind: "sharpen";
  radius: number;
  amount: number;
  threshold: number;
}

/** What SDXL is told of the picture's size besides the prompt (Podell et al. 2023, section 2.2). */
export interface SizeConditioning {
  original_width: number;
  original_height: number;
  crop_top: number;
  crop_left: number;
  target_width: number;
  target_height: number;
  aesthetic_score: number;
  negative_aesthetic_score: number;
}

/** Soft inpainting: the mask's greys say how much each place may change (Levin & Fried 2023, differential diffusion). */
export interface SoftInpaint {
  schedule_bias: number;
  preservation: number;
  contrast: number;
  mask_influence: number;
  difference_threshold: number;
  difference_contrast: number;
}

/** What a step of the finish chain asks for; `names` says which list of names it chooses from. */
export interface StepField {
  name: string;
  label: string;
  info: string;
  kind: "number" | "text" | "choice" | "check" | "list" | "picture";
  value: unknown;
  choices: Array<string>;
  low: number | null;
  high: number | null;
  step: number | null;
  names: "" | "upscaler" | "face_restorer";
}

/** A kind of step: `name` is set for an extension's, whose fields are its `values`. */
export interface StepKind {
  kind: string;
  name: string;
  title: string;
  fields: Array<StepField>;
}

/** The names that steps choose from. */
export interface StepNames {
  upscaler: Array<string>;
  face_restorer: Array<string>;
}

/** The job that a form has become. */
export interface Submitted {
  job: Job;
}

/** How long a prompt is for the text encoder, and how long it may be before it is cut into chunks. */
export interface TokenCount {
  count: number;
  limit: number;
}

/** Enlarge the picture by a factor or to a size, by one upscaler or by two whose results are mixed (A1111's Extras). */
export interface UpscaleStep {
  kind: "upscale";
  upscaler: string;
  scale: number;
  width: number;
  height: number;
  crop: boolean;
  second: string;
  second_visibility: number;
}
