import type { TaskSpec } from '../../appzoo/app.js';
import { augmentRows, type DataAugmentationSpec } from '../../appzoo/data-augmentation/index.js';
import type { TrainConfig } from '../../config/index.js';
import { type Cell, type DataSource, openTable, type Row, tableFromArray } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { checkColumns, loadModel } from '../../predictor/open-model.js';
import type { MethodContext, MethodRows } from '../../trainer/method.js';
import { agreement, type LogitsTable, meanLogits, readLogitsColumn, readLogitsFile } from './logits-rows.js';
import type { DistillationConfig } from './options.js';
import { TaughtTable, taughtApp } from './taught-table.js';
import { Teacher } from './teacher.js';

/** Teachers ask in larger batches than students learn in: nothing is kept for gradients. */
const TEACHER_BATCH = 64;

type Written = { readonly teacherLogits?: readonly string[]; readonly teacherLogitsColumn?: string };
type FewRows = { readonly crossTeacher?: readonly string[]; readonly smoothWeight?: number };

const conflict = (problem: string, hint?: string) => new EasyNlpError('CONFIG_CONFLICT', { problem, hint });

/** Checks what the schema cannot: who teaches, and that there is somebody for rows that nobody has labelled. */
export function checkTeachers(config: DistillationConfig & Written & FewRows): void {
  const { teacher, teacherLogits = [], teacherLogitsColumn, teacherWeights, unlabelled, augment } = config;
  const kinds = [teacher.length > 0, teacherLogits.length > 0, teacherLogitsColumn !== undefined];
  const given = kinds.filter(Boolean).length;
  if (given === 0) {
    throw conflict(
      `${config.method} needs a teacher`,
      'Give --teacher with the folder of a trained model, or --teacher-logits with a file of its logits.',
    );
  }
  if (given > 1) {
    throw conflict(
      'teacher, teacherLogits and teacherLogitsColumn exclude one another',
      'Leave all but one out.',
    );
  }
  const teachers = Math.max(teacher.length, teacherLogits.length, 1);
  if (teacherWeights.length > 0 && teacherWeights.length !== teachers) {
    throw conflict(
      `teacherWeights has ${teacherWeights.length} weights for ${teachers} ${teachers === 1 ? 'teacher' : 'teachers'}`,
      'Give one weight for each, in their order.',
    );
  }
  const { alpha, alphaEnd = alpha, smoothWeight = 0, crossTeacher = [] } = config;
  if (Math.max(alpha, alphaEnd) + smoothWeight > 1) {
    throw conflict(
      `alpha ${Math.max(alpha, alphaEnd)} and smoothWeight ${smoothWeight} are more than 1 together`,
      'What both leave of 1 is the weight of the gold labels.',
    );
  }
  if (smoothWeight > 0 || crossTeacher.length > 0) {
    const what = smoothWeight > 0 ? 'smoothWeight' : 'crossTeacher';
    if (config.app !== 'text_classify' && config.app !== 'text_match') {
      throw conflict(`${what} needs a task with one label a row, not ${config.app}`);
    }
  }
  if (teacher.length === 0 && (unlabelled.length > 0 || augment > 0)) {
    const what = unlabelled.length > 0 ? 'unlabelled' : 'augment';
    if (teacherLogitsColumn === undefined || augment > 0) {
      throw conflict(
        `${what} needs a teacher that can be asked, not a file of its logits`,
        'Give --teacher with the folder of the trained model.',
      );
    }
  }
}

/** Whether a student sees no other rows than those of the table. */
export const learnsFromTable = (config: TrainConfig): boolean => {
  const { unlabelled, augment } = config as TrainConfig as DistillationConfig;
  return unlabelled.length === 0 && augment === 0;
};

/** Tables of unlabelled rows, checked to have the columns that the task reads. */
export async function openUnlabelled(
  config: Pick<DistillationConfig, 'unlabelled' | 'unlabelledSchema' | 'schema' | 'format' | 'skipFirstLine'>,
  needed: readonly string[],
): Promise<DataSource[]> {
  const schema = config.unlabelledSchema ?? config.schema;
  return Promise.all(
    config.unlabelled.map(async (path) => {
      const table = await openTable(path, {
        format: config.format === 'easynlp' && schema === undefined ? 'auto' : config.format,
        skipFirstLine: config.skipFirstLine && schema !== undefined,
        ...(schema === undefined ? {} : { schema }),
      });
      checkColumns(table, needed);
      return table;
    }),
  );
}

