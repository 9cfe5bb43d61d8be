#!/usr/bin/env node
// EasyNLP's way of batching against ours, through easynlp's own train(): every row padded to 128 in fp32, against
// batches of texts of like length with bf16 autocast. Same model, same batch size, same data; samples/s, and with
// --accuracy the accuracy on the validation rows after the same epochs.
//   node bench/buckets.mjs [--size tiny] [--steps 40] [--rounds 3] [--tasks tnews,chnsenticorp] [--accuracy EPOCHS]
// Data: EASYNLP_TEST_DATA, or ../shared/data beside the repository. Goals: ≥ 5 × on TNEWS, ≥ 1.8 × on ChnSentiCorp.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { flag, json, machine, median, option, printTable, root, save, threads } from './lib/report.mjs';

const GOALS = { tnews: 5, chnsenticorp: 1.8 };
const SIZES = {
  tiny: { layers: 2, hiddenSize: 128, heads: 2 },
  small312: { layers: 4, hiddenSize: 312, heads: 12, intermediateSize: 1200 },
};
const WAYS = {
  easynlp: { padding: 'max_length', bucketing: false, precision: 'fp32' },
  // between the two, to see what each part brings
  'easynlp bf16': { padding: 'max_length', bucketing: false, precision: 'bf16' },
  'buckets fp32': { padding: 'longest', bucketing: true, precision: 'fp32' },
  ours: { padding: 'longest', bucketing: true, precision: 'bf16' },
};

const column = (way) => `${way.replace(/ (\w)/g, (_, c) => c.toUpperCase())}SamplesPerSecond`;

/** Writes the task's files into `folder`; TNEWS has no open test set, its last 5,000 rows serve for validation. */
function prepare(task, folder) {
  const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
  if (!existsSync(join(data, task))) {
    throw new Error(`no ${join(data, task)}: set EASYNLP_TEST_DATA to the folder with the test data`);
  }
  if (task === 'chnsenticorp') {
    const file = (name) => join(data, task, `${name}.tsv`);
    return {
      train: file('train'),
      dev: file('dev'),
      labelName: 'label',
      firstSequence: 'text_a',
      format: 'tsv',
    };
  }
  const lines = gunzipSync(readFileSync(join(data, task, 'train.json.gz')))
    .toString()
    .trimEnd()
    .split('\n');
  const write = (name, rows) => {
    const file = join(folder, `tnews-${name}.jsonl`);
    writeFileSync(file, `${rows.join('\n')}\n`);
    return file;
  };
  return {
    train: write('train', lines.slice(0, -5000)),
    dev: write('dev', lines.slice(-5000)),
    labelName: 'label_desc',
    firstSequence: 'sentence',
    format: 'jsonl',
  };
}

async function work(config) {
  const { train } = await import('easynlp');
  const times = [];
  let samples = 0;
  let tokens = 0;
  let last = 0;
  const WARM = 5;
  const result = await train(config, {
    onStep: (info) => {
      const now = performance.now();
      if (info.step > WARM) {
        times.push(now - last);
        samples += info.samples;
        tokens += info.tokens;
      }
      last = now;
    },
  });
  const seconds = times.reduce((a, b) => a + b, 0) / 1e3;
  return {
    samplesPerSecond: samples / seconds,
    tokensPerSecond: tokens / seconds,
    medianStepMs: median(times),
    steps: result.steps,
    metrics: result.metrics,
  };
}

if (flag('worker')) {
  console.log(JSON.stringify(await work(JSON.parse(option('worker', '{}')))));
} else {
  const folder = mkdtempSync(join(tmpdir(), 'easynlp-bench-'));
  const epochs = option('accuracy', null);
  const ways = flag('all-ways') ? Object.keys(WAYS) : ['easynlp', 'ours'];
  const rows = [];
  try {
    for (const task of option('tasks', 'tnews,chnsenticorp').split(',')) {
      const { dev, ...data } = prepare(task, folder);
      const measure = (way, extra) =>
        json(process.execPath, [
          fileURLToPath(import.meta.url),
          '--worker',
          JSON.stringify({
            ...data,
            ...WAYS[way],
            architecture: 'bert',
            ...SIZES[option('size', 'tiny')],
            sequenceLength: 128,
            batchSize: 32,
            learningRate: 5e-4,
            numThreads: threads,
            device: 'cpu',
            output: join(folder, `${task}-${way.replaceAll(' ', '-')}`),
            overwrite: true,
            saveStrategy: 'none',
            ...extra,
          }),
        ]);
      mkdirSync(folder, { recursive: true });
      const runs = Object.fromEntries(ways.map((way) => [way, []]));
      for (let round = 0; round < Number(option('rounds', '3')); round++) {
        for (const way of ways) {
          // a fair share of long and short batches: more steps where steps are short
          const maxSteps = 5 + Number(option('steps', '40')) * (way.startsWith('easynlp') ? 1 : 3);
          runs[way].push(measure(way, { maxSteps, epochs: 1, evalStrategy: 'none' }));
        }
      }
      const speed = (way) => median(runs[way].map((run) => run.samplesPerSecond));
      const row = {
        task,
        ratio: median(runs.ours.map((r, i) => r.samplesPerSecond / runs.easynlp[i].samplesPerSecond)),
      };
      for (const way of ways) row[column(way)] = speed(way);
      if (epochs !== null) {
        row.epochs = Number(epochs);
        for (const way of ['easynlp', 'ours'])
          row[`${way}Accuracy`] = measure(way, { dev, epochs: Number(epochs) }).metrics.accuracy;
      }
      rows.push({ ...row, runs });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  save(`buckets${option('size', 'tiny') === 'tiny' ? '' : `-${option('size')}`}`, {
    title: 'Training: every row padded to 128 in fp32 (EasyNLP) against buckets with bf16',
    machine: machine(),
    model: SIZES[option('size', 'tiny')],
    goals: GOALS,
    ways: WAYS,
    rows,
  });
  const percent = (x) => (x === undefined ? '-' : `${(100 * x).toFixed(2)} %`);
  printTable([
    ['task', ...ways.map((way) => `${way} /s`), 'ratio', 'accuracy EasyNLP', 'ours'],
    ...rows.map((r) => [
      r.task,
      ...ways.map((way) => r[column(way)].toFixed(1)),
      r.ratio.toFixed(2),
      percent(r.easynlpAccuracy),
      percent(r.oursAccuracy),
    ]),
  ]);
  if (rows.some((r) => r.ratio < GOALS[r.task])) {
    console.log('a goal was missed');
    process.exitCode = 1;
  }
}
