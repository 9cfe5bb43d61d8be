#!/usr/bin/env node
// TransPrompt over a group of sentiment tasks with a handful of rows each, beside PET, P-Tuning and fine-tuning on each
// task alone and PET on the rows of all of them: what the group's rows are worth, and what TransPrompt adds.
//   node bench/transprompt.mjs [--tasks eprstmt,酒店,手机,书籍,waimai] [--rows 16 (a class)] [--test-rows 400 (a task)]
//     [--splits 0,1,2,3,4] [--methods finetune,pet,ptuning,pet-group,transprompt] [--model bert-small-zh] [--device cpu]
//     [--learning-rate 1e-4] [--batch-size 8] [--sequence-length 128] [--finetune-epochs 15] [--epochs 10]
//     [--adapt-epochs 5] [--adapt-learning-rate 3e-5] [--prompt-encoder lstm] [--universal-share 0.5]
//     [--parallel 1 (splits at once)] [--output FOLDER (to continue an interrupted run)] [--name transprompt]
//   eprstmt is FewCLUE's, with the rows of its splits, measured on dev_few_all; the other tasks are categories of shopping
//   reviews, and waimai: a split draws its own training rows, all splits have the same test rows. The seed is split + 1;
//   the last epoch counts, nothing is chosen by the test rows.
//   data: EASYNLP_TEST_DATA or ../shared/data
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
if (!existsSync(join(data, 'shopping_domains')) || !existsSync(join(data, 'fewclue', 'eprstmt'))) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const list = (name, fallback) => option(name, fallback).split(',');
const number = (name, fallback) => Number(option(name, String(fallback)));
const METHODS = ['finetune', 'pet', 'ptuning', 'pet-group', 'transprompt'];
const settings = {
  tasks: list('tasks', 'eprstmt,酒店,手机,书籍,waimai'),
  methods: list('methods', METHODS.join()),
  rowsPerClass: number('rows', 16),
  testRows: number('test-rows', 400),
  model: option('model', 'bert-small-zh'),
  device: option('device', 'cpu'),
  learningRate: number('learning-rate', 1e-4),
  batchSize: number('batch-size', 8),
  sequenceLength: number('sequence-length', 128),
  finetuneEpochs: number('finetune-epochs', 15),
  epochs: number('epochs', 10),
  adaptEpochs: number('adapt-epochs', 5),
  adaptLearningRate: number('adapt-learning-rate', 3e-5),
  promptEncoder: option('prompt-encoder', 'lstm'),
  universalShare: number('universal-share', 0.5),
};
const unknown = settings.methods.find((method) => !METHODS.includes(method));
if (unknown !== undefined) {
  console.error(`--methods: ${unknown} is none of ${METHODS.join(', ')}`);
  process.exit(2);
}
const splits = list('splits', '0,1,2,3,4').map(Number);
const parallel = number('parallel', 1);
const scratch = option('output', null) ?? mkdtempSync(join(tmpdir(), 'easynlp-transprompt-'));

const LABELS = ['差评', '好评'];
const WORDS = ['差', '好'];
const PATTERN = 'text,"，很",label,。';
const SOFT_PATTERN = 'text,"，",<pseudo:2>,很,label,<pseudo>,。';

