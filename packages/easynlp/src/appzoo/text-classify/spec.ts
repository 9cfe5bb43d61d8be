import type { TrainConfig } from '../../config/index.js';
import { collectLabels, type DataSource, LabelSet, readLabels } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { TaskSpec } from '../app.js';

/** A text classification task: which columns it reads and which labels there are. */
export interface TextClassifySpec extends TaskSpec {
  readonly app: 'text_classify';
  readonly firstSequence: string;
  readonly secondSequence: string | null;
  readonly labelName: string;
  /** A label's id is its position. */
  readonly labels: readonly string[];
}

const TEXT_COLUMNS = ['text', 'sentence', 'text_a', 'sent1', 'sentence1', 'content', 'review', 'question1'];
const LABEL_COLUMNS = ['label', 'labels', 'class', 'category'];

/** Names of the columns: the header's, or those of the first row where there is no header. */
async function columnNames(source: DataSource): Promise<string[]> {
  if (source.columns) return source.columns.map((c) => c.name);
  for await (const row of source.rows()) return Object.keys(row.values);
  throw new EasyNlpError('DATA_EMPTY', { file: source.name });
}

function chosen(
  wanted: string | undefined,
  usual: readonly string[],
  columns: readonly string[],
  role: string,
  file: string,
): string {
  const found = wanted ?? usual.find((name) => columns.includes(name));
  if (found !== undefined && columns.includes(found)) return found;
  throw new EasyNlpError('DATA_COLUMN_UNKNOWN', {
    file,
    column: found ?? role,
    known: columns,
    suggestion: found === undefined ? null : nearest(found, columns),
    got: found ?? `no column named ${usual.join(', ')}`,
  });
}

/** Finds the columns and the labels of a task. Labels come from the options, or else from the training data. */
export async function prepareTextClassify(
  config: TrainConfig,
  source: DataSource,
): Promise<TextClassifySpec> {
  const columns = await columnNames(source);
  const firstSequence = chosen(config.firstSequence, TEXT_COLUMNS, columns, 'text', source.name);
  const secondSequence =
    config.secondSequence === undefined
      ? null
      : chosen(config.secondSequence, [], columns, 'second text', source.name);
  const labelName = chosen(config.labelName, LABEL_COLUMNS, columns, 'label', source.name);
  const labels = await labelSet(config, source, labelName);
  if (labels.size < 2) {
    throw new EasyNlpError('DATA_LABELS', {
      reason: `the only label is "${labels.labels[0]}"; a classifier needs at least two`,
    });
  }
  return {
    app: 'text_classify',
    sequenceLength: config.sequenceLength,
    firstSequence,
    secondSequence,
    labelName,
    labels: labels.labels,
  };
}

async function labelSet(config: TrainConfig, source: DataSource, column: string): Promise<LabelSet> {
  if (config.labels === undefined) return collectLabels(source, column);
  const { labels } = config;
  // One entry may still be a file with a label a line, as in EasyNLP.
  const single = Array.isArray(labels) ? (labels.length === 1 ? labels[0]! : null) : labels;
  const set = single === null ? new LabelSet(labels as string[]) : await readLabels(single);
  // Large tables are encoded while they train: a wrong label deep in one must not wait until then.
  for await (const row of source.rows()) set.idIn(row, column);
  return set;
}
