// What the page's scripts share: their one state, and how they know jobs and pictures. The server's own shapes are in api-types.d.ts.

import type { Cancelled, EngineStatus, GenerationRequest, ImageBody, JobBody, OwnDefaults, Progress, QuotaBody, Snapshot, StepKind } from './api-types.d.ts';

export type Mode = GenerationRequest['mode'];
export type SomeRequest = Partial<GenerationRequest>;

/** A picture; an upload has no request. */
export interface PageImage extends Omit<ImageBody, 'url'> {
  url?: string;
  request?: SomeRequest | null;
  number?: number;        // from here on: of those that were listed
  rating?: number;
  flag?: number;
  session?: number;
  begins?: boolean;       // a session begins with it in the gallery
}

/** How far a running job is: the server's last words on it, and what the page works out of them. Times in seconds. */
export interface PageProgress extends Partial<Progress> {
  seen?: Array<{ at: number; step: number }>;
  speed?: number;
  speeds?: Record<string, number | undefined>;
  left?: number;
  done?: number;
  origin?: { at: number; done: number } | null;
  previewWidth?: number;
  previewHeight?: number;
}

/** A job: what the server told, and what only the page knows of it. Other people's have an empty request. */
export interface PageJob extends Partial<Omit<JobBody, 'id' | 'state' | 'request' | 'images' | 'progress'>> {
  id: string;
  state: JobBody['state'];
  request: SomeRequest;
  images?: PageImage[];
  progress?: PageProgress | null;
  seconds?: number;
  stoppedAt?: Cancelled;
  order: number;          // the order in which jobs run, and the server's own once it is known
  number?: number;        // from 1, as people count
  startsIn?: number | null;
  toldAt?: number;        // when `startsIn` was told
  seen?: boolean;         // how it ended was looked at
  stopping?: boolean;
}

/** What the stage says: one name, and where there is something to say a title and a sentence. */
export type Situation = (
  | { name: 'queued' | 'loading' | 'running' | 'failed' | 'stopped'; job: PageJob }
  | { name: 'offline' | 'joining' | 'restarting' | 'first' | 'idle'; job?: PageJob }
) & { title?: string; text?: string };

export interface State {
  mode: Mode;
  tab: string;
  jobs: Map<string, PageJob>;
  images: PageImage[];
  total: number;
  engines: EngineStatus[];
  troubles: string[];
  owner: string;
  named: boolean;
  admin: boolean;
  shared: boolean;
  role: Snapshot['role'];
  invited: boolean;
  may: Snapshot['may'];
  limits: QuotaBody[];
  paused: boolean;
  online: boolean;
  joined: boolean;
  shown: string | null;
  watched: string | null;
  view: 'mask' | 'result' | 'grid' | 'vary';
  source: { image?: string; width?: number; height?: number };
  peek: boolean;
  forever: boolean;
  made: number;
  noCheckpoint?: boolean;
  place: { where: string; told: string; accepted: boolean };
  now: Situation;
}

/** A value of the form: whole numbers that a double cannot hold are texts of their digits. */
export type Value = string | number | boolean | null | undefined;
export type Values = Record<string, Value>;

/** What the browser knows about the form. */
export interface FormFacts {
  names: string[];
  defaults: Values;
  shown: Values;
  labels: Record<string, string>;
  folds: Record<string, string[]>;
  native: Partial<Omit<OwnDefaults, 'unsupported' | 'place' | 'accepted'>>;
  values: Values;
}

/** What a field holds: styles are several names. */
export type FieldValue = Value | string[];

/** [as shown, as a request has it] */
export type Choices = [string, string][];

/** What the server wrote into the page. */
export interface PageFacts extends Omit<FormFacts, 'values'> {
  choices: Record<string, Choices>;
  steps: StepKind[];
  usual: string;
}

/** A field of the form: `show` what the form holds, `held` what was typed before the script ran, `commit` what stands in a box that is not left yet. */
export interface Field {
  show(value: FieldValue): void;
  held(): Value;
  choices?(choices: Choices): void;
  commit?(): void;
}

/** What a refused or failed request throws. */
export interface Problem extends Error {
  field?: string;
  advice?: string;
  status?: number;
}
