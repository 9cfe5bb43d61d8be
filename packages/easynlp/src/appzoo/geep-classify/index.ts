import type { App, HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import {
  type ClassificationResult,
  classificationColumns,
  classificationMetrics,
  classifierApp,
  decodeClasses,
  type EncodedText,
} from '../sequence/index.js';
import { evaluateGeep } from './evaluate.js';
import { geepLoss } from './loss.js';
import { geepModel } from './model.js';
import { geepEvaluateOptions, geepOptions, geepPredictOptions } from './options.js';
import { type GeepSpec, prepareGeep } from './spec.js';

export { normalisedEntropy } from './entropy.js';
export type { ThresholdFigures } from './evaluate.js';
export { GeepModel } from './model.js';
export type { GeepTrainOptions } from './options.js';
export type { GeepSpec } from './spec.js';

/** A label as text_classify gives it, and how far the text had to go for it. */
export interface GeepResult extends ClassificationResult {
  /** Layers that were computed for this text. */
  readonly layers: number;
}

class GeepMetrics implements MetricAccumulator<EncodedText> {
  private readonly classes: MetricAccumulator<EncodedText>;
  private layers = 0;
  private rows = 0;

  constructor(spec: GeepSpec) {
    this.classes = classificationMetrics.create(spec);
  }

  add(outputs: HostOutputs, rows: readonly EncodedText[]): void {
    this.classes.add(outputs, rows);
    for (const layers of outputs.layers!.data) this.layers += layers;
    this.rows += rows.length;
  }

  report(): MetricReport {
    const report = this.classes.report();
    return { ...report, values: { ...report.values, mean_layers: this.layers / this.rows } };
  }
}

const metrics: MetricSet<GeepSpec, EncodedText> = {
  ...classificationMetrics,
  names: {
    ...classificationMetrics.names,
    mean_layers: { higherIsBetter: false, description: 'layers computed for a text, on average' },
  },
  create: (spec) => new GeepMetrics(spec),
};

type Columns = App<GeepSpec, EncodedText, GeepResult>['columns'];

const plain = classifierApp<GeepSpec>({
  name: 'geep_classify',
  title: 'Text classification with early exit',
  description: 'one label for a text or a pair; easy ones leave the model after few layers (GEEP)',
  prepare: prepareGeep as App<GeepSpec>['prepare'],
  options: geepOptions,
});

/** Classification with early exit: easy texts leave the model after few layers (EasyNLP's GEEP). */
export const geepClassify: App<GeepSpec, EncodedText, GeepResult> = {
  ...(plain as unknown as App<GeepSpec, EncodedText, GeepResult>),
  evaluateOptions: geepEvaluateOptions,
  predictOptions: geepPredictOptions,
  head: geepModel,
  loss: geepLoss,
  decode: (outputs, context) =>
    decodeClasses(outputs, context).map((result, r) => ({ ...result, layers: outputs.layers!.data[r]! })),
  columns: { ...(classificationColumns as Columns), layers: ({ layers }) => String(layers) },
  metrics,
  evaluateData: evaluateGeep,
  adjust: (spec, { exitThreshold }) =>
    typeof exitThreshold === 'number' ? { ...spec, exitThreshold } : spec,
};
