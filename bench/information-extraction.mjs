#!/usr/bin/env node
// CLUENER (ten types of entities) with a bundled model on the CPU, through the command line that users type: a question
// for each type (K-Global-Pointer), and a head for each type in one pass. Dev is what the best epoch is chosen on, so the
// figures flatter both alike.
//   node bench/information-extraction.mjs [--only 'prompt;types'] [--model bert-small-zh] [--prompt-rows 1200]
//     [--types-rows 4000] [--epochs 2] [--rate 3e-4]
// Rows are spaced evenly in the training set. Runs that are not asked for keep their figures.
// data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = join(process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data'), 'cluener');
if (!existsSync(data)) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const model = option('model', 'bert-small-zh');
const epochs = Number(option('epochs', 2));
const rate = option('rate', '3e-4');
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-extraction-'));

// Questions are in Chinese, the data's names of types in English.
const NAMES =
  'address=地址;book=书名;company=公司;game=游戏;government=政府;movie=电影;name=姓名;organization=组织机构;position=职位;scene=景点';
const RUNS = {
  prompt: {
    rows: Number(option('prompt-rows', 1200)),
    options: ['--type-names', NAMES, '--negatives', '2', '--batch-size', '32'],
  },
  types: {
    rows: Number(option('types-rows', 4000)),
    options: ['--mode', 'types', '--batch-size', '16'],
  },
};

/** Evenly spaced rows of the training set. */
function part(name, count) {
  const all = readFileSync(join(data, 'train.json'), 'utf8').trimEnd().split('\n');
  const size = Math.min(count, all.length);
  const path = join(scratch, `${name}.json`);
  const rows = Array.from({ length: size }, (_, i) => all[Math.floor((i * all.length) / size)]);
  writeFileSync(path, `${rows.join('\n')}\n`);
  return { path, size, all: all.length };
}

const target = join(
  process.env.BENCH_RESULTS ?? join(root, 'bench', 'results'),
  'information-extraction.json',
);
const results = existsSync(target) ? JSON.parse(readFileSync(target, 'utf8')).rows : [];
for (const mode of option('only', Object.keys(RUNS).join(';')).split(';')) {
  const { rows, options } = RUNS[mode];
  const train = part(mode, rows);
  const output = join(scratch, mode);
  const begun = performance.now();
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...`train information_extraction --train ${train.path} --dev ${join(data, 'dev.json')}`.split(' '),
      ...`--model ${model} --output ${output} --sequence-length 96 --learning-rate ${rate}`.split(' '),
      ...`--epochs ${epochs} --eval-batch-size 64 --save-strategy none --device cpu`.split(' '),
      ...['--num-threads', String(threads), ...options],
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  // Times are printed only: the figures are about what is learned, and machines may be shared.
  console.error(`${mode}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  const { metrics } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
  const { micro_f1, macro_f1, precision, recall } = metrics;
  const row = {
    mode,
    trainRows: train.size,
    allRows: train.all,
    epochs,
    rate,
    micro_f1,
    macro_f1,
    precision,
    recall,
  };
  const known = results.findIndex((r) => r.mode === mode);
  if (known < 0) results.push(row);
  else results[known] = row;
}
rmSync(scratch, { recursive: true, force: true });
save('information-extraction', {
  title: `CLUENER with ${model}: strict span F1 on the 1,343 dev sentences, seed 42`,
  machine: machine(),
  model,
  rows: results,
});
printTable([
  ['mode', 'training sentences', 'epochs', 'micro F1', 'macro F1', 'precision', 'recall'],
  ...results.map((r) => [
    r.mode,
    `${r.trainRows} of ${r.allRows}`,
    String(r.epochs),
    ...[r.micro_f1, r.macro_f1, r.precision, r.recall].map((v) => v.toFixed(4)),
  ]),
]);
