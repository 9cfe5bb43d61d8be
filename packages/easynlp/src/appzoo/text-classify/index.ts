import type { App } from '../app.js';
import { type ClassificationResult, classifierApp, type EncodedText } from '../sequence/index.js';
import { prepareTextClassify, type TextClassifySpec } from './spec.js';

export type { LabelScore } from '../sequence/index.js';
export type { TextClassifySpec } from './spec.js';

/** What a pipeline takes as one input. */
export type TextClassifyInput = string | readonly [string, string] | Readonly<Record<string, string>>;
/** The prediction for one text: the best label, and all of them from the most to the least probable. */
export type TextClassifyResult = ClassificationResult;

/** Single-label classification of one text or of a pair of texts. */
export const textClassify: App<TextClassifySpec, EncodedText, TextClassifyResult> = classifierApp({
  name: 'text_classify',
  title: 'Text classification',
  description: 'one label for a text or a pair of texts',
  prepare: prepareTextClassify as App<TextClassifySpec>['prepare'],
});
