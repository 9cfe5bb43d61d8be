import type { TrainConfig } from '../../config/index.js';
import { collectLabels, type DataSource, LabelSet, readLabels } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { TaskSpec } from '../app.js';
import { type EasyNlpTraining, easyNlpLabels } from '../easynlp-training.js';

/** A task that reads one text or a pair of texts of each row. */
export interface SequenceSpec extends TaskSpec {
  readonly firstSequence: string;
  readonly secondSequence: string | null;
  readonly labelName: string;
}

/** One of several labels for each text or pair. */
export interface ClassificationSpec extends SequenceSpec {
  /** A label's id is its position. */
  readonly labels: readonly string[];
}

/** Names that a text's column usually has. */
export const TEXT_COLUMNS = [
  ...['text', 'sentence', 'text_a', 'sent1', 'sentence1', 'content', 'review', 'question1'],
];
export const LABEL_COLUMNS = ['label', 'labels', 'class', 'category'];

/** Names of the columns: the header's, or those of the first row where there is no header. */
export async function columnNames(source: DataSource): Promise<string[]> {
  if (source.columns) return source.columns.map((c) => c.name);
  for await (const row of source.rows()) return Object.keys(row.values);
  throw new EasyNlpError('DATA_EMPTY', { file: source.name });
}

/**
 * The column that was asked for, or the first of the usual ones that is there.
 *
 * @throws EasyNlpError DATA_COLUMN_UNKNOWN listing what there is
 */
export function chosenColumn(
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

/** The labels of a classification: from the options, or else from the training data; at least two. */
export async function classificationLabels(
  config: TrainConfig,
  source: DataSource,
  column: string,
): Promise<readonly string[]> {
  const { labels } = await labelSet(config, source, column);
  if (labels.length >= 2) return labels;
  throw new EasyNlpError('DATA_LABELS', {
    reason: `the only label is "${labels[0]}"; a classifier needs at least two`,
  });
}

/** The labels that the options name; null where they name none. @throws EasyNlpError DATA_LABELS */
export async function labelsOfOptions({ labels }: Pick<TrainConfig, 'labels'>): Promise<LabelSet | null> {
  if (labels === undefined) return null;
  // One entry may still be a file with a label a line, as in EasyNLP.
  const single = Array.isArray(labels) ? (labels.length === 1 ? labels[0]! : null) : labels;
  return single === null ? new LabelSet(labels as string[]) : readLabels(single);
}

/**
 * Labels of a model that EasyNLP (Python) trained and that is trained further, in the order in which its classifier has
 * them; null where the data have others.
 */
async function labelsOfModel({ model, fromScratch }: TrainConfig, found: LabelSet): Promise<LabelSet | null> {
  const labels = model === undefined || fromScratch ? null : await easyNlpLabels(model);
  if (labels === null) return null;
  const set = new LabelSet(labels);
  return found.labels.every((label) => set.has(label)) ? set : null;
}

async function labelSet(config: TrainConfig, source: DataSource, column: string): Promise<LabelSet> {
  const set = await labelsOfOptions(config);
  if (set === null) {
    const found = await collectLabels(source, column);
    return (await labelsOfModel(config, found)) ?? found;
  }
  // Large tables are encoded while they train: a wrong label deep in one must not wait until then.
  for await (const row of source.rows()) set.idIn(row, column);
  return set;
}

/** The task of a model that EasyNLP (Python) trained. */
export function trainedByEasyNlp(training: EasyNlpTraining): Omit<ClassificationSpec, 'app'> {
  const { labels, sequenceLength, firstSequence, secondSequence, labelName } = training;
  return { labels, sequenceLength, firstSequence, secondSequence, labelName };
}

/**
 * Refuses what no classifier can learn from: rows of one label only, or fewer rows than labels.
 *
 * @throws EasyNlpError DATA_EMPTY, FEWSHOT_ROWS
 */
export async function checkClasses(
  source: DataSource,
  { labels, labelName }: ClassificationSpec,
): Promise<void> {
  const set = new LabelSet(labels);
  const seen = new Set<number>();
  let rows = 0;
  for await (const row of source.rows()) {
    seen.add(set.idIn(row, labelName));
    if (++rows >= labels.length && seen.size > 1) return;
  }
  if (rows === 0) throw new EasyNlpError('DATA_EMPTY', { file: source.name });
  throw new EasyNlpError('FEWSHOT_ROWS', {
    file: source.name,
    problem:
      seen.size === 1
        ? `${rows === 1 ? 'its only row has' : `all ${rows} rows have`} the label "${labels[[...seen][0]!]}"`
        : `${rows} rows for ${labels.length} labels`,
    hint: 'Give at least one row of each label; sixteen of each are usual.',
  });
}
