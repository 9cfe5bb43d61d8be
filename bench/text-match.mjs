#!/usr/bin/env node
// Dev figures of text matching on AFQMC (questions of Ant Financial, match or no match) with the bundled bert-tiny-zh on
// the CPU: one tower, and two towers with several losses; trained on a few rows, through the command line that users
// type. Dev is what the best epoch and the threshold are chosen on, so the figures flatter every run alike.
//   node bench/text-match.mjs [--rows 6000] [--dev 2000] [--epochs 2] [--only 'one tower;two towers, circle']
// data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = join(process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data'), 'afqmc');
if (!existsSync(data)) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const rows = Number(option('rows', 6000));
const devRows = Number(option('dev', 2000));
const epochs = Number(option('epochs', 2));
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-text-match-'));

/** Evenly spaced rows of a file without a header, under a header. */
function part(name, count) {
  const all = readFileSync(join(data, `${name}.txt`), 'utf8')
    .trimEnd()
    .split('\n');
  const taken = Array.from({ length: Math.min(count, all.length) }, (_, i) =>
    all[Math.floor((i * all.length) / Math.min(count, all.length))].replace(/\r$/, ''),
  );
  const path = join(scratch, `${name}.tsv`);
  writeFileSync(path, `sentence1\tsentence2\tlabel\n${taken.join('\n')}\n`);
  return { path, matches: taken.filter((line) => line.endsWith('\t1')).length / taken.length };
}
const train = part('train', rows);
const dev = part('dev', devRows);

const towers = (loss) => `--two-tower --loss ${loss} --sequence-length 48`;
const RUNS = {
  'one tower': '--sequence-length 96',
  'two towers, cosent': towers('cosent'),
  'two towers, infonce': towers('infonce'),
  'two towers, circle': towers('circle'),
  'two towers, contrastive': towers('contrastive'),
};

const results = [];
const only = option('only', Object.keys(RUNS).join(';')).split(';');
for (const name of only) {
  const output = join(scratch, name.replaceAll(/\W+/g, '-'));
  const begun = performance.now();
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...`train text_match ${RUNS[name]} --train ${train.path} --dev ${dev.path}`.split(' '),
      ...`--model bert-tiny-zh --learning-rate 4e-4 --epochs ${epochs} --batch-size 32`.split(' '),
      ...`--save-strategy none --device cpu --num-threads ${threads} --output ${output}`.split(' '),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const seconds = (performance.now() - begun) / 1000;
  const { metrics } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
  const { accuracy, f1, auc, spearman, mrr, recall_at_1, recall_at_10, threshold } = metrics;
  results.push({
    run: name,
    accuracy,
    f1,
    auc,
    spearman: spearman ?? null,
    mrr: mrr ?? null,
    recallAt1: recall_at_1 ?? null,
    recallAt10: recall_at_10 ?? null,
    threshold: threshold ?? null,
  });
  // Times are printed only: the figures are about what is learned, and machines may be shared.
  console.error(JSON.stringify({ ...results.at(-1), seconds }));
  save('text-match', {
    title: `AFQMC with bert-tiny-zh: dev figures after ${epochs} epochs on ${rows.toLocaleString('en-US')} of 34,334 rows, seed 42, ${threads} threads`,
    machine: machine(),
    trainRows: rows,
    devRows,
    devMatches: dev.matches,
    rows: results,
  });
}
rmSync(scratch, { recursive: true, force: true });
printTable([
  ['run', 'accuracy', 'AUC', 'Spearman', 'MRR'],
  ...results.map((r) => [
    r.run,
    ...[r.accuracy, r.auc, r.spearman, r.mrr].map((v) => (v === null ? '–' : v.toFixed(4))),
  ]),
]);
