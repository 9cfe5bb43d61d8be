import type { App, AppContext, CollateOptions } from '../../appzoo/app.js';
import { type HostBatch, intVector, LabelSet, type Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Tokenizer } from '../../text/index.js';
import {
  collatePrompted,
  type PreparedPrompt,
  PromptEncoder,
  type PromptedRow,
  promptColumns,
  promptInputs,
  promptText,
  tokenizeWords,
} from '../prompt/index.js';
import { groupLabels, TASK_COLUMN, type TransPromptSpec, tasksOf } from './spec.js';

/** A row of one of several tasks, in the prompt of its task. */
export interface TaskRow extends PromptedRow {
  /** Number of its task in the spec. */
  readonly task: number;
  /** Its number in the file, from 0: prototype scores go by it. */
  readonly number: number;
}

interface Prepared {
  readonly encoders: readonly PromptEncoder[];
  readonly labels: readonly LabelSet[];
  /** Label words of all tasks; a label's number counts through the tasks. */
  readonly prompt: PreparedPrompt;
  /** Number of each task's first label. */
  readonly offsets: readonly number[];
}

const prepared = new WeakMap<TransPromptSpec, WeakMap<Tokenizer, Promise<Prepared>>>();

function preparedOf({ spec, tokenizer }: AppContext<TransPromptSpec>): Promise<Prepared> {
  const known = prepared.get(spec) ?? new WeakMap<Tokenizer, Promise<Prepared>>();
  prepared.set(spec, known);
  const made = known.get(tokenizer) ?? prepare(spec, tokenizer);
  known.set(tokenizer, made);
  return made;
}

async function prepare(spec: TransPromptSpec, tokenizer: Tokenizer): Promise<Prepared> {
  const encoders: PromptEncoder[] = [];
  const words: PreparedPrompt['words'][number][] = [];
  const offsets: number[] = [];
  const tasks = tasksOf(spec);
  let offset = 0;
  for (const { spec: own } of tasks) {
    const { pattern, sep, labelWords } = own.prompt;
    const { sequenceLength } = spec;
    encoders.push(
      await PromptEncoder.create({ pattern, tokenizer, sequenceLength, blocks: [spec.block], sep }),
    );
    for (const word of await tokenizeWords(labelWords!, own.labels, tokenizer)) {
      words.push({ ...word, label: offset + word.label });
    }
    offsets.push(offset);
    offset += own.labels.length;
  }
  const labels = spec.tasks === null ? spec.labels : groupLabels(tasks);
  return {
    encoders,
    labels: tasks.map(({ spec: own }) => new LabelSet(own.labels)),
    prompt: { encoder: encoders[0]!, words, labels },
    offsets,
  };
}

/** Rows in the prompts of their tasks; in the joint table of a group `@task` names the task. */
export async function encodeTasks(
  rows: readonly Row[],
  context: AppContext<TransPromptSpec>,
  { labels }: { labels: boolean },
): Promise<TaskRow[]> {
  const { encoders, labels: sets, prompt, offsets } = await preparedOf(context);
  const tasks = tasksOf(context.spec);
  const numbers = rows.map((row) => taskOf(row, context.spec));
  const encoded = new Array<TaskRow>(rows.length);
  for (const [task, { spec }] of tasks.entries()) {
    const mine = rows.flatMap((row, i) => (numbers[i] === task ? [{ row, i }] : []));
    const gold = labels ? mine.map(({ row }) => sets[task]!.idIn(row, spec.labelName)) : null;
    const columns = promptColumns(spec);
    const sequences = await encoders[task]!.encode(
      mine.map(({ row }) => columns.map((column) => promptText(row, column))),
    );
    for (const [m, { row, i }] of mine.entries()) {
      encoded[i] = {
        length: sequences[m]![0]!.ids.length,
        sequences: sequences[m]!,
        label: gold ? offsets[task]! + gold[m]! : -1,
        prompt,
        task,
        number: row.line - 1,
      };
    }
  }
  return encoded;
}

function taskOf(row: Row, spec: TransPromptSpec): number {
  if (spec.tasks === null) return 0;
  const name = row.values[TASK_COLUMN];
  const task = spec.tasks.findIndex((t) => t.name === name);
  if (task >= 0) return task;
  throw new EasyNlpError('DATA_CELL', {
    file: row.file,
    line: row.line,
    column: TASK_COLUMN,
    got: name ?? null,
    expected: `one of the tasks ${spec.tasks.map((t) => t.name).join(', ')}`,
  });
}

/**
 * As `collatePrompted`, with `taskIds` and `rowNumbers` int64 [B]. The numbers in `pseudoIds` count through the vectors
 * of all tasks.
 */
export function collateTasks(
  rows: readonly TaskRow[],
  context: Pick<AppContext<TransPromptSpec>, 'tokenizer' | 'spec'>,
  options: CollateOptions = {},
): HostBatch {
  const batch = collatePrompted(rows, context, options);
  const { data, shape } = batch.tensors.pseudoIds!;
  const width = shape[1]!;
  for (const [r, { task }] of rows.entries()) {
    for (let t = r * width; t < (r + 1) * width; t++) {
      if (data[t] !== 0) (data as Int32Array)[t]! += task * context.spec.pseudoTokens;
    }
  }
  const taskIds = intVector(rows.map((row) => row.task));
  const rowNumbers = intVector(rows.map((row) => row.number));
  return { ...batch, tensors: { ...batch.tensors, taskIds, rowNumbers } };
}

/** A group's rows hold the columns of their task and `@task`; those of a single task are like any prompt's. */
export const taskInputs: App<TransPromptSpec>['inputs'] = {
  schema: (spec) => promptInputs.schema(spec),
  columns: (spec, options) => (spec.tasks === null ? promptInputs.columns(spec, options) : [TASK_COLUMN]),
  row: (spec, input, index) => promptInputs.row(spec, input, index),
};
