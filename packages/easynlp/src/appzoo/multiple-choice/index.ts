import { AutoModelForSequenceClassification } from '../../modelzoo/index.js';
import type { App, AppModel } from '../app.js';
import { textOf } from '../sequence/index.js';
import { choicesOf } from './choices.js';
import { choiceColumns, decodeQuestions, type MultipleChoiceResult } from './decode.js';
import { collateQuestions, type EncodedQuestion, encodeQuestions } from './encode.js';
import { choiceInputs } from './inputs.js';
import { multipleChoiceLoss } from './loss.js';
import { choiceMetrics } from './metrics.js';
import { multipleChoicePredictOptions, multipleChoiceTrainOptions } from './options.js';
import { type MultipleChoiceSpec, prepareMultipleChoice, pretrainedMultipleChoice } from './spec.js';

export type { ChoiceScore, MultipleChoiceResult } from './decode.js';
export type { MultipleChoiceInput } from './inputs.js';
export type { MultipleChoiceTrainOptions } from './options.js';
export type { MultipleChoiceSpec } from './spec.js';
export { uniqueChoices } from './unique-choices.js';

/**
 * Which of several choices is right: each is read with the text by the same encoder and gets one score, and the choices of
 * a question compete (`BertForMultipleChoice` of transformers; for BERT and its kin the weights are the same).
 */
export const multipleChoice: App<MultipleChoiceSpec, EncodedQuestion, MultipleChoiceResult> = {
  name: 'multiple_choice',
  title: 'Multiple choice',
  description: 'the right one of several choices for a text, a question, or a gap in a text',
  options: multipleChoiceTrainOptions,
  predictOptions: multipleChoicePredictOptions,
  prepare: prepareMultipleChoice as App<MultipleChoiceSpec>['prepare'],
  pretrainedSpec: pretrainedMultipleChoice,
  adjust: (spec, { choices }) => ({
    ...spec,
    choices: (choices as readonly string[] | undefined) ?? spec.choices,
  }),
  inputs: choiceInputs,
  texts: (row, spec) => [
    textOf(row, spec.firstSequence),
    ...(spec.secondSequence === null ? [] : [textOf(row, spec.secondSequence)]),
    ...choicesOf(row, spec),
  ],
  encode: encodeQuestions,
  collate: collateQuestions,
  async head(_spec, source, options = {}): Promise<AppModel> {
    const id2label = { 0: 'choice' };
    if (source.kind === 'config') {
      return AutoModelForSequenceClassification.fromConfig({ ...source.config, id2label }, { numLabels: 1 });
    }
    return AutoModelForSequenceClassification.fromPretrained(source.folder, {
      numLabels: 1,
      id2label,
      ...(options.onInfo ? { onInfo: options.onInfo } : {}),
    });
  },
  loss: multipleChoiceLoss,
  decode: decodeQuestions,
  columns: choiceColumns,
  metrics: choiceMetrics,
};
