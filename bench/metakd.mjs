#!/usr/bin/env node
// MetaKD on shopping reviews of several categories, through the command line that users type: one teacher for all
// categories, one small student for each, beside vanilla KD from the same teacher and plain fine-tuning.
//   node bench/metakd.mjs [--seeds 1,2,3] [--domains 书籍,手机,…] [--rows 1000] [--teacher bert-small-zh]
//     [--student bert-tiny-zh] [--epochs 12] [--teacher-epochs 4] [--learning-rate 1e-3] [--teacher-learning-rate 2e-4]
//     [--batch-size 16] [--sequence-length 64] [--device cpu] [--output FOLDER (to continue an interrupted run)] [--name metakd]
//     [--schedule two-stage] [--kd-single (also KD from a teacher of each category alone)]
//   data: EASYNLP_TEST_DATA or ../shared/data. Seeds change training; the rows and their split stay.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
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
  distillSchedule: option('schedule', 'joint'),
  baselines: FIGURES.slice(2).join(','),
};
const name = option('name', 'metakd');
const scratch = option('output', null) ?? mkdtempSync(join(tmpdir(), 'easynlp-metakd-'));
const dashed = (key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values) => {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
};

const runs = [];
let rows = [];
for (const seed of seeds) {
  const output = join(scratch, `seed-${seed}`);
  const begun = performance.now();
  const values = { ...settings, seed, output, device: option('device', 'cpu'), resume: 'auto' };
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...['train', 'text_classify', '--method', 'metakd', '--train', table],
      ...Object.entries(values).flatMap(([key, value]) => [dashed(key), String(value)]),
      ...['--save-strategy', 'none', '--num-threads', String(threads)],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, OMP_NUM_THREADS: String(threads) } },
  );
  const report = JSON.parse(readFileSync(join(output, 'report.json'), 'utf8'));
  runs.push({ seed, seconds: (performance.now() - begun) / 1000, ...report });
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
    reached: gap <= 0.015 && gain > 0,
    runs,
  });
}

const percent = (value) => (100 * value).toFixed(2);
printTable([
  ['category', ...FIGURES],
  ...rows.map((row) => [row.category, ...FIGURES.map((figure) => percent(row[figure]))]),
]);
console.log(`${runs.length} seed(s); files in ${scratch}`);
