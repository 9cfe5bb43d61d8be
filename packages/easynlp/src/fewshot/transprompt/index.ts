import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { files } from '@easynlp/torch';
import { writeArtefact } from '../../appzoo/artefact.js';
import { appOf, getApp } from '../../appzoo/registry.js';
import { type TrainConfig, type TrainOptions, trainConfigSchema } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { Tokenizer } from '../../text/index.js';
import { openTables } from '../../trainer/labelled-rows.js';
import type { Method } from '../../trainer/method.js';
import type { TrainResult, TrainRunOptions } from '../../trainer/train.js';
import { promptColumns } from '../prompt/index.js';
import { stageFields, type TransPromptConfig, transPromptOptions } from './options.js';
import { stageSpec, TASK_COLUMN } from './spec.js';
import { type GroupTask, readGroup, type TaskGroup } from './task-group.js';

export { transPromptStage } from './stage.js';

/*
 * From a group of tasks to one model each (Wang et al. 2021, TransPrompt, EMNLP; v2 arXiv 2308.15010):
 *
 *   group.json, data/{train,dev}.jsonl   the tasks as checked, and the rows of all of them
 *   meta/                                the meta-learner: one model, universal and task-specific prompt encoders
 *   tasks/<name>/                        the meta-learner adapted to a task; usable alone
 *   transprompt.json                     figures of all of them
 */

type Train = (options: TrainOptions, run?: TrainRunOptions) => Promise<TrainResult>;

/** Options that are of the whole run or differ from task to task. */
const OWN_TO_STAGES = new Set([
  ...['app', 'method', 'train', 'dev', 'format', 'schema', 'skipFirstLine', 'firstSequence'],
  ...['secondSequence', 'labelName', 'labels', 'model', 'output', 'evalStrategy', 'evalSteps'],
]);

function commonOptions(config: TransPromptConfig): Record<string, unknown> {
  const keys = [...Object.keys(trainConfigSchema.shape), ...Object.keys(stageFields)];
  return Object.fromEntries(
    keys
      .filter((key) => !OWN_TO_STAGES.has(key))
      .map((key) => [key, (config as Record<string, unknown>)[key]])
      .filter(([, value]) => value !== undefined),
  );
}

/** Rows of all tasks in one table, each with the columns of its own task. @returns whether there are any */
async function writeJoint(
  group: TaskGroup,
  config: TrainConfig,
  part: 'train' | 'dev',
  to: string,
): Promise<boolean> {
  const lines: string[] = [];
  for (const { name, unseen, train, dev, options, spec } of group.tasks) {
    if (unseen || (part === 'dev' && dev === null)) continue;
    const tables = await openTables({
      ...config,
      ...options,
      train: train!,
      dev: dev ?? undefined,
    } as TrainConfig);
    const columns = [...promptColumns(spec), spec.labelName];
    for await (const { values } of tables[part]!.rows()) {
      const own = Object.fromEntries(columns.map((column) => [column, values[column] ?? null]));
      lines.push(JSON.stringify({ [TASK_COLUMN]: name, ...own }));
    }
  }
  await writeFile(to, lines.map((line) => `${line}\n`).join(''));
  return lines.length > 0;
}

/** What training and evaluating on a task's validation rows takes. */
const validation = (dev: string | null, { evalStrategy, evalSteps }: TrainConfig) =>
  dev === null || evalStrategy === 'none'
    ? { evalStrategy: 'none' as const }
    : { dev, evalStrategy, ...(evalSteps === undefined ? {} : { evalSteps }) };

/** The meta-learner as the model of a task without training rows: the universal encoder alone. */
async function writeUnseen(
  config: TransPromptConfig,
  group: TaskGroup,
  task: GroupTask,
  { meta, output }: { meta: string; output: string },
): Promise<Record<string, number | null>> {
  const method = 'transprompt_stage';
  const app = appOf({ app: config.app, method });
  const spec = { ...stageSpec(group, task.name, config), method };
  const model = await app.head(spec, { kind: 'pretrained', folder: meta });
  try {
    model.eval();
    const tokenizer = await Tokenizer.fromFolder(meta);
    await mkdir(join(output, '..'), { recursive: true });
    await files.atomicFolder(
      output,
      (folder) =>
        writeArtefact(folder, { spec, model, tokenizer, metrics: {}, training: { method, unseen: true } }),
      { replace: true },
    );
  } finally {
    model.dispose();
  }
  const { device, numThreads, precision } = config;
  const { format, schema, skipFirstLine } = { ...config, ...task.options } as TrainConfig;
  const { metrics } = await evaluate({
    ...{ model: output, data: task.dev!, device, precision, format, skipFirstLine },
    ...(numThreads === undefined ? {} : { numThreads }),
    ...(schema === undefined ? {} : { schema }),
  });
  return metrics;
}

