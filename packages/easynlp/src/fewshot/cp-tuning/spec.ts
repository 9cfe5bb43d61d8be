import { z } from 'zod';
import type { App } from '../../appzoo/app.js';
import type { ClassificationSpec } from '../../appzoo/sequence/index.js';
import { option, type TrainConfig } from '../../config/index.js';
import { type DataSource, LabelSet } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { ptuningFields } from '../p-tuning/index.js';
import { type PromptSpec, patternFields, preparePrompt } from '../prompt/index.js';
import { anchorRows } from './anchors.js';
import { PCCL_DEFAULTS } from './pccl.js';

export const INFERENCES = ['prototype', 'nearest'] as const;
/** How a text gets its label: from the most similar mean of a label's training rows, or from the most similar row. */
export type CpInference = (typeof INFERENCES)[number];

/** What the trainable tokens begin from: the Chinese for “it is”, which means nothing for any task. */
export const NEUTRAL_WORDS = '这是';

/** Options of CP-Tuning. */
export const cpTuningOptions = z.strictObject({
  ...patternFields,
  pseudoWords: ptuningFields.pseudoWords,
  promptLrFactor: ptuningFields.promptLrFactor,
  pcclMargin: option(z.number().min(0).lt(1).default(PCCL_DEFAULTS.margin), {
    description: 'cptuning: margin m of the contrastive loss',
    group: 'Training',
    easynlp: 'circle_loss_config (margin)',
  }),
  pcclGamma: option(z.number().positive().default(PCCL_DEFAULTS.gamma), {
    description: 'cptuning: sharpness γ of the contrastive loss',
    group: 'Training',
    easynlp: 'circle_loss_config (gamma)',
  }),
  pcclK: option(z.number().positive().default(PCCL_DEFAULTS.k), {
    description: 'cptuning: k, by which the costs of positive pairs are divided',
    group: 'Training',
    easynlp: 'circle_loss_config (k)',
  }),
  tmskWeight: option(z.number().min(0).default(1), {
    description:
      'cptuning: weight of the auxiliary masked language model on the text; 0 = none, as EasyNLP does',
    group: 'Training',
  }),
  tmskRate: option(z.number().gt(0).lt(1).default(0.15), {
    description: 'cptuning: share of the text that the auxiliary language model must find',
    group: 'Training',
  }),
  cpInference: option(z.enum(INFERENCES).default('prototype'), {
    description:
      'cptuning: label of the nearest mean of a label’s training rows, or of the nearest row, as EasyNLP',
    group: 'Training',
  }),
  maxAnchors: option(z.int().positive().default(1024), {
    description: 'cptuning: most training rows to keep in the model for prediction, evenly over the labels',
    group: 'Training',
  }),
});

export type CpTuningConfig = TrainConfig & z.output<typeof cpTuningOptions>;

/** A classification by similarity to training rows; plain JSON. */
export interface CpTuningSpec extends PromptSpec {
  /** Training rows whose features lie in the model. */
  readonly anchors: number;
  readonly inference: CpInference;
}

/** Reads pattern, columns and labels. No pattern is needed: the text, the trainable tokens and [OMSK] make one. */
export async function prepareCpTuning(
  app: App,
  given: TrainConfig,
  source: DataSource,
): Promise<CpTuningSpec> {
  const config = given as CpTuningConfig;
  const { pseudoWords = NEUTRAL_WORDS, cpInference, maxAnchors } = config;
  const pattern =
    config.pattern ?? defaultPattern((await app.prepare(config, source)) as ClassificationSpec, pseudoWords);
  const spec = await preparePrompt(app, { ...config, pattern } as TrainConfig, source, { labelWords: false });
  const labels = await labelIds(source, spec);
  const absent = spec.labels.filter((_, id) => !labels.includes(id));
  if (absent.length > 0) {
    throw new EasyNlpError('FEWSHOT_ROWS', {
      file: source.name,
      problem: `no row has the label ${absent.map((label) => JSON.stringify(label)).join(', ')}`,
      hint: 'CP-Tuning finds labels by their training rows: give at least two of each label.',
    });
  }
  return { ...spec, anchors: anchorRows(labels, maxAnchors).length, inference: cpInference };
}

/** Gold label of each row. */
export async function labelIds(
  source: DataSource,
  { labels, labelName }: ClassificationSpec,
): Promise<number[]> {
  const set = new LabelSet(labels);
  const ids: number[] = [];
  for await (const row of source.rows()) ids.push(set.idIn(row, labelName));
  return ids;
}

/** `text, <pseudo:n>, <label>`, and for pairs the same between the two texts. */
function defaultPattern({ firstSequence, secondSequence }: ClassificationSpec, words: string): string {
  const count = trainableTokens(words);
  const prompt = count === 0 ? '<label>' : `<pseudo:${count}>,<label>`;
  return secondSequence === null
    ? `${firstSequence},${prompt}`
    : `${firstSequence},${prompt},${secondSequence}`;
}

/** A trainable token for each Chinese character and each word of other scripts. */
function trainableTokens(words: string): number {
  return words.match(/\p{Script=Han}|[^\s\p{Script=Han}]+/gu)?.length ?? 0;
}
