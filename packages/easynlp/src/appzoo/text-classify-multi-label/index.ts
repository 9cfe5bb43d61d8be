import { nn } from '@easynlp/torch';
import { AutoModelForSequenceClassification } from '../../modelzoo/index.js';
import type { App, AppModel } from '../app.js';
import { sequenceInputs } from '../sequence/index.js';
import { decodeLabelSets, type LabelSetResult, labelSetColumns } from './decode.js';
import { collateLabelSets, type EncodedLabelSet, encodeLabelSets } from './encode.js';
import { type MultiLabelDetails, multiLabelMetrics } from './metrics.js';
import { multiLabelOptions, multiLabelUseOptions } from './options.js';
import { fixedThresholds, type MultiLabelSpec, multiLabelOfEasyNlp, prepareMultiLabel } from './spec.js';

export { type LabelSetResult, type LabelSetScore, sigmoid } from './decode.js';
export { type MultiLabelDetails, tuneThresholds } from './metrics.js';
export type { MultiLabelTrainOptions } from './options.js';
export type { MultiLabelSpec } from './spec.js';

/** Any number of labels for a text or a pair of texts: each label is a decision of its own. */
export const textClassifyMultiLabel: App<MultiLabelSpec, EncodedLabelSet, LabelSetResult> = {
  name: 'text_classify_multi_label',
  title: 'Multi-label text classification',
  description: 'any number of labels for a text or a pair of texts',
  options: multiLabelOptions,
  evaluateOptions: multiLabelUseOptions,
  predictOptions: multiLabelUseOptions,
  prepare: prepareMultiLabel as App<MultiLabelSpec>['prepare'],
  pretrainedSpec: (_config, { easynlp }) => (easynlp ? multiLabelOfEasyNlp(easynlp) : null),
  inputs: sequenceInputs,
  encode: encodeLabelSets,
  collate: collateLabelSets,
  async head({ labels }, source, options = {}): Promise<AppModel> {
    const id2label = Object.fromEntries(labels.map((label, i) => [i, label]));
    const own = { numLabels: labels.length, id2label, problemType: 'multi_label_classification' };
    if (source.kind === 'config') return AutoModelForSequenceClassification.fromConfig(source.config, own);
    return AutoModelForSequenceClassification.fromPretrained(source.folder, {
      ...own,
      ...(options.onInfo ? { onInfo: options.onInfo } : {}),
    });
  },
  loss: (outputs, inputs) =>
    nn.functional.binaryCrossEntropyWithLogits(outputs.logits!.to({ dtype: 'float32' }), inputs.labels!, {
      posWeight: inputs.positiveWeights ?? null,
    }),
  decode: decodeLabelSets,
  columns: labelSetColumns,
  metrics: multiLabelMetrics,
  calibrate: (spec, _figures, details) => ({
    ...spec,
    thresholds: (details as MultiLabelDetails | undefined)?.thresholds ?? fixedThresholds(spec),
  }),
  adjust: (spec, { threshold }) =>
    typeof threshold === 'number' ? { ...spec, thresholds: spec.labels.map(() => threshold) } : spec,
};
