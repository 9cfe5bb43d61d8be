#!/usr/bin/env node
// MetaKD on shopping reviews of several categories, through the command line that users type: one teacher for all
// categories, one small student for each, beside vanilla KD from the same teacher and plain fine-tuning.
//   node bench/metakd.mjs [--seeds 1,2,3] [--domains 书籍,手机,…] [--rows 1000] [--teacher bert-small-zh]
//     [--student bert-tiny-zh] [--epochs 12] [--teacher-epochs 4] [--learning-rate 1e-3] [--teacher-learning-rate 2e-4]
//     [--batch-size 16] [--sequence-length 64] [--device cpu] [--output FOLDER (to continue an interrupted run)] [--name metakd]
//     [--unlabelled 0 (rows a category without labels, for MetaKD and vanilla KD alike)] [--labelled-repeat 1]
//     [--schedule two-stage] [--layer-epochs 12] [--parts attention,hidden,embedding,domain,output] [--temperature 2]
//     [--label-loss-weight 0.43 (gold labels, for MetaKD and vanilla KD alike; 0.43 = alpha 0.7)]
//     [--kd-single (also KD from a teacher of each category alone)] [--parallel 1 (seeds at once)] [--no-cuda-graphs]
//   data: EASYNLP_TEST_DATA or ../shared/data. Seeds change training; the rows and their split stay.
//   Students that are compared with MetaKD's train for as many epochs as both its stages together.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flag, machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
const table = join(data, 'shopping_domains', 'online_shopping_10_cats.csv.gz');
if (!existsSync(table)) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const seeds = option('seeds', '1').split(',').map(Number);
const FIGURES = ['teacher', 'student', 'kd', ...(flag('kd-single') ? ['kd-single'] : []), 'finetune'];
const settings = {
  domains: option('domains', '书籍,手机,蒙牛,计算机,酒店'),
  rowsPerDomain: Number(option('rows', '1000')),
  // Half of the rows are for measuring: with a tenth of them, a point would be noise.
  devFraction: 0.1,
  testFraction: 0.4,
  teacherModel: option('teacher', 'bert-small-zh'),
  model: option('student', 'bert-tiny-zh'),
  teacherEpochs: Number(option('teacher-epochs', '4')),
  teacherLearningRate: Number(option('teacher-learning-rate', '2e-4')),
  epochs: Number(option('epochs', '12')),
  learningRate: Number(option('learning-rate', '1e-3')),
  batchSize: Number(option('batch-size', '16')),
  sequenceLength: Number(option('sequence-length', '64')),
  distillSchedule: option('schedule', 'two-stage'),
  layerEpochs: Number(option('layer-epochs', option('epochs', '12'))),
  distillParts: option('parts', 'attention,hidden,embedding,domain,output'),
  temperature: Number(option('temperature', '2')),
  labelLossWeight: Number(option('label-loss-weight', '0.43')),
  unlabelledPerDomain: Number(option('unlabelled', '0')),
  labelledRepeat: Number(option('labelled-repeat', '1')),
  baselines: FIGURES.slice(2).join(','),
};
const name = option('name', 'metakd');
const parallel = Number(option('parallel', '1'));
const scratch = option('output', null) ?? mkdtempSync(join(tmpdir(), 'easynlp-metakd-'));
const dashed = (key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values) => {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
};

/** One seed's run; what it prints goes to the log beside its files where several run at once. */
function train(seed, output) {
  const values = { ...settings, seed, output, device: option('device', 'cpu'), resume: 'auto' };
  const command = [
    join(root, 'packages/easynlp/bin/easynlp.js'),
    ...['train', 'text_classify', '--method', 'metakd', '--train', table],
    ...Object.entries(values).flatMap(([key, value]) => [dashed(key), String(value)]),
    ...['--save-strategy', 'none', '--num-threads', String(threads)],
    ...(flag('no-cuda-graphs') ? ['--no-cuda-graphs'] : []),
  ];
  const env = { ...process.env, OMP_NUM_THREADS: String(threads) };
  mkdirSync(output, { recursive: true });
  const log = parallel > 1 ? openSync(join(output, 'bench.log'), 'a') : 'inherit';
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, { stdio: ['ignore', log, log], env });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`seed ${seed} ended with ${code}: ${output}`)),
    );
  });
}

const runs = [];
let rows = [];
const queue = [...seeds];
const workers = Array.from({ length: Math.min(parallel, seeds.length) }, async () => {
  for (let seed = queue.shift(); seed !== undefined; seed = queue.shift()) {
    const output = join(scratch, `seed-${seed}`);
    const begun = performance.now();
    await train(seed, output);
    const report = JSON.parse(readFileSync(join(output, 'report.json'), 'utf8'));
    runs.push({ seed, seconds: (performance.now() - begun) / 1000, ...report });
    runs.sort((a, b) => a.seed - b.seed);
    summarize();
  }
});

function summarize() {
  const averages = Object.fromEntries(
    FIGURES.map((figure) => {
      const own = runs.map((run) => run.average[figure]);
      return [figure, { mean: mean(own), std: spread(own) }];
    }),
  );
  const domains = runs[0].domains.map(({ domain }) => ({
    category: domain,
    ...Object.fromEntries(
      FIGURES.map((figure) => [
        figure,
        mean(runs.map((run) => run.domains.find((d) => d.domain === domain)[figure])),
      ]),
    ),
  }));
  rows = [
    ...domains,
    { category: 'average', ...Object.fromEntries(FIGURES.map((figure) => [figure, averages[figure].mean])) },
  ];
  const gap = averages.teacher.mean - averages.student.mean;
  const gain = averages.student.mean - averages.kd.mean;
  save(name, {
    title: 'MetaKD on shopping reviews: accuracy on test rows, mean over the categories',
    machine: machine(),
    settings,
    goals: { mostBehindTeacher: 0.015, aboveVanillaKd: true, seeds: 3 },
    rows,
    averages,
    gap,
    gain,
    reached: runs.length >= 3 && gap <= 0.015 && gain > 0,
    runs,
  });
}

await Promise.all(workers);

const percent = (value) => (100 * value).toFixed(2);
printTable([
  ['category', ...FIGURES],
  ...rows.map((row) => [row.category, ...FIGURES.map((figure) => percent(row[figure]))]),
]);
console.log(`${runs.length} seed(s); files in ${scratch}`);
