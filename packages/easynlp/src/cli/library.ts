import type { z } from 'zod';
import type { EvaluateConfig, PredictConfig, SearchOptions, TrainConfig } from '../config/index.js';
import { EasyNlpError } from '../errors/index.js';
import type { LandOptions, LandResult } from '../landing/index.js';
import type { ModelFolderInfo, ModelInfo } from '../modelzoo/model-catalogue.js';
import type { ProgressStream } from '../trainer/tracking/index.js';

/** The part of the toolkit's public API that the command line uses. */
export interface Library {
  train(config: TrainConfig, run: RunOptions): Promise<TrainOutcome>;
  evaluate(config: EvaluateConfig, run: RunOptions): Promise<EvaluateOutcome>;
  predict(config: PredictConfig, run: RunOptions): Promise<PredictOutcome>;
  /** A model that answers texts one by one. */
  pipeline(task: string | undefined, model: string, options: TextPipelineOptions): Promise<TextPipeline>;
  /** The texts of a corpus that are nearest to queries. */
  search(options: SearchOptions, run: RunOptions): Promise<SearchOutcome>;
  /** Few rows, a large model and a small one: four trained models and a table. */
  land(options: LandOptions, run: RunOptions): Promise<LandResult>;
  /** Tags, keywords and entity words. */
  tagger(options: Readonly<Record<string, unknown>>): Promise<TextAnswerer<TaggedText>>;
  /** Whether texts may pass. */
  moderator(options: Readonly<Record<string, unknown>>): Promise<TextAnswerer<ModeratedText>>;
  /** Thresholds for a precision. */
  decisionReport(options: Readonly<Record<string, unknown>>): Promise<{ readonly text: string }>;
  /** The texts of a file. */
  textsOfFile(path: string, options: Readonly<Record<string, unknown>>): AsyncIterable<string>;
  /** Writes a file that appears when it is complete. @returns the number of lines */
  writeJsonLines(
    path: string,
    rows: AsyncIterable<{ readonly text: string; readonly result: unknown }>,
  ): Promise<number>;
  /** The pre-trained models that have a name. */
  listModels(): readonly ModelInfo[];
  /** What is known of one of them, or of a folder. */
  describeModel(name: string): Promise<ModelInfo | ModelFolderInfo>;
  /** The registered tasks. */
  listApps(): readonly AppInfo[];
  /** The ways of training an app; all of them without one. */
  listMethods(app?: string): readonly MethodInfo[];
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  /** Where the progress line is drawn; missing when nothing should be. */
  readonly progress?: ProgressStream;
}

export interface TextPipelineOptions {
  readonly device: string;
  readonly precision: 'fp32' | 'bf16' | 'fp16';
  readonly batchSize: number;
  readonly tokenBudget?: number;
  readonly numThreads?: number;
  /** The app's own options of prediction. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** The part of a result that is printed; whatever else there is appears in the JSON. */
export interface TextResult {
  readonly label?: string;
  /** The right one of several choices. */
  readonly choice?: string;
  /** A set of labels, possibly empty, and the probabilities of all. */
  readonly labels?: readonly string[];
  readonly scores?: readonly { readonly label: string; readonly probability: number }[];
  readonly probability?: number;
  /** The answer to a question; null for none. */
  readonly answer?: string | null;
  /** What was found in the text. */
  readonly entities?: readonly {
    readonly type: string;
    readonly text: string;
    readonly start: number;
    readonly end: number;
    readonly score: number;
    /** What takes part in an event. */
    readonly arguments?: readonly { readonly role: string; readonly text: string }[];
  }[];
  /** A language model's text. */
  readonly text?: string;
  /** Of two towers, and of regression. */
  readonly similarity?: number;
  readonly score?: number;
  /** For every place that it filled, the most probable tokens. */
  readonly masks?: readonly (readonly { readonly token: string; readonly probability: number }[])[];
}

export interface TextPipeline {
  (inputs: readonly unknown[] | AsyncIterable<unknown>): unknown;
  readonly spec: Readonly<Record<string, unknown>>;
  dispose(): void;
}

export interface TextAnswerer<Result> {
  (texts: readonly string[]): Promise<Result[]>;
  dispose(): void;
}

export interface TaggedText {
  readonly tags: readonly { readonly label: string; readonly probability: number | null }[];
  readonly keywords: readonly { readonly word: string; readonly score: number }[];
  readonly entities: readonly { readonly text: string; readonly label: string }[];
}

export interface ModeratedText {
  readonly decision: string;
  readonly labels: readonly string[];
  readonly scores: readonly { readonly label: string; readonly probability: number }[];
  readonly hits: readonly { readonly start: number; readonly end: number }[];
}

export interface AppInfo {
  readonly name: string;
  readonly description?: string | undefined;
  /** The app's own options of training beside the common ones. */
  readonly options?: z.ZodObject | undefined;
  /** The same of evaluating. */
  readonly evaluateOptions?: z.ZodObject | undefined;
  /** The same of predicting files. */
  readonly predictOptions?: z.ZodObject | undefined;
}

export interface MethodInfo {
  readonly name: string;
  readonly description: string;
  /** Apps it works for; none for fine-tuning, which works for all. */
  readonly apps: readonly string[];
  readonly options?: z.ZodObject | undefined;
}

/** Figures by name; null where one is undefined for the data (AUC with a single class). */
export type Metrics = Readonly<Record<string, number | null>>;

export interface TrainOutcome {
  readonly output: string;
  readonly bestStep?: number | null | undefined;
  readonly metrics: Metrics;
  readonly steps: number;
  readonly epochs: number;
  readonly stopped: 'finished' | 'early' | 'interrupted';
}

export interface EvaluateOutcome {
  readonly metrics: Metrics;
  readonly rows: number;
  /** Rendered table per class, where the app has one. */
  readonly report?: unknown;
}

export interface PredictOutcome {
  readonly rows: number;
  readonly output: string;
}

export interface SearchOutcome {
  readonly documents: number;
  readonly results: readonly {
    readonly query: string;
    readonly hits: readonly { readonly score: number; readonly text: string; readonly line: number }[];
  }[];
}

/** Imports the toolkit; what is missing (the native addon, libtorch) becomes an error that points to doctor. */
export async function loadLibrary(): Promise<Library> {
  // Not a literal, so that the command line can be compiled and tested without the layers above the trainer.
  const entry = new URL('../index.js', import.meta.url).href;
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(entry)) as Record<string, unknown>;
  } catch (cause) {
    if (EasyNlpError.isInstance(cause)) throw cause;
    throw new EasyNlpError('LIBRARY_NOT_READY', { reason: (cause as Error).message }, { cause });
  }
  for (const name of [
    'train',
    'evaluate',
    'predict',
    'pipeline',
    'search',
    'listApps',
    'listMethods',
    'land',
    'tagger',
    'moderator',
    'decisionReport',
    'textsOfFile',
    'writeJsonLines',
  ]) {
    if (typeof loaded[name] !== 'function') {
      throw new EasyNlpError('LIBRARY_NOT_READY', { reason: `it has no function '${name}'` });
    }
  }
  return loaded as unknown as Library;
}
