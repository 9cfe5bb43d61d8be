import type { TrainConfig } from '../../config/index.js';
import { collectLabels, type DataSource, type LabelSet, labelsIn } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { EasyNlpTraining } from '../easynlp-training.js';
import {
  chosenColumn,
  columnNames,
  LABEL_COLUMNS,
  labelsOfOptions,
  type SequenceSpec,
  TEXT_COLUMNS,
  trainedByEasyNlp,
} from '../sequence/index.js';
import type { MultiLabelOptions } from './options.js';

/** Any number of labels for a text or a pair of texts. */
export interface MultiLabelSpec extends SequenceSpec {
  readonly app: 'text_classify_multi_label';
  /** A label's id is its position. */
  readonly labels: readonly string[];
  readonly labelSeparator: string;
  readonly tuning: MultiLabelOptions['thresholds'];
  /** Fixed, or where there was nothing to tune on. */
  readonly threshold: number;
  /** By label: what the validation leaves alone. */
  readonly labelThresholds: Readonly<Record<string, number>>;
  /** In the order of the labels: the probability from which on a label is given. null until training stores it. */
  readonly thresholds: readonly number[] | null;
  /** Weight of the positive rows in the loss, in the order of the labels; null = 1 each. */
  readonly positiveWeights: readonly number[] | null;
}

/** Thresholds of a task that were not, or not yet, tuned. */
export function fixedThresholds({
  labels,
  threshold,
  labelThresholds,
}: Pick<MultiLabelSpec, 'labels' | 'threshold' | 'labelThresholds'>): number[] {
  return labels.map((label) => (Object.hasOwn(labelThresholds, label) ? labelThresholds[label]! : threshold));
}

/** `label=number` items; the label may hold further equals signs. */
function byLabel(
  items: readonly string[],
  key: string,
  labels: LabelSet,
  fits: (value: number) => boolean,
  expected: string,
): Map<string, number> {
  const found = new Map<string, number>();
  for (const item of items) {
    const at = item.lastIndexOf('=');
    const label = item.slice(0, Math.max(0, at)).trim();
    const value = at < 0 || item.slice(at + 1).trim() === '' ? Number.NaN : Number(item.slice(at + 1));
    const known = labels.has(label);
    if (known && fits(value) && !found.has(label)) {
      found.set(label, value);
      continue;
    }
    const near = known || at < 0 ? null : nearest(label, labels.labels);
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key,
      expected: found.has(label) ? 'each label once' : `label=number, ${expected}, with a label of the task`,
      got: JSON.stringify(item),
      ...(near === null ? {} : { hint: `Did you mean ${near}?` }),
    });
  }
  return found;
}

const HEAVIEST = 100;

/** Weights of the rows that have a label, from the option and the rows' counts. */
function weightsOf(
  items: readonly string[],
  set: LabelSet,
  counts: readonly number[],
  rows: number,
): number[] | null {
  if (items.length === 0) return null;
  const isNumber = (item: string) => item.trim() !== '' && Number.isFinite(Number(item));
  const general = items.filter((item) => item === 'balanced' || isNumber(item));
  if (general.length > 1) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'positiveWeights',
      expected: 'one weight for all labels beside those of single labels',
      got: JSON.stringify(general),
    });
  }
  const own = items.filter((item) => !general.includes(item));
  const positive = (value: number) => Number.isFinite(value) && value > 0;
  const single = byLabel(own, 'positiveWeights', set, positive, 'a weight above 0');
  if (isNumber(general[0] ?? '') && !positive(Number(general[0]))) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'positiveWeights',
      expected: 'weights above 0',
      got: general[0],
    });
  }
  return set.labels.map((label, l) => {
    const given = single.get(label);
    if (given !== undefined) return given;
    if (general[0] !== 'balanced') return Number(general[0] ?? 1);
    return counts[l] === 0 ? 1 : Math.min(HEAVIEST, Math.max(1 / HEAVIEST, (rows - counts[l]!) / counts[l]!));
  });
}

/** Finds the columns and the labels of a task; every row's set is checked. Throws DATA_* and CONFIG_* errors. */
export async function prepareMultiLabel(given: TrainConfig, source: DataSource): Promise<MultiLabelSpec> {
  const config = given as TrainConfig & MultiLabelOptions;
  const columns = await columnNames(source);
  const firstSequence = chosenColumn(config.firstSequence, TEXT_COLUMNS, columns, 'text', source.name);
  const secondSequence =
    config.secondSequence === undefined
      ? null
      : chosenColumn(config.secondSequence, [], columns, 'second text', source.name);
  const labelName = chosenColumn(config.labelName, LABEL_COLUMNS, columns, 'label', source.name);
  const separator = config.labelSeparator;
  const set = (await labelsOfOptions(config)) ?? (await collectLabels(source, labelName, { separator }));
  const counts = set.labels.map(() => 0);
  let rows = 0;
  for await (const row of source.rows()) {
    rows++;
    for (const label of labelsIn(row, labelName, separator)) {
      counts[set.idOf(label, { file: row.file, line: row.line, column: labelName })]!++;
    }
  }
  const between = (value: number) => value > 0 && value < 1;
  return {
    app: 'text_classify_multi_label',
    sequenceLength: config.sequenceLength,
    firstSequence,
    secondSequence,
    labelName,
    labels: set.labels,
    labelSeparator: separator,
    tuning: config.thresholds,
    threshold: config.threshold,
    labelThresholds: Object.fromEntries(
      byLabel(config.labelThresholds, 'labelThresholds', set, between, 'a probability between 0 and 1'),
    ),
    thresholds: null,
    positiveWeights: weightsOf(config.positiveWeights, set, counts, rows),
  };
}

/** The task of a model that EasyNLP (Python) trained: a comma between labels, and a label from one half on. */
export function multiLabelOfEasyNlp(training: EasyNlpTraining): MultiLabelSpec {
  return {
    ...trainedByEasyNlp(training),
    app: 'text_classify_multi_label',
    labelSeparator: ',',
    tuning: 'fixed',
    threshold: 0.5,
    labelThresholds: {},
    thresholds: training.labels.map(() => 0.5),
    positiveWeights: null,
  };
}
