import type { nn, Tensor } from '@easynlp/torch';
import type { z } from 'zod';
import type { EvaluateConfig, PredictConfig, TrainConfig } from '../config/index.js';
import type { BatchProvider, DataSource, EncodedRow, HostBatch, Row } from '../datahub/index.js';
import type { Tokenizer } from '../text/index.js';
import type { EasyNlpTraining } from './easynlp-training.js';
import type { Evaluation } from './evaluate.js';
import type { LoadedApp } from './inference.js';
import type { TrainedGroup } from './objective.js';

/** Everything about a trained task besides its weights and tokenizer; plain JSON, stored in `easynlp.json`. */
export interface TaskSpec {
  readonly app: string;
  /** Longest input in tokens. */
  readonly sequenceLength: number;
  /** The method that trained it, where predicting needs the method's variant of the app. */
  readonly method?: string;
}

/** Named tensors of a batch on the model's device: `inputIds` [B, T], `attentionMask` [B, T] when there is padding, … */
export type ModelInputs = Readonly<Record<string, Tensor>>;
/** Named results of a forward pass, e.g. `logits` [B, C]. */
export type ModelOutputs = Readonly<Record<string, Tensor>>;

/** A backbone with the app's head on it. */
export interface AppModel extends nn.Module {
  forward(inputs: ModelInputs): ModelOutputs;
}

/** A result tensor in host memory, row-major float32. */
export interface HostOutput {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
export type HostOutputs = Readonly<Record<string, HostOutput>>;

/** What an app needs to know while it encodes and decodes. */
export interface AppContext<Spec extends TaskSpec = TaskSpec> {
  readonly spec: Spec;
  readonly tokenizer: Tokenizer;
}

/** Where the weights of a new model come from. */
export type ModelSource =
  | { readonly kind: 'pretrained'; readonly folder: string }
  | { readonly kind: 'config'; readonly config: Readonly<Record<string, unknown>> };

export interface CollateOptions {
  /** Round the padded length up to a multiple of this. */
  readonly padToMultipleOf?: number;
  /** Pad every row to this length, whatever the batch holds. */
  readonly padTo?: number;
  /** Give an attention mask also for batches without padding, so that all batches of a length look alike. */
  readonly alwaysMask?: boolean;
}

/** Figures of an evaluation; null where one is undefined (AUC with a single class). */
export interface MetricReport {
  readonly values: Readonly<Record<string, number | null>>;
  /** Figures per class, for programs. */
  readonly details?: unknown;
  /** The same as a table, for people. */
  readonly text?: string;
}

/** Collects outputs batch by batch and computes the figures at the end. */
export interface MetricAccumulator<Encoded extends EncodedRow> {
  add(outputs: HostOutputs, rows: readonly Encoded[]): void;
  report(): MetricReport;
}

export interface MetricSet<Spec extends TaskSpec, Encoded extends EncodedRow> {
  /** The figure that selects the best checkpoint. */
  readonly primary: string;
  /** The same for tasks whose figures depend on what they were made from. */
  primaryOf?(spec: Spec): string;
  /** Every figure's name, and whether more of it is better. */
  readonly names: Readonly<
    Record<string, { readonly higherIsBetter: boolean; readonly description: string }>
  >;
  create(spec: Spec): MetricAccumulator<Encoded>;
}

export interface TrainingDataOptions {
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Files to predict, and where the lines go. */
export interface PredictDataOptions {
  readonly sources: readonly DataSource[];
  /** Appends to the output, which appears when all is done. */
  readonly write: (data: string | Uint8Array) => Promise<void>;
  /** Replaces bytes of the output from a place on, such as a header that has the number of rows. */
  readonly patch: (data: Uint8Array, position: number) => Promise<void>;
  /** Writes one line a row, as other tasks do; `each` gets every result. @returns the number of rows */
  readonly writeRows: (loaded: LoadedApp, each?: (result: unknown, row: Row) => void) => Promise<number>;
  /** Writes another file, which appears together with the output. */
  readonly writeFile: (path: string, text: string) => Promise<void>;
  readonly log: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What a training reads. */
export interface TrainingData {
  readonly batches: BatchProvider;
  /** For messages. */
  readonly name: string;
  /** How much it is, e.g. `9,600 rows`. */
  readonly size: string;
  /** Figures on the validation data; null without any. */
  readonly evaluate: (() => Promise<Evaluation>) | null;
  dispose?(): void;
}

/**
 * A task: how rows become batches, batches results, and results figures.
 *
 * Training, evaluation, prediction, HTTP serving, export and the studio all read these members and nothing else, so
 * that none of them can drift from another.
 */
export interface App<
  Spec extends TaskSpec = TaskSpec,
  Encoded extends EncodedRow = EncodedRow,
  Result = unknown,
> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Options of training this app beside the common ones. */
  readonly options?: z.ZodObject;
  /** The same for evaluating it. */
  readonly evaluateOptions?: z.ZodObject;
  /** The same for predicting files with it. */
  readonly predictOptions?: z.ZodObject;

