// What the server sends, made from its schema by `python -m webui.docs`: do not edit.
// deno-lint-ignore-file no-explicit-any

/** `source` is `hf:owner/repository[:file]`, `civitai:VERSION` or an address. */
export interface Address {
  source: string;
}

/** The data of `event: alive`: nothing happened for a while. */
export type Alive = Record<string, never>;

/** `to` is the numbers' type in the new file; "keep" leaves them as they are, for a pickled file that becomes `.safetensors`. */
export interface Anew {
  to: "keep" | "float32" | "float16" | "bfloat16" | "float8";
}

/** A part of the picture with a prompt of its own: a rectangle in shares of the sides; of a mask, what is white in it. */
export interface Area {
  prompt: string;
  x: number;
  y: number;
  width: number;
  height: number;
  weight: number;
  mask: string | null;
}

/** What was done, newest first; `next` is `before` of the next page. */
export interface AuditList {
  entries: Array<Entry>;
  next?: number | null;
}

/** An axis: its kind, what it is called, and its values with their labels. */
export interface AxisBody {
  kind: string;
  name: string;
  of: string;
  title: string;
  values: Array<JsonValue>;
  labels: Array<string>;
}

/** A kind of axis, and the values that can be chosen. */
export interface AxisKind {
  kind: string;
  name: string;
  choices: Array<string>;
}

/** All kinds of axes, those used most first. */
export interface AxisKinds {
  kinds: Array<AxisKind>;
}

/** An axis as it is asked for: a kind (a field, or one of A1111's names) and its values, as a list or in A1111's notation. */
export interface AxisWish {
  kind: string;
  values: string | Array<JsonValue>;
  of: string;
}

/** A place that makes pictures. `told` says where it is and what is sent there; `accepted`: somebody has confirmed that. */
export interface BackendBody {
  name: string;
  title: string;
  kind: string;
  on: boolean;
  accepted: boolean;
  told: string;
  key: string;
  needs_key: boolean;
  previews: boolean;
  cancels: boolean;
  resumes: boolean;
  running: number;
  models: Array<BackendModel>;
}

/** All backends; who is no admin sees those that are on. */
export interface BackendList {
  backends: Array<BackendBody>;
}

/** A model of a backend. `honours` names the request's fields that it uses (`*`: all), besides those that every place does. */
export interface BackendModel {
  name: string;
  title: string;
  honours: Array<string>;
  modes: Array<"txt2img" | "img2img" | "inpaint" | "extras">;
  width: number;
  height: number;
  steps: number;
  guidance: number;
  sampler: string;
  schedule: string;
  sizes: Array<Array<unknown>>;
  ranges?: Record<string, Array<unknown>>;
  choices?: Record<string, Array<string>>;
  pictures: number;
  price?: number | null;
  note: string;
  picture_bytes: number;
  picture_pixels: number;
  picture_side: number;
  picture_least: number;
}

/** What to change. A `key` is kept where only this machine's owner can read it; an empty one is forgotten. */
export interface BackendWish {
  on?: boolean | null;
  accepted?: boolean | null;
  key?: string | null;
}

/** Forward passes since the engine started: how many, how many jobs they answered, their seconds, and the seconds that jobs waited. */
export interface BatchStats {
  passes: number;
  answered: number;
  seconds: number;
  waited: number;
}

/** The user stopped the job; finished pictures are kept. `step` of `steps` is where. */
export interface Cancelled {
  job_id: string;
  seq: number;
  at: string | null;
  engine_seconds: number;
  type: "cancelled";
  step: number;
  steps: number;
}

/** A cell with its pictures. */
export interface CellBody {
  number: number;
  x: number;
  y: number;
  z: number;
  job_id: string | null;
  state: "planned" | "queued" | "running" | "done" | "failed" | "cancelled";
  error: string;
  images: Array<ImageWithRequest>;
}

/** The pictures that were changed, the token that takes it back, and what could not be changed, in words. */
export interface Changed {
  ids: Array<string>;
  undo: string;
  left_out: Array<string>;
}

/** What is to be kept of a model; what is left out stays as it is. `defaults` are values of a request, such as `{"steps": 30}`. */
export interface Changes {
  notes?: JsonValue;
  favourite?: JsonValue;
  tags?: JsonValue;
  trigger?: JsonValue;
  weight?: JsonValue;
  defaults?: JsonValue;
}

/** Pictures that somebody put together; with a query, those that it finds. */
export interface Collection {
  number: number;
  name: string;
  query: string;
  count: number;
}

/** A collection's name, and the query that fills it; without one it is filled by hand. */
export interface CollectionName {
  name: string;
  query: string;
}

/** Your collections, by name. */
export interface Collections {
  collections: Array<Collection>;
}

/** How many pictures the places of the gallery have, and for a query without any, which part of it is in the way. */
export interface Counts {
  total: number;
  nearest?: Nearest | null;
}

/** Find regions such as faces, paint each again at full size, and put it back: outside the masks no pixel changes. */
export interface DetailStep {
  kind: "detail";
  detector: string;
  regions: Array<Array<unknown>>;
  prompt: string;
  negative_prompt: string;
  confidence: number;
  strength: number;
  order: "left to right" | "center to edge" | "large to small" | "confidence";
  limit: number;
  limit_by: "size" | "confidence";
  smallest: number;
  largest: number;
  grow: number;
  offset_x: number;
  offset_y: number;
  mask_blur: number;
  merge: "none" | "merge" | "merge and invert";
  padding: number;
  width: number;
  height: number;
  steps: number;
  guidance: number | null;
  sampler: string;
  schedule: string;
  checkpoint: string;
  clip_skip: number;
}

