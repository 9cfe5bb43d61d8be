#!/usr/bin/env node
// CLUENER (ten types of entities) with a bundled model on the CPU, through the command line that users type: a question
// for each type (K-Global-Pointer), and a head for each type in one pass. Nothing is chosen on dev: the figures are those of
// the model after the last step.
//   node bench/information-extraction.mjs [--only 'prompt;types'] [--model bert-small-zh] [--prompt-rows 2000]
//     [--types-rows 4000] [--epochs 3] [--rate 4e-4]
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
const epochs = Number(option('epochs', 3));
const rate = option('rate', '4e-4');
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-extraction-'));

// Questions are in Chinese, the data's names of types in English.
const NAMES =
  'address=地址;book=书名;company=公司;game=游戏;government=政府;movie=电影;name=姓名;organization=组织机构;position=职位;scene=景点';
const RUNS = {
  prompt: {
    rows: Number(option('prompt-rows', 2000)),
    options: ['--type-names', NAMES, '--negatives', '2'],
  },
  types: {
    rows: Number(option('types-rows', 4000)),
    options: ['--mode', 'types'],
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
  const machineFlags = ['--device', 'cpu', '--num-threads', String(threads)];
  const easynlp = (line, more = []) =>
    execFileSync(
      process.execPath,
      [join(root, 'packages/easynlp/bin/easynlp.js'), ...line.split(' '), ...machineFlags, ...more],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  easynlp(
    `train information_extraction --train ${train.path} --model ${model} --output ${output} --sequence-length 96 --batch-size 16 --learning-rate ${rate} --epochs ${epochs} --eval-strategy none --save-strategy none`,
    options,
  );
  const figures = join(scratch, `${mode}.figures.json`);
  easynlp(`evaluate --model ${output} --data ${join(data, 'dev.json')} --batch-size 64 --output ${figures}`);
  // Times are printed only: the figures are about what is learned, and machines may be shared.
  console.error(`${mode}: ${((performance.now() - begun) / 1000).toFixed(0)} s`);
  const { metrics } = JSON.parse(readFileSync(figures, 'utf8'));
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