async function prepareOutput({ output, resume, overwrite }: TrainConfig): Promise<void> {
  if (existsSync(join(output, 'group.json')) && resume === undefined && !overwrite) {
    throw new EasyNlpError('TRAIN_OUTPUT_EXISTS', { output, what: 'a run of TransPrompt' });
  }
  await mkdir(join(output, 'data'), { recursive: true });
}

async function runTransPrompt(given: TrainConfig, run: TrainRunOptions, train: Train): Promise<TrainResult> {
  const config = given as TransPromptConfig;
  const { output } = config;
  const group = await readGroup(getApp(config.app), config);
  if (group.tasks.every((task) => task.unseen)) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'every task of the group is unseen: nothing to learn from',
    });
  }
  await prepareOutput(config);
  const groupFile = join(output, 'group.json');
  await writeFile(groupFile, `${JSON.stringify(group, null, 2)}\n`);
  const joint = { train: join(output, 'data/train.jsonl'), dev: join(output, 'data/dev.jsonl') };
  await writeJoint(group, config, 'train', joint.train);
  const anyDev = await writeJoint(group, config, 'dev', joint.dev);

  const log = (line: string) => run.log?.(`transprompt: ${line}`);
  const stage = { ...commonOptions(config), app: config.app, method: 'transprompt_stage', groupFile };
  let steps = 0;
  const trainStage = async (name: string, options: Record<string, unknown>) => {
    log(name);
    // A stage that never began has nothing to continue from: `auto` begins it.
    const resume = config.resume === undefined ? {} : { resume: 'auto' };
    const result = await train(
      { ...stage, ...options, ...resume, output: join(output, name) } as unknown as TrainOptions,
      run,
    );
    steps += result.steps;
    return result;
  };

  const meta = await trainStage('meta', {
    model: config.model,
    ...{ train: joint.train, format: 'jsonl' },
    ...validation(anyDev ? joint.dev : null, config),
  });
  if (meta.stopped === 'interrupted') return { ...meta, output };
  const figures: Record<string, Readonly<Record<string, number | null>>> = { meta: meta.metrics };
  for (const task of group.tasks) {
    const folder = join(output, 'tasks', task.name);
    if (task.train === null) {
      log(`tasks/${task.name}, without training`);
      figures[task.name] = await writeUnseen(config, group, task, { meta: meta.output, output: folder });
      continue;
    }
    const { pattern: _, promptSep: __, labelWords: ___, ...columns } = task.options;
    const result = await trainStage(`tasks/${task.name}`, {
      ...columns,
      model: meta.output,
      groupTask: task.name,
      train: task.train,
      epochs: config.adaptEpochs ?? config.epochs,
      learningRate: config.adaptLearningRate ?? config.learningRate,
      ...validation(task.dev, config),
    });
    if (result.stopped === 'interrupted') return { ...result, output, steps };
    figures[task.name] = result.metrics;
  }
  await writeFile(join(output, 'transprompt.json'), `${JSON.stringify({ tasks: figures }, null, 2)}\n`);
  return {
    output,
    bestStep: null,
    metrics: summary(figures),
    steps,
    epochs: config.epochs,
    stopped: 'finished',
  };
}

/** Accuracy of each task, and their mean. */
function summary(
  figures: Readonly<Record<string, Readonly<Record<string, number | null>>>>,
): Record<string, number> {
  const known = Object.entries(figures).flatMap(([name, { accuracy }]) =>
    name === 'meta' || typeof accuracy !== 'number' ? [] : [[name, accuracy] as const],
  );
  if (known.length === 0) return {};
  const mean = known.reduce((sum, [, accuracy]) => sum + accuracy, 0) / known.length;
  return { accuracy: mean, ...Object.fromEntries(known.map(([name, a]) => [`accuracy/${name}`, a])) };
}

/** TransPrompt: tasks that are alike learn together, then each for itself. `train` is the file of the group. */
export const transPrompt: Method = {
  name: 'transprompt',
  description:
    'few rows of several tasks: prompts learned across the tasks of a group (train: its YAML file), then a model for each',
  apps: ['text_classify', 'text_match'],
  options: transPromptOptions,
  run: runTransPrompt,
};
