#!/usr/bin/env node
// Few-shot methods against fine-tuning on FewCLUE's dev sets with a small model, through `easynlp benchmark`.
//   node bench/fewclue.mjs [--model bert-small-zh] [--tasks eprstmt,bustm,tnews,csl] [--methods finetune,pet,…]
//                          [--splits 0,1,2,3,4] [--output out/fewclue] [--settings FILE] [--name fewclue]
//   data: EASYNLP_TEST_DATA or ../shared/data. Finished runs under --output are not done again.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = join(process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data'), 'fewclue');
if (!existsSync(data)) {
  console.error(`no FewCLUE in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const output = option('output', join(root, 'out', 'fewclue'));
const settings = option('settings');
const model = option('model', 'bert-small-zh');
execFileSync(
  process.execPath,
  [
    join(root, 'packages/easynlp/bin/easynlp.js'),
    ...['benchmark', 'fewclue', '--data', data, '--output', output, '--model', model],
    ...['--methods', option('methods', 'finetune,pet,ptuning,cptuning,cptuning-no-mlm')],
    ...['--tasks', option('tasks', 'eprstmt,bustm,tnews,csl'), '--splits', option('splits', '0,1,2,3,4')],
    ...['--device', option('device', 'auto'), '--num-threads', String(threads)],
    ...(settings === undefined ? [] : ['--settings', settings]),
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);

// One row a method; the figures of each run are details.
const report = JSON.parse(readFileSync(join(output, 'results.json'), 'utf8'));
const figure = (method, task) => report.figures.find((f) => f.method === method && f.task === task);
const percent = (value) => (100 * value).toFixed(1);
const rows = report.methods.map((method) => ({
  method,
  ...Object.fromEntries(
    report.tasks.map((task) => {
      const found = figure(method, task);
      const std = found?.std === null || found === undefined ? '' : ` (${percent(found.std)})`;
      return [task, found === undefined ? null : `${percent(found.mean)}${std}`];
    }),
  ),
}));
save(option('name', 'fewclue'), {
  title: `FewCLUE with ${report.model}: accuracy on the dev rows of each split, %, mean (standard deviation) of ${new Set(report.figures.flatMap((f) => f.runs.map((r) => r.split))).size} splits`,
  machine: machine({ easynlp: report.versions.easynlp }),
  rows,
  details: report.figures,
});
printTable([Object.keys(rows[0]), ...rows.map((row) => Object.values(row).map((value) => value ?? ''))]);
