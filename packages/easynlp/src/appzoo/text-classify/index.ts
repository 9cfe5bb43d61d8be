import type { App } from '../app.js';
import {
  type ClassificationResult,
  classificationMetrics,
  classifierApp,
  type EncodedText,
  encodeLabelled,
  trainedByEasyNlp,
} from '../sequence/index.js';
import { type EncodedLongText, encodeWindows, joinWindows, WindowMetrics } from './long-text.js';
import { textClassifyOptions, textClassifyUseOptions } from './options.js';
import { checkLongText, prepareTextClassify, type TextClassifySpec } from './spec.js';

export type { LabelScore } from '../sequence/index.js';
export type { TextClassifyTrainOptions } from './options.js';
export type { TextClassifySpec } from './spec.js';

/** What a pipeline takes as one input. */
export type TextClassifyInput = string | readonly [string, string] | Readonly<Record<string, string>>;
/** The prediction for one text: the best label, and all of them from the most to the least probable. */
export type TextClassifyResult = ClassificationResult;

/** Single-label classification of one text or of a pair of texts. */
export const textClassify: App<TextClassifySpec, EncodedText, TextClassifyResult> = {
  ...classifierApp({
    name: 'text_classify',
    title: 'Text classification',
    description: 'one label for a text or a pair of texts',
    prepare: prepareTextClassify as App<TextClassifySpec>['prepare'],
    options: textClassifyOptions,
    pretrainedSpec: (_config, { easynlp }) =>
      easynlp ? { ...trainedByEasyNlp(easynlp), app: 'text_classify' } : null,
  }),
  evaluateOptions: textClassifyUseOptions,
  predictOptions: textClassifyUseOptions,
  encode: (rows, context, options) =>
    context.spec.longText ? encodeWindows(rows, context, options) : encodeLabelled(rows, context, options),
  parts: (row) => (row as EncodedLongText).windows ?? [row],
  trainsOnParts: ({ longText }) => longText?.training === 'windows',
  join: joinWindows,
  metrics: {
    ...classificationMetrics,
    create: (spec) =>
      spec.longText
        ? new WindowMetrics(spec, classificationMetrics.create(spec))
        : classificationMetrics.create(spec),
  },
  adjust(spec, { longText, windowMerge }) {
    const { longText: trained, ...plain } = spec;
    if (longText === 'cut') return plain;
    if (longText === 'windows') checkLongText(spec);
    if (longText === undefined && !trained) return spec;
    const merge = windowMerge === 'mean' || windowMerge === 'max' ? windowMerge : (trained?.merge ?? 'mean');
    return { ...plain, longText: { merge, training: trained?.training ?? 'head' } };
  },
};
