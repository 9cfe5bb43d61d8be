import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { App } from '../../appzoo/app.js';
import { dataFields, labelFields, loadConfigFile, type TrainConfig } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { resolveModelFolder } from '../../modelzoo/index.js';
import { Tokenizer } from '../../text/index.js';
import { openTables } from '../../trainer/labelled-rows.js';
import { labelWordFields, type PromptSpec, patternFields, preparePrompt, promptOf } from '../prompt/index.js';

const taskSchema = z.strictObject({
  /** Also the name of its folder. */
  name: z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u),
  /** May be left out for unseen tasks, which the meta-learner then answers as it is. */
  train: z.string().min(1).optional(),
  dev: z.string().min(1).optional(),
  /** The meta-learner does not see it. */
  unseen: z.boolean().default(false),
  ...dataFields,
  ...labelFields,
  ...patternFields,
  labelWords: labelWordFields.labelWords,
});
const groupSchema = z.strictObject({ tasks: z.array(taskSchema).min(1) });

type TaskEntry = z.output<typeof taskSchema>;

/** A task of a group, its files found and its prompt checked. Plain JSON. */
export interface GroupTask {
  readonly name: string;
  readonly unseen: boolean;
  readonly train: string | null;
  readonly dev: string | null;
  /** Options that differ from task to task. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly spec: PromptSpec;
}

export interface TaskGroup {
  readonly tasks: readonly GroupTask[];
  /** Trainable tokens of the longest prompt, for which each encoder has vectors. */
  readonly pseudoTokens: number;
  /** Length of the [MASK] block, that of the longest label word of all tasks. */
  readonly block: number;
}

/**
 * Reads the file of a group of tasks, and all of their data once: patterns, label words, columns and labels are right
 * before anything is trained. Paths are relative to the file.
 *
 * @throws EasyNlpError CONFIG_*, PROMPT_*, DATA_*
 */
export async function readGroup(app: App, config: TrainConfig): Promise<TaskGroup> {
  const entries = readEntries(config.train);
  if (config.model === undefined) {
    throw new EasyNlpError('MODEL_CHOICE', { reason: 'TransPrompt needs a pretrained model' });
  }
  const tokenizer = await Tokenizer.fromFolder(await resolveModelFolder(config.model));
  const tasks: GroupTask[] = [];
  let block = 1;
  for (const entry of entries) {
    const task = await checkTask(app, config, entry);
    const { words } = await promptOf({ spec: task.spec, tokenizer });
    block = Math.max(block, ...words.map(({ ids }) => ids.length));
    tasks.push(task);
  }
  return {
    tasks,
    block,
    pseudoTokens: Math.max(...tasks.map(({ spec }) => spec.prompt.pattern.pseudoTokens)),
  };
}

/** The group as a stage finds it on disk. */
export async function loadGroup(path: string): Promise<TaskGroup> {
  return JSON.parse(await readFile(path, 'utf8')) as TaskGroup;
}

function readEntries(path: string): TaskEntry[] {
  const file = loadConfigFile(path);
  const result = groupSchema.safeParse(file.values);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    const at = issue.path.filter((p) => typeof p !== 'symbol');
    const key = [...at, ...(issue.code === 'unrecognized_keys' ? issue.keys : [])].join('.');
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: key === '' ? basename(path) : key,
      expected:
        issue.code === 'unrecognized_keys'
          ? `one of ${Object.keys(at.length === 0 ? groupSchema.shape : taskSchema.shape).join(', ')}`
          : issue.message,
      got: 'something else',
      ...(file.position(at) ?? { file: path }),
    });
  }
  const { tasks } = result.data;
  const folder = dirname(path);
  const seen = new Set<string>();
  return tasks.map((task, i) => {
    const wrong = (key: string, expected: string, got: unknown) =>
      new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: `tasks.${i}.${key}`,
        expected,
        got: JSON.stringify(got ?? null),
        ...(file.position(['tasks', i, key]) ?? file.position(['tasks', i]) ?? { file: path }),
      });
    if (seen.has(task.name)) throw wrong('name', 'a name of its own', task.name);
    seen.add(task.name);
    if (task.train === undefined && !(task.unseen && task.dev !== undefined)) {
      throw wrong('train', 'training data (or, with unseen: true, validation data at least)', task.train);
    }
    if (task.train === undefined && task.labels === undefined) {
      throw wrong(
        'labels',
        'the labels in order, since there is no training data to find them in',
        task.labels,
      );
    }
    const at = (name: string | undefined) => {
      if (name === undefined) return {};
      const resolved = isAbsolute(name) ? name : join(folder, name);
      return resolved;
    };
    const paths = Object.fromEntries(
      (['train', 'dev'] as const).flatMap((key) => (task[key] === undefined ? [] : [[key, at(task[key])]])),
    );
    const { labelWords } = task;
    const words =
      typeof labelWords === 'string' && existsSync(join(folder, labelWords))
        ? join(folder, labelWords)
        : labelWords;
    return { ...task, ...paths, ...(words === undefined ? {} : { labelWords: words }) };
  });
}

async function checkTask(app: App, config: TrainConfig, entry: TaskEntry): Promise<GroupTask> {
  const { name, unseen, train = null, dev = null, ...options } = entry;
  const own = { ...config, ...options, train: train ?? dev!, dev: dev ?? undefined } as TrainConfig;
  const tables = await openTables(own);
  const spec = await preparePrompt(app, own, tables.train, { labelWords: true });
  const { pattern } = spec.prompt;
  if (pattern.pseudoTokens === 0) {
    throw new EasyNlpError('PROMPT_PATTERN', {
      pattern: pattern.source,
      problem: `the task ${name} has no trainable token in it`,
      hint: 'Put <pseudo> (or <pseudo:3> for three) between two commas: tasks learn from one another through them.',
    });
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { name, unseen, train, dev, options: given, spec };
}
