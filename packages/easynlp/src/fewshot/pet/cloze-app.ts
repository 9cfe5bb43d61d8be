import { nn } from '@easynlp/torch';
import type { App, ModelSource } from '../../appzoo/app.js';
import {
  type ClassificationResult,
  classificationColumns,
  classificationMetrics,
  decodeClasses,
} from '../../appzoo/sequence/index.js';
import type { TrainConfig } from '../../config/index.js';
import { AutoModelForMaskedLM, type MaskedLanguageModel } from '../../modelzoo/index.js';
import {
  collatePrompted,
  encodePrompted,
  type PromptedRow,
  type PromptModel,
  type PromptSpec,
  preparePrompt,
  promptInputs,
} from '../prompt/index.js';

export type ClozeApp<Spec extends PromptSpec = PromptSpec> = App<Spec, PromptedRow, ClassificationResult>;

/** The language model of a source: the folder's, or one with random weights. */
export async function languageModel(
  source: ModelSource,
  options: { onInfo?: (line: string) => void } = {},
): Promise<MaskedLanguageModel> {
  return source.kind === 'config'
    ? AutoModelForMaskedLM.fromConfig(source.config)
    : AutoModelForMaskedLM.fromPretrained(source.folder, options.onInfo ? { onInfo: options.onInfo } : {});
}

/**
 * A classification as a cloze: rows are put into a prompt, and a label's score is the log-probability of its words.
 * Results and figures are the same as with a classifier.
 */
export function clozeApp<Spec extends PromptSpec = PromptSpec>(
  base: App,
  own: {
    /** The method's own facts about a task; refuses tasks that it cannot train. */
    readonly prepare: (spec: PromptSpec, config: TrainConfig) => Spec;
    readonly model: (
      spec: Spec,
      source: ModelSource,
      options: { onInfo?: (line: string) => void },
    ) => Promise<PromptModel>;
  },
): ClozeApp<Spec> {
  return {
    name: base.name,
    title: base.title,
    description: base.description,
    ...(base.options ? { options: base.options } : {}),
    async prepare(config, source) {
      return own.prepare(await preparePrompt(base, config, source!, { labelWords: true }), config);
    },
    inputs: promptInputs,
    encode: encodePrompted,
    collate: collatePrompted,
    head: (spec, source, options = {}) => own.model(spec, source, options),
    loss: (outputs, inputs) => nn.functional.crossEntropy(outputs.logits!, inputs.labels!),
    decode: decodeClasses,
    columns: classificationColumns,
    metrics: classificationMetrics as unknown as ClozeApp<Spec>['metrics'],
  };
}