/** The detectors' names, and why files of theirs are not among them. */
export interface DetectorList {
  detectors: Array<string>;
  refused: Record<string, string>;
}

/** All pictures of the job are saved. */
export interface Done {
  job_id: string;
  seq: number;
  at: string | null;
  engine_seconds: number;
  type: "done";
  notes: Array<string>;
  seconds: number;
}

/** Dynamic thresholding (CFG-Fix): a high CFG scale whose values spread as far as those of a lower one. */
export interface DynamicThresholding {
  mimic_scale: number;
  threshold_percentile: number;
  mimic_mode: "Constant" | "Linear Down" | "Cosine Down" | "Half Cosine Down" | "Linear Up" | "Cosine Up" | "Half Cosine Up" | "Power Up" | "Power Down" | "Linear Repeating" | "Cosine Repeating" | "Sawtooth";
  mimic_scale_min: number;
  cfg_mode: "Constant" | "Linear Down" | "Cosine Down" | "Half Cosine Down" | "Linear Up" | "Cosine Up" | "Half Cosine Up" | "Power Up" | "Power Down" | "Linear Repeating" | "Cosine Repeating" | "Sawtooth";
  cfg_scale_min: number;
  sched_val: number;
  separate_feature_channels: "enable" | "disable";
  scaling_startpoint: "MEAN" | "ZERO";
  variability_measure: "AD" | "STD";
  interpolate_phi: number;
}

/** An engine's status as subscribers see it. */
export interface EngineStatus {
  name: string;
  device: string;
  node: string;
  state: string;
  loaded: string;
  warm: Array<string>;
  resident: number;
  device_used: number;
  device_total: number;
  message: string;
  job_id: string;
  jobs: Array<string>;
  batch: BatchStats;
}

/** All engines, and what of the program itself does not work: the data of `event: engine`. */
export interface Engines {
  engines: Array<EngineStatus>;
  paused: boolean;
  troubles: Array<string>;
}

/** One thing that was done. `did` goes on after the name: "paused the queue". */
export interface Entry {
  number: number;
  at: string;
  who: string;
  did: string;
}

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
  finish: Array<UpscaleStep | SdUpscaleStep | RestoreStep | DetailStep | MatchColorsStep | SharpenStep | GrainStep | FormatStep | ExtensionStep>;
  upscale_tile: number;
  upscale_overlap: number;
  seed: number | string;
}

/** The jobs of a call of Extras, in order, and which files of the folder were passed over. */
export interface ExtrasJobs {
  jobs: Array<JobBody>;
  passed_over: Array<PassedOverFile>;
}

/** The job ended with an error; finished pictures are kept. */
export interface Failed {
  job_id: string;
  seq: number;
  at: string | null;
  engine_seconds: number;
  type: "failed";
  error: JobError;
}

/** What is under the mask at the start, in the order of A1111's numbers. */
export type Fill = "fill" | "original" | "latent noise" | "latent nothing";

/** What a template becomes for each seed. */
export interface Filled {
  prompts: Array<string>;
}

/** A prompt as it was written, with `{a|b}` and `__wildcards__`, and what each picture of the job has in its place. */
export interface FilledTemplate {
  text: string;
  filled: Array<string>;
}