/** Rows made from those of the training table, without those that came out as they were or twice. */
async function augmented(
  config: DistillationConfig,
  source: DataSource,
  { context, runtime, log, signal }: MethodContext,
): Promise<DataSource> {
  const model = config.augmentModel ?? config.model;
  if (model === undefined) {
    throw conflict(
      'augment needs augmentModel',
      'Give --augment-model with a pretrained masked language model, for example bert-small-zh.',
    );
  }
  const loaded = await loadModel({
    ...runtime,
    app: 'data_augmentation',
    model,
  } as Parameters<typeof loadModel>[0]);
  try {
    const own = context.spec as TaskSpec & { firstSequence: string; secondSequence: string | null };
    const spec = loaded.context.spec as DataAugmentationSpec;
    const changedSpec: DataAugmentationSpec = {
      ...spec,
      sequenceLength: Math.min(spec.sequenceLength, config.sequenceLength),
      firstSequence: own.firstSequence,
      secondSequence: own.secondSequence,
      fill: {
        ...spec.fill,
        maskProportion: config.augmentMaskProportion,
        fillTemperature: config.augmentTemperature,
        seed: config.seed,
      },
    };
    const textOf = ({ values }: Row) =>
      JSON.stringify([values[own.firstSequence], own.secondSequence && values[own.secondSequence]]);
    const made: Record<string, Cell>[] = [];
    const writer = { ...loaded, context: { ...loaded.context, spec: changedSpec } };
    const options = { copies: config.augment, batchSize: TEACHER_BATCH, signal };
    for await (const { row, changed } of augmentRows(writer, source.rows(), options)) {
      const seen = new Set([textOf(row)]);
      for (const copy of changed) {
        const text = textOf(copy);
        if (seen.has(text)) continue;
        seen.add(text);
        made.push({ ...copy.values });
      }
    }
    log(`augmentation: ${made.length.toLocaleString('en-US')} further texts`);
    return tableFromArray(made, { name: `texts made from ${source.name}` });
  } finally {
    loaded.model.dispose();
  }
}

/** Cells of the label's columns of the first row, which stand in for those that unlabelled rows lack. */
async function placeholderOf({ app, context, tables }: MethodContext): Promise<Record<string, Cell>> {
  const texts = new Set(app.inputs.columns(context.spec, { labels: false }));
  const labels = app.inputs.columns(context.spec, { labels: true }).filter((name) => !texts.has(name));
  for await (const { values } of tables!.train.rows()) {
    return Object.fromEntries(labels.map((name) => [name, values[name] ?? null]));
  }
  throw new EasyNlpError('DATA_EMPTY', { file: tables!.train.name });
}

const labelCount = (spec: TaskSpec): number | null =>
  (spec as { labels?: readonly string[] }).labels?.length ?? null;

/** Logits of every source from every teacher, one teacher after another: only one is in memory at a time. */
async function askTeachers(
  config: DistillationConfig & Written,
  sources: readonly DataSource[],
  { context, runtime, log, signal }: Omit<MethodContext, 'config'>,
): Promise<LogitsTable[]> {
  const { teacherLogits = [], teacherLogitsColumn: column } = config;
  const width = labelCount(context.spec);
  const told: LogitsTable[][] = sources.map(() => []);
  for (const path of teacherLogits) told[0]!.push(await readLogitsFile(path, sources[0]!, width));
  if (column !== undefined) {
    for (const [s, source] of sources.entries()) told[s]!.push(await readLogitsColumn(column, source, width));
  }
  for (const folder of config.teacher) {
    const began = performance.now();
    const columns = sources[0]!.columns?.map(({ name }) => name) ?? null;
    const teacher = await Teacher.open(folder, context, runtime, columns);
    try {
      const batchSize = Math.max(TEACHER_BATCH, config.evalBatchSize ?? config.batchSize);
      let rows = 0;
      for (const [s, source] of sources.entries()) {
        const logits = await teacher.logits(source, { batchSize, signal });
        rows += logits.rows;
        told[s]!.push(logits);
      }
      const seconds = (performance.now() - began) / 1000;
      log(`teacher ${folder}: logits of ${rows.toLocaleString('en-US')} rows in ${seconds.toFixed(1)} s`);
    } finally {
      teacher.dispose();
    }
  }
  return told.map((tables) => meanLogits(tables, config.teacherWeights));
}

/** How far teachers of another domain agree with those of this one about each row of each source; null without them. */
async function crossWeights(
  config: DistillationConfig & FewRows,
  sources: readonly DataSource[],
  own: readonly (LogitsTable | null)[],
  context: MethodContext,
): Promise<Float32Array[] | null> {
  const { crossTeacher = [] } = config;
  if (crossTeacher.length === 0) return null;
  const asked = { ...config, teacher: [...crossTeacher], teacherWeights: [], teacherLogits: [] };
  const others = await askTeachers({ ...asked, teacherLogitsColumn: undefined }, sources, context);
  const weights = others.map((logits, s) => agreement(own[s]!, logits));
  const all = weights.flatMap((values) => [...values]);
  const mean = all.reduce((sum, weight) => sum + weight, 0) / all.length;
  context.log(`teachers agree: weight of a row ${mean.toFixed(3)} on average`);
  return weights;
}

/**
 * The training table with what the teachers say beside each row, and unlabelled and augmented rows among it.
 *
 * @param ask false where the objective asks its teacher during training
 */
export async function taughtRows(context: MethodContext, { ask = true } = {}): Promise<MethodRows> {
  const config = context.config as TrainConfig as DistillationConfig & Written;
  const tables = context.tables!;
  const needed = context.app.inputs.columns(context.context.spec, { labels: false });
  const unlabelled = await openUnlabelled(config, needed);
  if (config.augment > 0) unlabelled.push(await augmented(config, tables.train, context));
  const sources = [tables.train, ...unlabelled];
  const logits = ask ? await askTeachers(config, sources, context) : sources.map(() => null);
  const weights = await crossWeights(config, sources, logits, context);
  const [labelled, ...others] = sources.map((source, s) => ({
    ...{ source, logits: logits[s] ?? null, weights: weights?.[s] ?? null },
  }));
  const train = new TaughtTable({
    labelled: labelled!,
    unlabelled: others,
    repeat: config.labelledRepeat,
    placeholder: await placeholderOf(context),
  });
  return { tables: { train, dev: tables.dev }, app: taughtApp(context.app) };
}
