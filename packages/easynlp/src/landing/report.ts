import { table } from '../util/index.js';

/** One model of the table. */
export interface LandingRow {
  readonly stage: string;
  readonly title: string;
  /** The pretrained model that it started from. */
  readonly model: string;
  readonly parameters: number;
  readonly accuracy: number;
  readonly metrics: Readonly<Record<string, number | null>>;
  /** From text to label, in batches. */
  readonly millisecondsPerRow: number;
  readonly timing: { readonly batchSize: number; readonly rows: number; readonly repetitions: number };
  readonly steps: number;
  readonly trainingSeconds: number;
  /** Its folder, usable alone. */
  readonly folder: string;
}

export interface LandingReport {
  readonly format: 1;
  readonly task: string;
  readonly data: {
    readonly train: string;
    readonly dev: string;
    readonly measuredOn: string;
    readonly unlabelled: readonly string[];
  };
  /** Training options of every stage. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly machine: {
    readonly cpu: string;
    readonly threads: number;
    readonly device: string;
    readonly precision: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly LandingRow[];
  readonly gains: {
    /** Accuracy of few-shot learning over fine-tuning, large model. */
    readonly fewshot: number;
    /** Accuracy of distillation over fine-tuning, small model. */
    readonly distillation: number;
    /** Parameters of the large model per parameter of the small one. */
    readonly smaller: number;
    /** Rows that the small model answers while the large one answers one. */
    readonly faster: number;
  };
}

/** The same stages in EasyNLP's example (examples/landing_large_ptms): Chinese product reviews, other models and data. */
export const EASYNLP_EXAMPLE: Readonly<
  Record<string, { readonly model: string; readonly parameters: number; readonly accuracy: number }>
> = {
  'large-finetune': { model: 'macbert-large-zh', parameters: 325e6, accuracy: 0.8375 },
  'large-fewshot': { model: 'macbert-large-zh', parameters: 325e6, accuracy: 0.90625 },
  'small-finetune': { model: 'pai-bert-tiny-zh', parameters: 3e6, accuracy: 0.54375 },
  'small-distilled': { model: 'pai-bert-tiny-zh', parameters: 3e6, accuracy: 0.7125 },
};

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
export const points = (share: number): string =>
  `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`;
export const millions = (count: number): string => `${(count / 1e6).toFixed(count < 9.95e6 ? 1 : 0)} M`;

/** The sentence under the table. */
export function summary({ gains }: LandingReport): string {
  return (
    `Few-shot learning: ${points(gains.fewshot)} points over fine-tuning the large model. ` +
    `Distillation: ${points(gains.distillation)} points over fine-tuning the small one, which is ` +
    `${gains.smaller.toFixed(1)} times smaller and ${gains.faster.toFixed(1)} times faster than its teacher.`
  );
}

/** The landing table for a terminal. */
export function renderText(report: LandingReport): string {
  const { rows, data, machine } = report;
  const header = ['', 'model', 'parameters', 'accuracy', 'ms a row', 'trained', "EasyNLP's example"];
  const body = rows.map((row) => {
    const example = EASYNLP_EXAMPLE[row.stage]!;
    return [
      row.title,
      row.model,
      millions(row.parameters),
      percent(row.accuracy),
      row.millisecondsPerRow.toFixed(2),
      `${row.trainingSeconds.toFixed(0)} s`,
      `${percent(example.accuracy)} (${millions(example.parameters)})`,
    ];
  });
  const batch = rows[0]!.timing.batchSize;
  return [
    table([header, ...body], { header: true, align: ['left', 'left'] }),
    '',
    summary(report),
    `Accuracy on ${data.measuredOn}${data.measuredOn === data.dev ? ', which also chose the best epochs' : ''}; ` +
      `time from text to label in batches of ${batch} on ${machine.device === 'auto' ? machine.cpu : machine.device}.`,
    'EasyNLP’s example: its published figures with its models on its own split of reviews.',
    '',
  ].join('\n');
}
