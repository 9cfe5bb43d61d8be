import { EasyNlpError } from '../../errors/index.js';
import type { App } from '../app.js';
import { collateTexts, sequenceInputs } from '../sequence/index.js';
import { decodeVectors, type TextVectors, vectorColumns } from './decode.js';
import { type EncodedVectorText, encodeVectorTexts } from './encode.js';
import { vectorModel } from './model.js';
import { vectorizationOptions } from './options.js';
import { predictVectors } from './predict.js';
import { adjustVectorization, pretrainedVectorization, type VectorizationSpec } from './spec.js';

export type { TextVectors, VectorToken } from './decode.js';
export type { Pooling, VectorizationInputOptions } from './options.js';
export type { VectorizationSpec } from './spec.js';

const asSequence = (spec: VectorizationSpec) => ({ ...spec, secondSequence: null, labelName: '' });

/** Texts as vectors, by any pretrained or fine-tuned encoder; it needs no training. */
export const vectorization: App<VectorizationSpec, EncodedVectorText, TextVectors> = {
  name: 'vectorization',
  title: 'Vectorization',
  description: 'vectors of texts, by any pretrained model (predict only)',
  predictOptions: vectorizationOptions,
  predictData: predictVectors,
  pretrainedSpec: pretrainedVectorization,
  adjust: adjustVectorization,
  prepare() {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'vectorization is not trained: it uses a pretrained model as it is',
      hint: 'easynlp predict vectorization --model bert-small-zh --input texts.tsv --output vectors.npy; vectors that are good for search are trained with text_match --two-tower.',
    });
  },
  inputs: {
    schema: (spec) => sequenceInputs.schema(asSequence(spec)),
    columns: ({ firstSequence }) => [firstSequence],
    row: (spec, input, index) => sequenceInputs.row(asSequence(spec), input, index),
  },
  encode: encodeVectorTexts,
  collate: collateTexts,
  head: vectorModel,
  loss() {
    throw new Error('vectorization is not trained.');
  },
  decode: decodeVectors,
  columns: vectorColumns,
  metrics: {
    primary: 'none',
    names: {},
    create() {
      throw new EasyNlpError('CONFIG_CONFLICT', { problem: 'vectorization has no figures' });
    },
  },
};
