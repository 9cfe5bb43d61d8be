import { nn } from '@easynlp/torch';
import { z } from 'zod';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModelForMaskedLM } from '../../modelzoo/index.js';
import type { App, AppModel } from '../app.js';
import { INPUT } from '../sequence/inputs.js';
import { corpusData } from './corpus-data.js';
import { evaluateDocuments } from './evaluate-documents.js';
import {
  collateMasked,
  decodeMasked,
  encodeMasked,
  type FillMaskResult,
  type MaskedText,
} from './fill-mask.js';
import { languageModelingEvaluateOptions, languageModelingOptions } from './options.js';
import { type LanguageModelingSpec, prepareLanguageModeling, pretrainedLanguageModel } from './spec.js';

export type { FillMaskResult, TokenScore } from './fill-mask.js';
export type { LanguageModelingSpec } from './spec.js';

/** Masked language modelling: pre-training, going on with it in another domain, and filling in [MASK]. */
export const languageModeling: App<LanguageModelingSpec, MaskedText, FillMaskResult> = {
  name: 'language_modeling',
  title: 'Masked language modelling',
  description: 'pre-training on a corpus, or filling in [MASK]',
  options: languageModelingOptions,
  prepare: prepareLanguageModeling,
  trainingData: corpusData,
  evaluateOptions: languageModelingEvaluateOptions,
  evaluateData: evaluateDocuments,
  pretrainedSpec: pretrainedLanguageModel,
  inputs: {
    schema: ({ textColumn }) =>
      z.object({ [textColumn]: z.string().meta({ description: 'a text with [MASK]' }) }),
    columns: ({ textColumn }) => [textColumn],
    row(spec, input, index) {
      const text =
        typeof input === 'object' && input !== null
          ? (input as Record<string, unknown>)[spec.textColumn]
          : input;
      if (typeof text !== 'string') {
        throw new EasyNlpError('APP_INPUT', {
          index: index + 1,
          expected: `a text with [MASK], or an object with one under "${spec.textColumn}"`,
          got: input === null ? 'null' : typeof input,
        });
      }
      return { values: { [spec.textColumn]: text }, file: INPUT, line: index + 1 };
    },
  },
  encode: encodeMasked,
  collate: collateMasked,
  async head(_spec, source, options = {}): Promise<AppModel> {
    return source.kind === 'config'
      ? AutoModelForMaskedLM.fromConfig(source.config)
      : AutoModelForMaskedLM.fromPretrained(source.folder, options.onInfo ? { onInfo: options.onInfo } : {});
  },
  loss: (outputs, inputs) => nn.functional.crossEntropy(outputs.logits!, inputs.labels!),
  decode: decodeMasked,
  columns: {
    predictions: ({ text }) => text,
    output: ({ masks }) => JSON.stringify(masks),
  },
  metrics: {
    primary: 'loss',
    names: {
      accuracy: { higherIsBetter: true, description: 'share of masked tokens that are found' },
      loss: { higherIsBetter: false, description: 'mean −log p of the masked tokens' },
      perplexity: { higherIsBetter: false, description: 'exp of the loss' },
    },
    create: () => {
      throw new EasyNlpError('FEATURE_NOT_AVAILABLE', {
        feature: 'evaluating language_modeling on a table',
        flag: 'evaluate',
        hint: 'It is evaluated on documents (evaluateData).',
      });
    },
  },
};
