#!/usr/bin/env node
// Puts together what the runs of the Chinese models left behind into bench/results/models-zh.json.
//   node bench/models-zh-report.mjs --rows rows1.json,rows2.json,… --runs bert-tiny-zh=FOLDER,bert-small-zh=FOLDER \
//     --gpu 'NVIDIA H200' --torch 2.11 [--seconds bert-tiny-zh=87,…] [--commit COMMIT]
// Rows: fine-tuning results [{ model, task, lr, epochs, seed, accuracy }]. A run's folder is what
// `easynlp train language_modeling` wrote: easynlp.json and training/metrics.jsonl.
//   --earlier FILE: a report of runs that these continued; they stay in it as earlier phases.
//   --short a.json,b.json: short runs of larger models, { name, sizes, batchSize, sequenceLength, steps, seconds,
//     speed: [[step, loss, tokens/s], …] }, which give the time for a billion tokens and the beginning of the curve.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { option, printTable, save } from './lib/report.mjs';

const TASKS = { chn: 'ChnSentiCorp', tnews: 'TNEWS', afqmc: 'AFQMC' };
const GOALS = {
  'bert-tiny-zh': { chn: 0.905, tnews: 0.54 },
  'bert-small-zh': { chn: 0.925, tnews: 0.56, afqmc: 0.71 },
};
/** Share of the commonest label among the dev rows, where it is high: AFQMC has 2,978 rows of 4,316 with label 0. */
const MAJORITY = { afqmc: 2978 / 4316 };
const pairs = (text) => (text ? text.split(',').map((part) => part.split('=')) : []);
const parse = (file) => JSON.parse(readFileSync(file, 'utf8'));

const seconds = Object.fromEntries(pairs(option('seconds')).map(([name, value]) => [name, Number(value)]));
const earlier = option('earlier') ? parse(option('earlier')).pretraining : [];
const now = pairs(option('runs')).map(([model, folder]) => {
  const { metrics, training, task } = parse(join(folder, 'easynlp.json'));
  const log = readFileSync(join(folder, 'training', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(JSON.parse);
  const steps = log.filter(({ event }) => event === 'train');
  const speeds = steps.map(({ time }) => time.tokensPerSecond).sort((a, b) => a - b);
  return {
    model,
    parameters: training.parameters,
    steps: training.step,
    batchSize: training.batchSize,
    sequenceLength: task.sequenceLength,
    learningRate: training.learningRate,
    tokens: training.step * training.batchSize * task.sequenceLength,
    tokensPerSecond: speeds[speeds.length >> 1],
    wallSeconds: seconds[model] ?? null,
    heldOut: metrics,
    curve: log
      .filter(({ event }) => event === 'evaluate')
      .map(({ step, metrics: { accuracy, loss } }) => ({ step, accuracy, loss })),
  };
});

const pretraining = [...earlier, ...now];
for (const run of pretraining) {
  run.phase =
    1 + pretraining.slice(0, pretraining.indexOf(run)).filter(({ model }) => model === run.model).length;
}
const larger = (option('short', '') || '')
  .split(',')
  .filter(Boolean)
  .map(parse)
  .map(({ name, sizes, batchSize, sequenceLength, steps, seconds: ran, speed }) => {
    const speeds = speed.slice(Math.floor(speed.length / 3)).map(([, , perSecond]) => perSecond);
    const tokensPerSecond = speeds.sort((a, b) => a - b)[speeds.length >> 1];
    return {
      model: `${name} (${sizes.layers} × ${sizes.hiddenSize})`,
      batchSize,
      sequenceLength,
      steps,
      seconds: ran,
      tokensPerSecond,
      minutesPerBillionTokens: 1e9 / tokensPerSecond / 60,
      lossAtTheEnd: speed.at(-1)[1],
      curve: speed.map(([step, loss]) => ({ step, loss })),
    };
  });

const groups = new Map();
for (const row of option('rows', '').split(',').filter(Boolean).flatMap(parse)) {
  const key = `${row.model}\0${row.task}\0${row.lr}\0${row.epochs}`;
  groups.set(key, [...(groups.get(key) ?? []), row]);
}
const rows = [...groups.values()].map((runs) => {
  const { task, lr, epochs } = runs[0];
  const model = `bert-${runs[0].model}-zh`;
  const sorted = [...runs].sort((a, b) => a.seed - b.seed);
  const mean = sorted.reduce((sum, { accuracy }) => sum + accuracy, 0) / sorted.length;
  const goal = GOALS[model]?.[task] ?? null;
  return {
    model,
    task: TASKS[task] ?? task,
    learningRate: lr,
    epochs,
    seeds: sorted.length,
    accuracy: mean,
    majorityClass: MAJORITY[task] ?? null,
    goal,
    reached: goal === null ? null : mean >= goal,
    bySeed: sorted.map(({ seed, accuracy }) => ({ seed, accuracy })),
  };
});
rows.sort((a, b) => b.model.localeCompare(a.model) || a.task.localeCompare(b.task));

const machine = {
  date: new Date().toISOString(),
  gpu: option('gpu', null),
  torch: option('torch', null),
  commit: option('commit', null),
  precision: option('precision', 'fp32'),
};
save('models-zh', {
  title: 'The Chinese models that come with the toolkit: fine-tuned, accuracy on dev, mean over seeds',
  machine,
  rows,
  pretraining,
});
if (larger.length > 0) {
  save('models-larger', {
    title: 'Larger models: the first seconds of pre-training, and the time for a billion tokens',
    machine: { ...machine, precision: 'bf16' },
    rows: larger,
  });
}
printTable([
  ['model', 'task', 'seeds', 'accuracy', 'goal'],
  ...rows.map((row) => [row.model, row.task, row.seeds, row.accuracy.toFixed(4), row.goal ?? '–']),
]);