/** A request over all pictures of a folder of the server's machine, whole paths. */
export interface FolderWish {
  folder: string;
  masks: string;
  prompts: "request" | "metadata" | "files";
  own_sizes: boolean;
  request?: Record<string, JsonValue>;
  axes: Array<AxisWish>;
  title: string;
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

/** FreeU: more of what comes from below, less of the low frequencies that skip (Si et al. 2023, arXiv:2309.11497, version 2). */
export interface FreeUOptions {
  b1: number;
  b2: number;
  s1: number;
  s2: number;
  start: number;
  end: number;
}

/** `kind` is for a download that failed because that was not known. */
export interface Further {
  kind: string;
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
  init_upscaler: string;
  mask_blur: number;
  mask_round: boolean;
  fill: Fill;
  only_masked: boolean;
  padding: number;
  invert_mask: boolean;
  soft_inpaint: SoftInpaint | null;
  outpaint: OutpaintOptions | null;
  exact_steps: boolean;
  noise_multiplier: number;
  extra_noise: number;
  color_correction: boolean;
  mask_weight: number;
  image_guidance: number;
  hires: HiresOptions | null;
  blend: PromptBlend | null;
  regions: RegionOptions | null;
  tiles: TileOptions | null;
  freeu: FreeUOptions | null;
  sag: SelfAttentionGuidance | null;
  pag: PerturbedAttentionGuidance | null;
  dynamic_thresholding: DynamicThresholding | null;
  latent_modifier: LatentModifier | null;
  hrfix: KohyaHrFix | null;
  token_merging: TokenMerging | null;
  upscale_tile: number;
  upscale_overlap: number;
  finish: Array<UpscaleStep | SdUpscaleStep | RestoreStep | DetailStep | MatchColorsStep | SharpenStep | GrainStep | FormatStep | ExtensionStep>;
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

/** A grid: its axes, its base request, and how many of its cells are in which state. */
export interface GridBody {
  id: string;
  owner: string;
  title: string;
  state: "active" | "done" | "cancelled";
  priority: number;
  created: number;
  counts: Record<string, number>;
  total: number;
  sides: Array<number>;
  axes: Array<AxisBody>;
  request: Record<string, JsonValue>;
}

/** How many values the axes have, and how many cells that are. */
export interface GridCount {
  sides: Array<number>;
  cells: number;
}

/** Several grids. */
export interface GridList {
  grids: Array<GridBody>;
}

/** A grid over a folder's pictures, and which files of the folder were passed over. */
export interface GridOfFolder {
  id: string;
  owner: string;
  title: string;
  state: "active" | "done" | "cancelled";
  priority: number;
  created: number;
  counts: Record<string, number>;
  total: number;
  sides: Array<number>;
  axes: Array<AxisBody>;
  request: Record<string, JsonValue>;
  passed_over: Array<PassedOverFile>;
}

/** Where a job stands in a grid: said in its pictures. `labels` are "Steps: 20" and the like, one an axis. */
export interface GridPlace {
  grid: string;
  title: string;
  cell: Array<unknown>;
  labels: Array<string>;
}

/** A grid as it is asked for. `new_seeds`: every cell has its own seed instead of all the same. */
export interface GridWish {
  request?: Record<string, JsonValue>;
  axes: Array<AxisWish>;
  title: string;
  new_seeds: boolean;
  priority: number;
}

/** A grid with all its cells. */
export interface GridWithCells {
  id: string;
  owner: string;
  title: string;
  state: "active" | "done" | "cancelled";
  priority: number;
  created: number;
  counts: Record<string, number>;
  total: number;
  sides: Array<number>;
  axes: Array<AxisBody>;
  request: Record<string, JsonValue>;
  cells: Array<CellBody>;
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

/** What is told of somebody else's job. */
export interface HiddenJobEvent {
  type: "queued" | "started" | "step" | "done" | "failed" | "cancelled";
  job_id: string;
  seq: number;
  step: number;
  steps: number;
  phase: string;
  batch: number;
  batches: number;
  error: JobError | null;
}

/** The second pass ("Hires. fix"): enlarge the first picture and paint over it. */
export interface HiresOptions {
  scale: number;
  width: number;
  height: number;
  steps: number;
  strength: number;
  upscaler: string;
  checkpoint: string | null;
  sampler: string | null;
  schedule: string | null;
  guidance: number | null;
  prompt: string;
  negative_prompt: string;
}

/** A webhook as it may be shown. `trouble`: why its last delivery was given up or waits. */
export interface HookBody {
  id: string;
  owner: string;
  url: string;
  events: Array<"done" | "failed" | "cancelled">;
  created: string;
  trouble: string;
  active: boolean;
}

/** Several webhooks. */
export interface HookList {
  webhooks: Array<HookBody>;
}

/** A webhook to be kept: an address on the internet, and the endings of jobs that are told to it. */
export interface HookWish {
  url: string;
  events: Array<"done" | "failed" | "cancelled">;
}

/** A picture with its address. */
export interface ImageBody {
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
  url: string;
}

/** A picture's id. */
export interface ImageId {
  id: string;
}

/** A page of pictures, newest first, and how many there are in all. */
export interface ImageList {
  images: Array<ImageWithRequest>;
  total: number;
}

/** A finished picture with its address. */
export interface ImageMade {
  job_id: string;
  seq: number;
  at: string | null;
  type: "image";
  record: ImageBody;
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

/** A picture with the request that it was made with; an upload has none. `source` is the picture that Extras made it of. */
export interface ImageWithRequest {
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
  url: string;
  request: GenerationRequest | null;
  source: string | null;
  number: number;
  rating: number;
  flag: number;
  session: number;
}

/** Who is to be invited, as what. */
export interface Invitation {
  name: string;
  role: "guest" | "member" | "owner";
}

/** An invitation that was just made: its link, and that as a QR code (SVG). They are in this answer and nowhere else. */
export interface Invited {
  id: string;
  name: string;
  role: "guest" | "member" | "owner";
  created: string;
  ended?: string | null;
  link: string;
  qr: string;
  closed: string;
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
  grid: GridPlace | null;
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
  plan: Plan | null;
  idempotency_key: string | null;
  created: string;
  started: string | null;
  finished: string | null;
  error: JobError | null;
  images: Array<ImageBody>;
  notes: Array<string>;
  grid: GridPlace | null;
  cost: number;
  mine: boolean;
  progress: Progress | null;
}

/** Why a job failed: `kind` is the error class, `message` what is wrong, `advice` what to do, `field` where if it is the request. */
export interface JobError {
  kind: string;
  message: string;
  advice: string;
  field: string | null;
}

/** The data of one event of a job's stream. */
export type JobEventBody = Queued | Started | StepDone | Preview | ImageMade | Done | Failed | Cancelled | HiddenJobEvent;

/** Jobs in order of submission. */
export interface JobList {
  jobs: Array<JobBody>;
}

export type JsonValue = unknown;

/** One key as it may be shown. A scope includes those before it: read, generate, admin. */
export interface KeyBody {
  id: string;
  owner: string;
  name: string;
  scopes: Array<"read" | "generate" | "admin">;
  created: string;
}

/** Several keys. */
export interface KeyList {
  keys: Array<KeyBody>;
}

/** A key to be made. `owner` is yourself where it is left out; another's, and the scope admin, only an admin may ask for. */
export interface KeyWish {
  name: string;
  scopes: Array<"read" | "generate" | "admin">;
  owner: string;
}

/** The tags of the page's languages, and what is wrong with files of words, by path. */
export interface KnownLanguages {
  languages: Array<string>;
  errors: Record<string, string>;
}

/** Kohya's HRFix: the network sees a smaller canvas at first, so that large pictures keep one subject. */
export interface KohyaHrFix {
  block_number: number;
  downscale_factor: number;
  start_percent: number;
  end_percent: number;
  downscale_after_skip: boolean;
  downscale_method: "bicubic" | "nearest-exact" | "bilinear" | "area";
  upscale_method: "bicubic" | "nearest-exact" | "bilinear" | "area";
}

/** Changes of the prediction within guidance: softer or sharper, fewer extremes, less contrast. */
export interface LatentModifier {
  sharpness_multiplier: number;
  sharpness_method: "anisotropic";
  tonemap_multiplier: number;
  tonemap_method: "reinhard";
  tonemap_percentile: number;
  rescale_cfg_phi: number;
}

/** A webhook that was just made, with the secret that its deliveries are signed with. */
export interface MadeHook {
  id: string;
  owner: string;
  url: string;
  events: Array<"done" | "failed" | "cancelled">;
  created: string;
  trouble: string;
  active: boolean;
  secret: string;
}

/** A key that was just made, with its text. */
export interface MadeKey {
  id: string;
  owner: string;
  name: string;
  scopes: Array<"read" | "generate" | "admin">;
  created: string;
  key: string;
}

/** Give the picture the colours of another one, and keep its own light. */
export interface MatchColorsStep {
  kind: "match_colors";
  image: string | null;
  visibility: number;
}

/** Who asks. `named`: the name was chosen; `invited`: it is an invitation's and stays; `can` says `may` in words. */
export interface Me {
  name: string;
  role: "guest" | "member" | "owner";
  named: boolean;
  invited: boolean;
  shared: boolean;
  may: Array<"look" | "make" | "keys" | "webhooks" | "settings" | "extensions" | "queue" | "models" | "styles" | "backends" | "folders" | "people">;
  can: Array<string>;
  sees: string;
}

/** A month ("2026-11", in the server's time) in which so many pictures were made. */
export interface Month {
  month: string;
  count: number;
}

/** The months of pictures, newest first. */
export interface Months {
  months: Array<Month>;
}

/** A name for whose pictures these are; empty is none. */
export interface NameWish {
  name: string;
}

/** For a query without a picture: the same without one of its parts, and how many pictures that finds. */
export interface Nearest {
  without: string;
  query: string;
  count: number;
}

/** Outpainting: the start picture gets new sides, which are painted as if they were masked. */
export interface OutpaintOptions {
  left: number;
  right: number;
  top: number;
  bottom: number;
  fill: "edge" | "mirror" | "noise" | "telea" | "patch match";
  overlap: number;
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

/** The data of one event of a page's stream; `event:` says which. */
export type PageEvent = Snapshot | Engines | JobBody | Queued | Started | StepDone | Preview | ImageMade | Done | Failed | Cancelled | HiddenJobEvent | Alive;

/** The parameters text inside a picture. */
export interface ParametersText {
  text: string;
}

/** A file of a folder that was left alone, and why. */
export interface PassedOverFile {
  name: string;
  why: string;
}

/** Whether the queue is paused now. */
export interface PausedBody {
  paused: boolean;
}

/** Everybody who is or was invited. `closed` says why a link would not work now. */
export interface People {
  people: Array<Person>;
  closed: string;
}

/** Who was invited. `ended`: it was taken back then. */
export interface Person {
  id: string;
  name: string;
  role: "guest" | "member" | "owner";
  created: string;
  ended?: string | null;
}

/** Perturbed-attention guidance: away from a prediction in whose middle no place regards another (Ahn et al. 2024, arXiv:2403.17377). */
export interface PerturbedAttentionGuidance {
  scale: number;
  attenuation: number;
  start_step: number;
  end_step: number;
}

/** How the machine makes the pictures; fixed at the first attempt so that a retry gives the same pixels. */
export interface Plan {
  device: string;
  dtype: "float32" | "bfloat16" | "float16";
  attention: "sdpa" | "xformers" | "tiled";
  threads: number;
  channels_last: boolean;
  packed: boolean;
  weights: "full" | "half" | "int8";
  offload: "none" | "model" | "sequential";
  work: number;
  peak: number;
  rows: number;
  narrowed: boolean;
  vae_tiles: boolean;
}

/** Fields of a request under a name; what it does not say stays as it is by default. */
export interface Preset {
  name: string;
  request?: Record<string, JsonValue>;
}

/** Several presets. */
export interface PresetList {
  presets: Array<Preset>;
}

/** A newer preview frame exists (`GET /api/v1/jobs/{id}/preview`). `data`, a JPEG, is left out of JSON: it travels beside the event. */
export interface Preview {
  job_id: string;
  seq: number;
  at: string | null;
  type: "preview";
  frame: number;
  width: number;
  height: number;
}

/** How often (seconds; 0 is never) and how one job's preview frames are made; None is as the settings say. */
export interface PreviewChoice {
  period: number | null;
  method: "linear" | "taesd" | "full" | null;
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

/** A second prompt, and how far the conditioning has gone in a straight line from the prompt to it. */
export interface PromptBlend {
  prompt: string;
  share: number;
}

/** Prompts that were used. */
export interface PromptList {
  prompts: Array<UsedPrompt>;
}

/** The waiting jobs in the order they will run, and the asker's own limits. */
export interface QueueBody {
  waiting: Array<WaitingJob>;
  paused: boolean;
  limits: Array<QuotaBody>;
}

/** The job waits: just submitted, or put back after an engine's death (`reason` says so). */
export interface Queued {
  job_id: string;
  seq: number;
  at: string | null;
  type: "queued";
  attempt: number;
  reason: string;
}

/** One limit of one owner, and what is left of it. `renews` is null where it renews as jobs end. */
export interface QuotaBody {
  name: "jobs" | "megapixels" | "minutes" | "pictures" | "uploads" | "storage";
  limit: number;
  used: number;
  left: number;
  renews: string | null;
}

/** A part of a picture that a detector found: left, top, right, bottom in pixels. */
export interface RegionBody {
  box: Array<unknown>;
  confidence: number;
  label: string;
}

/** What a step would paint again in a picture of this size, in order. `masks` are PNGs in base64, as soft as they are used. */
export interface RegionList {
  width: number;
  height: number;
  regions: Array<RegionBody>;
  masks: Array<string>;
  notes: Array<string>;
}

/** Regional prompts: what each area's prompt makes counts where it lies, and the prompt's below and beside them. */
export interface RegionOptions {
  areas: Array<Area>;
  base: number;
  method: "latent" | "attention";
}

/** A picture by its id, and the step `detail` whose regions are asked for. */
export interface RegionsBody {
  image: string;
  step: DetailStep;
  masks: boolean;
}

/** How a start picture is brought to the size, in the order of A1111's numbers. */
export type ResizeMode = "Just resize" | "Crop and resize" | "Resize and fill" | "Just resize (latent upscale)";

/** Find faces and mend each by a network (GFPGAN, RestoreFormer, CodeFormer). */
export interface RestoreStep {
  kind: "restore";
  model: string;
  visibility: number;
  fidelity: number;
  aligned: boolean;
  detector: string;
  confidence: number;
}

/** What a person is to be from now on. */
export interface RoleWish {
  role: "guest" | "member" | "owner";
}

/** The machine at one moment: seconds since 1970, percent, bytes, jobs, steps a second. */
export interface Sample {
  at: number;
  cpu: number;
  memory: number;
  memory_total: number;
  device_used: number;
  device_total: number;
  engines_memory: number;
  queue: number;
  speed: number;
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

/** Enlarge the picture, then paint over it in tiles that see their surroundings, and over the seams between them. */
export interface SdUpscaleStep {
  kind: "sd_upscale";
  upscaler: string;
  scale: number;
  strength: number;
  seams: "none" | "bands" | "half tile" | "half tile and intersections";
  prompt: string;
  negative_prompt: string;
  width: number;
  height: number;
  padding: number;
  mask_blur: number;
  order: "rows" | "chess";
  seam_strength: number;
  seam_width: number;
  seam_padding: number;
  steps: number;
  guidance: number | null;
  sampler: string;
  schedule: string;
  checkpoint: string;
  clip_skip: number;
}

/** Pictures: by their ids, or all that a query finds but for those with the ids in `without`. */
export interface Selection {
  ids?: Array<string> | null;
  q?: string | null;
  place: "pictures" | "bin";
  without: Array<string>;
}

/** What is to become of some pictures. */
export interface SelectionChanges {
  rating?: number | null;
  flag?: number | null;
  trashed?: boolean | null;
  collection?: string | null;
  leave?: string | null;
  ids?: Array<string> | null;
  q?: string | null;
  place: "pictures" | "bin";
  without: Array<string>;
}

/** Self-attention guidance: away from a prediction whose most regarded places were blurred (Hong et al. 2022, arXiv:2210.00939). */
export interface SelfAttentionGuidance {
  scale: number;
  blur_sigma: number;
  threshold: number;
}

/** Pictures made in one go: how many are there, when, around which prompt, and what changed among them ("CFG 5 → 7", "seed"). */
export interface Session {
  number: number;
  count: number;
  first: number;
  last: number;
  prompt: string;
  changed: Array<string>;
}

/** Sessions, as far as something of them is there. */
export interface Sessions {
  sessions: Array<Session>;
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

/** The Settings tab: also the file that they are kept in, and what the asker may do. */
export interface SettingsPage {
  sections: Array<SettingSection>;
  file: string;
  admin: boolean;
  may: Array<"look" | "make" | "keys" | "webhooks" | "settings" | "extensions" | "queue" | "models" | "styles" | "backends" | "folders" | "people">;
}

/** Raise the contrast of edges (unsharp mask). */
export interface SharpenStep {
  kind: "sharpen";
  radius: number;
  amount: number;
  threshold: number;
}

/** A model as the shelf shows it: `added` and `used` (by who asks; 0 where never) in seconds, `size` in bytes. */
export interface ShelfCard {
  id: string;
  kind: string;
  name: string;
  alias: string;
  title: string;
  family: string;
  family_title: string;
  size: number;
  added: number;
  preview: string;
  triggers: Array<string>;
  notes: string;
  favourite: boolean;
  weight: number | null;
  error: string;
  used: number;
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

/** Everything as it is now: the data of `event: snapshot`, the first of a page's stream. */
export interface Snapshot {
  engines: Array<EngineStatus>;
  paused: boolean;
  troubles: Array<string>;
  jobs: Array<JobBody>;
  images: Array<ImageWithRequest>;
  total: number;
  waiting: Array<WaitingJob>;
  models: string;
  owner: string;
  admin: boolean;
  named: boolean;
  shared: boolean;
  role: "guest" | "member" | "owner";
  invited: boolean;
  may: Array<"look" | "make" | "keys" | "webhooks" | "settings" | "extensions" | "queue" | "models" | "styles" | "backends" | "folders" | "people">;
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

/** An engine took the job; `plan` is how it will run. */
export interface Started {
  job_id: string;
  seq: number;
  at: string | null;
  type: "started";
  attempt: number;
  engine: string;
  plan: Plan | null;
}

/** Progress. `step` of `steps` within `phase` of picture batch `batch` of `batches`. `steps` 0: the length is not known. */
export interface StepDone {
  job_id: string;
  seq: number;
  at: string | null;
  type: "step";
  phase: "loading" | "encoding" | "sampling" | "hires" | "decoding" | "upscaling" | "finishing";
  step: number;
  steps: number;
  batch: number;
  batches: number;
  detail: string;
}

/** What a step of the finish chain asks for; `names` says which list of names it chooses from. */
export interface StepField {
  name: string;
  label: string;
  info: string;
  kind: "number" | "text" | "choice" | "check" | "list" | "picture" | "regions";
  value: unknown;
  choices: Array<string>;
  low: number | null;
  high: number | null;
  step: number | null;
  names: "" | "upscaler" | "face_restorer" | "detector" | "sampler" | "schedule" | "checkpoint";
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
  detector: Array<string>;
  sampler: Array<string>;
  schedule: Array<string>;
  checkpoint: Array<string>;
}

/** How many jobs were stopped. */
export interface Stopped {
  stopped: number;
}

/** One row. `{prompt}` in it is where the caller's words go; without that it stands behind them. `path` is its file. */
export interface Style {
  name: string;
  prompt: string | null;
  negative_prompt: string | null;
  path: string;
}

/** All styles, and what was wrong with the files they come from. */
export interface StyleList {
  styles: Array<Style>;
  notes: Array<string>;
}

/** The job that a form has become. */
export interface Submitted {
  job: Job;
}

/** A part of a query that could be meant, and how many pictures have it. */
export interface Suggestion {
  text: string;
  count?: number | null;
}

/** What the last part of a query may become. */
export interface Suggestions {
  suggestions: Array<Suggestion>;
}

/** Samples of the last minutes, the newest last. */
export interface SystemBody {
  samples: Array<Sample>;
}

/** A prompt to fill for some seeds. */
export interface Template {
  text: string;
  seeds: Array<number>;
}

/** Tiled diffusion: at each step the network sees overlapping tiles of a large canvas, whose predictions become one. */
export interface TileOptions {
  method: "multidiffusion" | "mixture";
  width: number;
  height: number;
  overlap: number;
}

/** How long a prompt is for the text encoder, and how long it may be before it is cut into chunks. */
export interface TokenCount {
  count: number;
  limit: number;
}

/** Token merging: like tokens ask as one, which is faster (Bolya & Hoffman 2023, arXiv:2303.17604). */
export interface TokenMerging {
  ratio: number;
  hires_ratio: number;
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

/** Both prompts as they were written: with their templates, where they had some. */
export interface UsedPrompt {
  prompt: string;
  negative_prompt: string;
  job_id: string;
}

/** A job's place in the line from 1, seconds until it starts and for itself; null where nobody can know. */
export interface WaitingJob {
  id: string;
  place: number;
  starts_in: number | null;
  takes: number | null;
}

/** `source` is `hf:owner/repository[:file]`, `civitai:VERSION` or an address; `kind` is for what its site does not say. */
export interface Wanted {
  source: string;
  file: string;
  kind: string;
}

/** A list of words as it is shown: `error` says why it cannot be used, `note` what is odd about its file. */
export interface Wildcard {
  name: string;
  values: number;
  path: string;
  error: string;
  note: string;
}

/** The first lines of what a name or pattern means, and how many there are. */
export interface WildcardLines {
  name: string;
  lines: Array<string>;
  total: number;
}

/** All wildcards by name, and the folders that they are looked for in, the first being Darkroom's own. */
export interface WildcardList {
  wildcards: Array<Wildcard>;
  folders: Array<string>;
}

/** The routes of the API. */
export interface Routes {
  "GET /api/v1/audit": { query?: { before?: number | null; limit?: number; }; answer: AuditList; };
  "GET /api/v1/backends": { query?: { models?: boolean; }; answer: BackendList; };
  "GET /api/v1/backends/model": { query: { where: string; checkpoint: string; }; answer: BackendModel; };
  "PATCH /api/v1/backends/{name}": { path: { name: string; }; json: Sent<BackendWish>; answer: BackendBody; };
  "POST /api/v1/backends/{name}/accept": { path: { name: string; }; answer: BackendBody; };
  "GET /api/v1/capabilities": { answer: any; };
  "GET /api/v1/collections": { answer: Collections; };
  "POST /api/v1/collections": { json: Sent<CollectionName, "name">; answer: Collections; };
  "PATCH /api/v1/collections/{number}": { path: { number: number; }; json: Sent<CollectionName, "name">; answer: Collections; };
  "DELETE /api/v1/collections/{number}": { path: { number: number; }; answer: Collections; };
  "GET /api/v1/detectors": { answer: DetectorList; };
  "GET /api/v1/events": { query?: { after?: number | null; }; answer: PageEvent; };
  "POST /api/v1/extras": { json: Sent<ExtrasBody, "finish">; answer: ExtrasJobs; };
  "POST /api/v1/grids": { json: Sent<GridWish, "axes">; answer: GridBody; };
  "GET /api/v1/grids": { query?: { after?: string; limit?: number; }; answer: GridList; };
  "GET /api/v1/grids/axes": { answer: AxisKinds; };
  "POST /api/v1/grids/count": { json: Sent<GridWish, "axes">; answer: GridCount; };
  "POST /api/v1/grids/folder": { json: Sent<FolderWish, "folder">; answer: GridOfFolder; };
  "GET /api/v1/grids/{grid_id}": { path: { grid_id: string; }; answer: GridWithCells; };
  "DELETE /api/v1/grids/{grid_id}": { path: { grid_id: string; }; answer: GridBody; };
  "GET /api/v1/grids/{grid_id}/animation": { path: { grid_id: string; }; query?: { format?: "gif" | "webp" | "mp4"; seconds?: number; side?: number | null; bounce?: boolean; }; answer: Blob; };
  "GET /api/v1/grids/{grid_id}/export": { path: { grid_id: string; }; answer: Blob; };
  "GET /api/v1/grids/{grid_id}/picture": { path: { grid_id: string; }; query?: { format?: "png" | "webp" | "jpeg"; side?: number | null; labels?: boolean; }; answer: Blob; };
  "POST /api/v1/grids/{grid_id}/retry": { path: { grid_id: string; }; query?: { pay_again?: boolean; }; answer: GridBody; };
  "POST /api/v1/grids/{grid_id}/values": { path: { grid_id: string; }; json: { axis: "x" | "y" | "z"; values: string | Array<unknown>; }; answer: GridBody; };
  "GET /api/v1/images": { query?: { after?: string; limit?: number; q?: string; sort?: "newest" | "oldest" | "rating" | "largest"; place?: "pictures" | "bin"; search?: string; }; answer: ImageList; };
  "PATCH /api/v1/images": { json: Sent<SelectionChanges>; answer: Changed; };
  "POST /api/v1/images": { answer: ImageWithRequest; };
  "GET /api/v1/images/count": { query?: { q?: string; sort?: "newest" | "oldest" | "rating" | "largest"; place?: "pictures" | "bin"; search?: string; }; answer: Counts; };
  "GET /api/v1/images/layout": { query?: { q?: string; sort?: "newest" | "oldest" | "rating" | "largest"; place?: "pictures" | "bin"; search?: string; }; answer: Blob; };
  "GET /api/v1/images/months": { query?: { q?: string; sort?: "newest" | "oldest" | "rating" | "largest"; place?: "pictures" | "bin"; search?: string; }; answer: Months; };
  "GET /api/v1/images/numbered": { query: { numbers: string; }; answer: ImageList; };
  "POST /api/v1/images/purge": { json: Sent<Selection>; answer: Changed; };
  "GET /api/v1/images/sessions": { query: { numbers: string; }; answer: Sessions; };
  "GET /api/v1/images/suggest": { query?: { q?: string; }; answer: Suggestions; };
  "POST /api/v1/images/undo/{token}": { path: { token: string; }; answer: Changed; };
  "POST /api/v1/images/zip": { json: Sent<Selection>; answer: Blob; };
  "GET /api/v1/images/{image_id}": { path: { image_id: string; }; query?: { download?: boolean; }; answer: Blob; };
  "DELETE /api/v1/images/{image_id}": { path: { image_id: string; }; answer: ImageId; };
  "GET /api/v1/images/{image_id}/parameters": { path: { image_id: string; }; answer: ParametersText; };
  "GET /api/v1/images/{image_id}/read": { path: { image_id: string; }; answer: Blob; };
  "GET /api/v1/images/{image_id}/request": { path: { image_id: string; }; answer: ImageWithRequest; };
  "POST /api/v1/images/{image_id}/restore": { path: { image_id: string; }; answer: ImageWithRequest; };
  "GET /api/v1/images/{image_id}/thumb": { path: { image_id: string; }; query?: { size?: number; }; answer: Blob; };
  "POST /api/v1/jobs": { query?: { priority?: number; }; json: Sent<GenerationRequest>; answer: JobBody; };
  "GET /api/v1/jobs": { query?: { state?: string; after?: string; search?: string; limit?: number; newest?: boolean; }; answer: JobList; };
  "DELETE /api/v1/jobs": { answer: Stopped; };
  "GET /api/v1/jobs/{job_id}": { path: { job_id: string; }; answer: JobBody; };
  "DELETE /api/v1/jobs/{job_id}": { path: { job_id: string; }; query?: { how?: "stop" | "skip" | "after"; }; answer: JobBody; };
  "POST /api/v1/jobs/{job_id}/again": { path: { job_id: string; }; query?: { new_seed?: boolean; }; answer: JobBody; };
  "GET /api/v1/jobs/{job_id}/events": { path: { job_id: string; }; query?: { after?: number; }; answer: JobEventBody; };
  "POST /api/v1/jobs/{job_id}/move": { path: { job_id: string; }; query: { to: "up" | "down" | "top"; }; answer: JobBody; };
  "GET /api/v1/jobs/{job_id}/preview": { path: { job_id: string; }; answer: Blob; };
  "PUT /api/v1/jobs/{job_id}/preview": { path: { job_id: string; }; query?: { period?: number | null; method?: "linear" | "taesd" | "full" | null; }; answer: PreviewChoice; };
  "POST /api/v1/jobs/{job_id}/retry": { path: { job_id: string; }; query?: { pay_again?: boolean; }; answer: JobBody; };
  "GET /api/v1/keys": { answer: KeyList; };
  "POST /api/v1/keys": { json: Sent<KeyWish>; answer: MadeKey; };
  "DELETE /api/v1/keys/{key_id}": { path: { key_id: string; }; answer: KeyBody; };
  "GET /api/v1/me": { answer: Me; };
  "PATCH /api/v1/me": { json: Sent<NameWish, "name">; answer: Me; };
  "GET /api/v1/models": { query?: { kind?: string; family?: string; base?: string; tag?: string; q?: string; favourite?: boolean; broken?: boolean | null; sort?: "name" | "-name" | "added" | "-added" | "size" | "-size" | "kind" | "-kind"; cursor?: string; limit?: number; }; answer: any; };
  "GET /api/v1/models/conversions": { answer: any; };
  "DELETE /api/v1/models/conversions/{conversion_id}": { path: { conversion_id: string; }; answer: any; };
  "GET /api/v1/models/downloads": { answer: any; };
  "POST /api/v1/models/downloads": { json: Sent<Wanted, "source">; answer: any; };
  "GET /api/v1/models/downloads/{download_id}": { path: { download_id: string; }; answer: any; };
  "DELETE /api/v1/models/downloads/{download_id}": { path: { download_id: string; }; answer: any; };
  "POST /api/v1/models/downloads/{download_id}/pause": { path: { download_id: string; }; answer: any; };
  "POST /api/v1/models/downloads/{download_id}/resume": { path: { download_id: string; }; json?: Further | null; answer: any; };
  "GET /api/v1/models/duplicates": { answer: any; };
  "POST /api/v1/models/export": { answer: any; };
  "POST /api/v1/models/offers": { json: Sent<Address, "source">; answer: any; };
  "GET /api/v1/models/overview": { answer: any; };
  "GET /api/v1/models/search": { query?: { site?: "hf" | "civitai"; q?: string; kind?: string; cursor?: string; }; answer: any; };
  "GET /api/v1/models/search/pictures/{key}": { path: { key: string; }; answer: Blob; };
  "GET /api/v1/models/starters": { answer: any; };
  "GET /api/v1/models/unused": { query?: { days?: number; }; answer: any; };
  "DELETE /api/v1/models/{model_id}": { path: { model_id: string; }; answer: any; };
  "GET /api/v1/models/{model_id}": { path: { model_id: string; }; answer: any; };
  "PATCH /api/v1/models/{model_id}": { path: { model_id: string; }; json: Sent<Changes>; answer: any; };
  "POST /api/v1/models/{model_id}/convert": { path: { model_id: string; }; json: Sent<Anew>; answer: any; };
  "POST /api/v1/models/{model_id}/export": { path: { model_id: string; }; answer: any; };
  "GET /api/v1/models/{model_id}/preview": { path: { model_id: string; }; query?: { size?: number; }; answer: Blob; };
  "POST /api/v1/models/{model_id}/recognise": { path: { model_id: string; }; answer: any; };
  "GET /api/v1/people": { answer: People; };
  "POST /api/v1/people": { json: Sent<Invitation, "name">; answer: Invited; };
  "PATCH /api/v1/people/{person_id}": { path: { person_id: string; }; json: Sent<RoleWish, "role">; answer: Person; };
  "DELETE /api/v1/people/{person_id}": { path: { person_id: string; }; answer: Person; };
  "GET /api/v1/presets": { answer: PresetList; };
  "PUT /api/v1/presets": { json: Sent<Preset, "name">; answer: Preset; };
  "DELETE /api/v1/presets": { query: { name: string; }; answer: PresetList; };
  "GET /api/v1/prompts": { query?: { search?: string; limit?: number; }; answer: PromptList; };
  "GET /api/v1/queue": { answer: QueueBody; };
  "POST /api/v1/queue/free": { answer: PausedBody; };
  "POST /api/v1/queue/pause": { answer: PausedBody; };
  "POST /api/v1/queue/resume": { answer: PausedBody; };
  "POST /api/v1/regions": { json: Sent<RegionsBody, "image">; answer: RegionList; };
  "GET /api/v1/styles": { answer: StyleList; };
  "PUT /api/v1/styles": { json: Sent<Style, "name">; answer: Style; };
  "DELETE /api/v1/styles": { query: { name: string; }; answer: StyleList; };
  "GET /api/v1/system": { answer: SystemBody; };
  "GET /api/v1/webhooks": { answer: HookList; };
  "POST /api/v1/webhooks": { json: Sent<HookWish, "url">; answer: MadeHook; };
  "DELETE /api/v1/webhooks/{hook_id}": { path: { hook_id: string; }; answer: HookBody; };
  "GET /api/v1/wildcards": { answer: WildcardList; };
  "GET /api/v1/wildcards/lines": { query: { name: string; limit?: number; }; answer: WildcardLines; };
  "POST /api/v1/wildcards/try": { json: Sent<Template, "text">; answer: Filled; };
}

/** What is sent: `K` must be, the rest may be left out. */
export type Sent<T, K extends keyof T = never> = Partial<T> & Pick<T, K>;
/** What a route takes besides its headers. */
export type Asked<R extends keyof Routes> = Omit<Routes[R], 'answer'>;
/** Besides what the schema says: a file as the body, and how the call is made. */
export interface Ways {
  body?: Blob;
  headers?: Record<string, string>;
  patience?: number;
}
/** The arguments behind a route's name; none where nothing must be given. */
export type Given<R extends keyof Routes> = Record<never, never> extends Asked<R> ? [given?: Asked<R> & Ways] : [given: Asked<R> & Ways];
/** What a route answers. */
export type Answer<R extends keyof Routes> = Routes[R]['answer'];
