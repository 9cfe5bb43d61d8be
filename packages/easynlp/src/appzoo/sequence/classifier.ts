import { nn } from '@easynlp/torch';
import { AutoModelForSequenceClassification } from '../../modelzoo/index.js';
import type { App, AppModel } from '../app.js';
import { type ClassificationResult, classificationColumns, decodeClasses } from './decode.js';
import { collateLabelled, type EncodedText, encodeLabelled } from './encode.js';
import { sequenceInputs } from './inputs.js';
import { classificationMetrics } from './metrics.js';
import { type ClassificationSpec, checkClasses } from './spec.js';

/** Everything that single-label tasks on texts and pairs share; they differ in how they find their columns. */
export function classifierApp<Spec extends ClassificationSpec>(
  own: Pick<App<Spec>, 'name' | 'title' | 'description' | 'prepare' | 'options' | 'pretrainedSpec'>,
): App<Spec, EncodedText, ClassificationResult> {
  return {
    ...own,
    checkTable: (spec, source) => checkClasses(source, spec),
    inputs: sequenceInputs,
    encode: encodeLabelled,
    collate: collateLabelled,
    async head(spec, source, options = {}): Promise<AppModel> {
      const numLabels = spec.labels.length;
      const id2label = Object.fromEntries(spec.labels.map((label, i) => [i, label]));
      if (source.kind === 'config') {
        return AutoModelForSequenceClassification.fromConfig({ ...source.config, id2label }, { numLabels });
      }
      return AutoModelForSequenceClassification.fromPretrained(source.folder, {
        numLabels,
        id2label,
        ...(options.onInfo ? { onInfo: options.onInfo } : {}),
      });
    },
    loss: (outputs, inputs) => nn.functional.crossEntropy(outputs.logits!, inputs.labels!),
    decode: decodeClasses,
    columns: classificationColumns,
    metrics: classificationMetrics,
  };
}