/** Numbers in [0, 1) that a name and a number decide. */
function randomOf(name, at) {
  let state = at + 1;
  for (const character of name) state = (Math.imul(state, 31) + character.codePointAt(0)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(rows, random) {
  const result = [...rows];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

const jsonLines = (path) =>
  readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Rows of a table whose label is 1 or 0 and whose last column is the text. */
async function reviews(path, category) {
  const { openTable } = await import('../packages/easynlp/dist/datahub/index.js');
  const rows = [];
  for await (const { values } of (await openTable(path)).rows()) {
    if (category !== null && values.cat !== category) continue;
    const text = String(values.review).trim();
    if (text !== '') rows.push({ text, label: LABELS[Number(values.label)] });
  }
  if (rows.length === 0) throw new Error(`no rows of "${category}" in ${path}`);
  return rows;
}

/** Training rows of a split and test rows of a task. */
async function rowsOf(task, split) {
  const { rowsPerClass, testRows } = settings;
  if (task === 'eprstmt') {
    const read = (name) =>
      jsonLines(join(data, 'fewclue', task, `${name}.json`)).map(({ sentence, label }) => ({
        text: sentence,
        label: LABELS[label === 'Positive' ? 1 : 0],
      }));
    const few = (rows, count) =>
      LABELS.flatMap((label) => rows.filter((row) => row.label === label).slice(0, count));
    return {
      train: few(read(`train_${split}`), rowsPerClass),
      test: read('dev_few_all').slice(0, testRows),
    };
  }
  const rows = await (task === 'waimai'
    ? reviews(join(data, 'waimai', 'waimai_10k.csv'), null)
    : reviews(join(data, 'shopping_domains', 'online_shopping_10_cats.csv.gz'), task));
  const fixed = shuffled(rows, randomOf(task, 0));
  const parts = LABELS.map((label) => {
    const own = fixed.filter((row) => row.label === label);
    const tests = Math.min(testRows >> 1, own.length >> 1);
    const rest = shuffled(own.slice(tests), randomOf(`${task}/${label}`, split + 1));
    return { test: own.slice(0, tests), train: rest.slice(0, rowsPerClass) };
  });
  return { train: parts.flatMap((part) => part.train), test: parts.flatMap((part) => part.test) };
}

/** All trainings of one split, in one process. */
async function runSplit(split) {
  const easynlp = await import('../packages/easynlp/dist/index.js');
  const folder = join(scratch, `split-${split}`);
  mkdirSync(folder, { recursive: true });
  const write = (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const jsonl = (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const files = {};
  const group = [];
  for (const task of settings.tasks) {
    const { train, test } = await rowsOf(task, split);
    const shuffledTrain = shuffled(train, randomOf(`${task}/order`, split));
    files[task] = {
      train: write(`${task}-train.jsonl`, jsonl(shuffledTrain)),
      test: write(`${task}-test.jsonl`, jsonl(test)),
      rows: { train: train.length, test: test.length },
    };
    group.push(...shuffledTrain);
  }
  const all = write('group-train.jsonl', jsonl(group));
  const common = {
    ...{ model: settings.model, device: settings.device, sequenceLength: settings.sequenceLength },
    ...{ batchSize: settings.batchSize, learningRate: settings.learningRate, epochs: settings.epochs },
    ...{ warmupRatio: 0.1, weightDecay: 0.01, seed: split + 1, numThreads: threads },
    ...{ labels: LABELS, evalStrategy: 'none', saveStrategy: 'none', overwrite: true },
  };
  const quiet = { log: () => {} };
  const figures = {};
  const measure = async (method, task, model) => {
    const { metrics } = await easynlp.evaluate({
      ...{ model, data: files[task].test, device: settings.device, numThreads: threads },
    });
    figures[method] ??= {};
    figures[method][task] = metrics.accuracy;
    console.error(`split ${split}  ${method}  ${task}  ${(100 * metrics.accuracy).toFixed(1)}`);
  };
  const prompt = { pattern: PATTERN, labelWords: WORDS };
  const soft = { pattern: SOFT_PATTERN, labelWords: WORDS, promptEncoder: settings.promptEncoder };
  const alone = {
    finetune: { epochs: settings.finetuneEpochs },
    pet: { method: 'pet', ...prompt },
    ptuning: { method: 'ptuning', ...soft },
  };
  for (const method of settings.methods) {
    const output = join(folder, method);
    if (method === 'transprompt') {
      const { promptEncoder: _, ...pattern } = soft;
      const tasks = settings.tasks.map((name) => ({
        ...{ name, train: files[name].train, labels: LABELS },
        ...pattern,
      }));
      const { labels: _labels, ...options } = common;
      await easynlp.train(
        {
          ...{ ...options, method, app: 'text_classify', output },
          train: write('group.json', JSON.stringify({ tasks })),
          ...{ promptEncoder: settings.promptEncoder, universalShare: settings.universalShare },
          ...{ adaptEpochs: settings.adaptEpochs, adaptLearningRate: settings.adaptLearningRate },
        },
        quiet,
      );
      for (const task of settings.tasks) await measure(method, task, join(output, 'tasks', task));
    } else if (method === 'pet-group') {
      await easynlp.train({ ...common, ...alone.pet, train: all, output }, quiet);
      for (const task of settings.tasks) await measure(method, task, output);
    } else {
      for (const task of settings.tasks) {
        const model = join(output, task);
        await easynlp.train({ ...common, ...alone[method], train: files[task].train, output: model }, quiet);
        await measure(method, task, model);
      }
    }
    // Weights of a base model for every task and method would fill a disk.
    rmSync(output, { recursive: true, force: true });
  }
  const rows = Object.fromEntries(settings.tasks.map((task) => [task, files[task].rows]));
  writeFileSync(
    join(folder, 'result.json'),
    `${JSON.stringify({ settings, split, rows, figures }, null, 2)}\n`,
  );
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values) => {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
};
const percent = (value) => (100 * value).toFixed(1);
const show = (values) => {
  const std = spread(values);
  return std === null ? percent(mean(values)) : `${percent(mean(values))} (${percent(std)})`;
};

/** What an earlier run with the same settings left for a split. */
function finished(split) {
  const path = join(scratch, `split-${split}`, 'result.json');
  if (!existsSync(path)) return null;
  const result = JSON.parse(readFileSync(path, 'utf8'));
  return JSON.stringify(result.settings) === JSON.stringify(settings) ? result : null;
}

function summarize(runs) {
  const averages = Object.fromEntries(
    settings.methods.map((method) => [
      method,
      runs.map((run) => mean(settings.tasks.map((task) => run.figures[method][task]))),
    ]),
  );
  const rows = settings.methods.map((method) => ({
    method,
    ...Object.fromEntries(
      settings.tasks.map((task) => [task, show(runs.map((run) => run.figures[method][task]))]),
    ),
    average: show(averages[method]),
  }));
  save(option('name', 'transprompt'), {
    title: `TransPrompt over ${settings.tasks.length} tasks of ${settings.rowsPerClass} rows a class with ${settings.model.split('/').at(-1)}: accuracy on test rows, %, mean (standard deviation) of ${runs.length} splits`,
    machine: machine({ device: settings.device }),
    settings,
    rows,
    averages: Object.fromEntries(
      Object.entries(averages).map(([method, values]) => [
        method,
        { mean: mean(values), std: spread(values) },
      ]),
    ),
    runs: runs.map(({ settings: _, ...run }) => run),
  });
  return rows;
}

/** A split in a process of its own, so that several run at once and none leaves anything behind. */
function spawnSplit(split) {
  mkdirSync(join(scratch, `split-${split}`), { recursive: true });
  const log = parallel > 1 ? openSync(join(scratch, `split-${split}`, 'bench.log'), 'a') : 'inherit';
  const given = process.argv.slice(2);
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [fileURLToPath(import.meta.url), ...given, '--output', scratch, '--only', String(split)],
      { stdio: ['ignore', log, log], env: { ...process.env, OMP_NUM_THREADS: String(threads) } },
    );
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`split ${split} ended with ${code}: ${join(scratch, `split-${split}`)}`)),
    );
  });
}

const only = option('only', null);
if (only !== null) await runSplit(Number(only));
else {
  const queue = splits.filter((split) => finished(split) === null);
  let rows = [];
  const done = () => splits.map(finished).filter((run) => run !== null);
  if (done().length > 0) rows = summarize(done());
  await Promise.all(
    Array.from({ length: Math.min(parallel, queue.length) }, async () => {
      for (let split = queue.shift(); split !== undefined; split = queue.shift()) {
        await spawnSplit(split);
        rows = summarize(done());
      }
    }),
  );
  printTable([Object.keys(rows[0]), ...rows.map((row) => Object.values(row))]);
  console.log(`${done().length} split(s); files in ${scratch}`);
}