  /** Looks at configuration and training data once: columns, labels. Throws DATA_* and CONFIG_* errors. */
  prepare(config: TrainConfig, source: DataSource | null): Promise<Spec>;
  /**
   * Throws for a table that nothing can be learned from, though each of its rows is right: a single label, fewer rows than
   * labels. Not asked where other rows, or a teacher's opinion of them, may say more.
   */
  checkTable?(spec: Spec, source: DataSource): Promise<void>;
  /** Tasks that do not train on a table of labelled rows open their data here; `prepare` then gets no source. */
  trainingData?(loaded: LoadedApp, config: TrainConfig, options: TrainingDataOptions): Promise<TrainingData>;
  /** Tasks that are not evaluated on a table of labelled rows do it here; `metrics.create` is not called then. */
  evaluateData?(loaded: LoadedApp, config: EvaluateConfig, options: TrainingDataOptions): Promise<Evaluation>;
  /** Tasks that do not write one line a row write their lines here. @returns the number of lines */
  predictData?(loaded: LoadedApp, config: PredictConfig, options: PredictDataOptions): Promise<number>;
  /**
   * The task of a model that was pretrained elsewhere and needs no training for this app; null when its `config.json`
   * does not name the app's head. `named`: the app was asked for, and is not only a guess. `easynlp`: what EasyNLP
   * (Python) says of a model that it trained for this app.
   */
  pretrainedSpec?(
    config: Readonly<Record<string, unknown>>,
    asked: { readonly named: boolean; readonly easynlp?: EasyNlpTraining },
  ): Spec | null;
  /** What a row must hold for prediction, for the HTTP API and for forms. */
  readonly inputs: {
    schema(spec: Spec): z.ZodObject;
    /** Columns that are read; the label's only where labels are needed. */
    columns(spec: Spec, options: { labels: boolean }): readonly string[];
    /** A row for `encode` from what a person passes to a pipeline: a string, a pair, or an object. */
    row(spec: Spec, input: unknown, index: number): Row;
  };
  /** Tokenizes rows; `labels` says whether gold labels are wanted (an unknown one is an error then). */
  encode(rows: readonly Row[], context: AppContext<Spec>, options: { labels: boolean }): Promise<Encoded[]>;
  /**
   * Long inputs: the parts of a row that go through the model one by one, at least one. Training, metrics and `decode`
   * then see parts instead of rows, and `join` makes one result of those that `decode` gave for the parts of a row.
   */
  parts?(row: Encoded): readonly Encoded[];
  /** Whether training sees parts, too; without this member it does. Otherwise it sees the encoded rows themselves. */
  trainsOnParts?(spec: Spec): boolean;
  /** Parts that training leaves out are not among these; without this member it sees all. */
  trainedParts?(row: Encoded, spec: Spec): readonly Encoded[];
  /** @param results in the order of `parts` */
  join?(results: readonly Result[], row: Encoded, context: AppContext<Spec>): Result;
  /**
   * Questions that follow from an answer, such as an event's arguments from its trigger: what goes through the model
   * next, and what becomes of its result; null when there is nothing more to ask.
   */
  followUp?(
    result: Result,
    row: Encoded,
    context: AppContext<Spec>,
  ): Promise<{ readonly row: Encoded; complete(next: Result): Result } | null>;
  /** Texts of a row of training data that a vocabulary is made of, where they are not those of `inputs.columns`. */
  texts?(row: Row, spec: Spec): readonly string[];
  /** Pads encoded rows into a batch. */
  collate(rows: readonly Encoded[], context: AppContext<Spec>, options?: CollateOptions): HostBatch;
  /** Writes what the task needs beside weights, tokenizer and plain JSON into the folder of a trained model. */
  saveFiles?(spec: Spec, folder: string): Promise<void>;
  /** The task with what `saveFiles` wrote; JSON has it as its `toJSON()` says. */
  loadFiles?(spec: Spec, folder: string): Promise<Spec>;
  /** The model with this task's head. */
  head(spec: Spec, source: ModelSource, options?: { onInfo?: (line: string) => void }): Promise<AppModel>;
  /** Parameters that train alike, where some of a model's own learn faster than others. Default: all alike. */
  groups?(model: AppModel): readonly TrainedGroup[];
  /** The training loss, a scalar. */
  loss(outputs: ModelOutputs, inputs: ModelInputs): Tensor;
  /** One result a row, in the order of the batch. */
  decode(outputs: HostOutputs, context: AppContext<Spec>, rows: readonly Encoded[]): Result[];
  /** Columns that a TSV of results may have (`output_schema`). */
  readonly columns: Readonly<Record<string, (result: Result, context: AppContext<Spec>) => string>>;
  readonly metrics: MetricSet<Spec, Encoded>;
  /**
   * The task with what its validation found, such as a threshold: that is what is stored with the model. `details` are
   * the report's.
   */
  calibrate?(spec: Spec, figures: MetricReport['values'], details?: unknown): Spec;
  /**
   * The task with what was asked for when a trained model is used: values of `evaluateOptions` and `predictOptions`,
   * such as another threshold.
   */
  adjust?(spec: Spec, options: Readonly<Record<string, unknown>>): Spec;
}
