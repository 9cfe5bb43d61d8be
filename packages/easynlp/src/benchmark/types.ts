import type { OptionValues, SuiteSettings } from './settings.js';

/** A row as it is written for training: text columns and `label`, or lists of answers and of their places. */
export type BenchmarkRow = Readonly<Record<string, string | readonly string[] | readonly number[]>>;

/** One thing to choose from: the probability of `label` for row number `row` (counted from 0) is its score. */
export interface Candidate {
  readonly row: number;
  readonly label: string;
}

/** A choice among candidates that may be spread over several rows (idiom cloze, multiple choice). */
export interface Question {
  readonly candidates: readonly Candidate[];
  /** Position of the right one. */
  readonly answer: number;
}

export interface BenchmarkRows {
  /** The file's name, as results mention it. */
  readonly file: string;
  readonly rows: readonly BenchmarkRow[];
  /** Where accuracy counts questions and not rows. */
  readonly questions?: readonly Question[];
}

/** One split of a task, converted to rows of a text or a pair. */
export interface SplitData {
  readonly train: BenchmarkRows;
  readonly evaluation: BenchmarkRows;
  /** Rows on which the best epoch may be chosen: never those that are reported. */
  readonly selection: BenchmarkRows | null;
  /** None where the task has answers instead. */
  readonly labels: readonly string[];
  /** Label → word that stands for it in prompts. */
  readonly words: Readonly<Record<string, string>>;
  /** Reads unlabelled rows with the same text columns; null where the task has none. */
  readonly unlabeled: (() => Promise<BenchmarkRows>) | null;
}

export const EVALUATE_ON = ['auto', 'dev', 'dev-all', 'test'] as const;
/**
 * What figures are taken from: the split's own dev rows, the dev rows of all splits together, or the public test rows.
 * `auto`: test where the file is there, else dev.
 */
export type EvaluateOn = (typeof EVALUATE_ON)[number];

export interface SplitRequest {
  /** Folder of the suite. */
  readonly data: string;
  readonly split: string;
  readonly evaluateOn: EvaluateOn;
  /** One of the task's `views`. */
  readonly view: string;
}

/** A task of a suite: where its files are and how they become rows. */
export interface BenchmarkTask {
  readonly name: string;
  readonly title: string;
  readonly app: 'text_classify' | 'text_match' | 'multiple_choice' | 'machine_reading_comprehension';
  /** The figure of the table. */
  readonly metric: string;
  /** Ways of turning the data into rows; the first is the usual one. */
  readonly views: readonly string[];
  readonly load: (request: SplitRequest) => Promise<SplitData>;
}

/** A line of a published table; figures in percent by task. */
export interface PublishedRow {
  readonly method: string;
  readonly score?: number;
  readonly figures: Readonly<Record<string, { readonly mean: number; readonly std?: number }>>;
}

export interface PublishedTable {
  readonly title: string;
  /** Where the figures were read, and on which rows they were measured. */
  readonly source: string;
  readonly rows: readonly PublishedRow[];
}

/** A benchmark: tasks, their splits, default settings, and what others have published. */
export interface BenchmarkSuite {
  readonly name: string;
  readonly title: string;
  readonly tasks: readonly BenchmarkTask[];
  readonly splits: readonly string[];
  readonly settings: SuiteSettings;
  readonly published: PublishedTable | null;
}

/** The part of the toolkit that a benchmark needs; given to it, so that it can be tested without training. */
export interface BenchmarkEngine {
  train(
    options: OptionValues,
    run: { readonly signal: AbortSignal; readonly log: (line: string) => void },
  ): Promise<{ readonly stopped: 'finished' | 'early' | 'interrupted'; readonly steps: number }>;
  evaluate(
    options: OptionValues,
    run: { readonly signal: AbortSignal; readonly log: (line: string) => void },
  ): Promise<{ readonly metrics: Readonly<Record<string, number | null>>; readonly rows: number }>;
  pipeline(task: string | undefined, model: string, options: OptionValues): Promise<BenchmarkPipeline>;
  /** Folder of the model's weights; without it, a model is known by its name alone. */
  modelFolder?(model: string): Promise<string>;
  /** Those of the characters that the model's tokenizer does not know. */
  unknownCharacters?(model: string, characters: readonly string[]): Promise<readonly string[]>;
}

export interface BenchmarkPipeline {
  (inputs: readonly unknown[]): unknown;
  dispose(): void;
}
