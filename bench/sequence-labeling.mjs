#!/usr/bin/env node
// Dev figures of entity recognition with the bundled models on the CPU, through the command line that users type:
// Resume NER (BMES), MSRA NER (BIO) and CLUENER (spans), with a softmax for each character and with a CRF. Dev is what the
// best epoch is chosen on, so the figures flatter every run alike.
//   node bench/sequence-labeling.mjs [--only 'resume;resume, CRF'] [--rows 12000] [--epochs 3] [--model bert-small-zh]
// --rows: sentences of MSRA to train on (evenly spaced; 0 = all 48,273). Runs that are not asked for keep their figures.
// data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
if (!existsSync(data)) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-sequence-labeling-'));
const model = option('model', 'bert-small-zh');
const wanted = Number(option('rows', 12000));

/** Evenly spaced sentences of MSRA. */
function msra() {
  const all = gunzipSync(readFileSync(join(data, 'msra_ner/train.bio.gz')))
    .toString('utf8')
    .trimEnd()
    .split(/\n\s*\n/);
  const count = wanted === 0 ? all.length : Math.min(wanted, all.length);
  const path = join(scratch, 'msra.bio');
  const taken = Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)]);
  writeFileSync(path, `${taken.join('\n\n')}\n`);
  return { path, rows: count };
}
const SETS = {
  resume: () => ({
    path: join(data, 'resume_ner/train.char.bmes'),
    rows: 3821,
    dev: 'resume_ner/dev.char.bmes',
  }),
  msra: () => ({ ...msra(), dev: 'msra_ner/dev.bio' }),
  cluener: () => ({ path: join(data, 'cluener/train.json'), rows: 10748, dev: 'cluener/dev.json' }),
};
const RUNS = Object.keys(SETS).flatMap((set) => [set, `${set}, CRF`]);
const only = option('only', RUNS.join(';')).split(';');

const target = join(process.env.BENCH_RESULTS ?? join(root, 'bench', 'results'), 'sequence-labeling.json');
const results = existsSync(target) ? JSON.parse(readFileSync(target, 'utf8')).rows : [];
for (const run of only) {
  const [set, head] = run.split(', ');
  const { path, rows, dev } = SETS[set]();
  const output = join(scratch, run.replaceAll(/\W+/g, '-'));
  const epochs = Number(option('epochs', set === 'resume' ? 4 : 3));
  const begun = performance.now();
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...`train sequence_labeling --train ${path} --dev ${join(data, dev)} --model ${model}`.split(' '),
      ...`--learning-rate ${option('lr', '4e-4')} --epochs ${epochs} --batch-size 32 --sequence-length 128`.split(
        ' ',
      ),
      ...`--save-strategy none --device cpu --num-threads ${threads} --output ${output}`.split(' '),
      ...(head === 'CRF' ? ['--crf'] : []),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const seconds = (performance.now() - begun) / 1000;
  const { metrics } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
  const row = {
    data: set,
    head: head ?? 'softmax',
    model,
    trainRows: rows,
    epochs,
    f1: metrics.f1,
    precision: metrics.precision,
    recall: metrics.recall,
    macroF1: metrics.macro_f1,
    accuracy: metrics.accuracy,
  };
  // Times are printed only: the figures are about what is learned, and machines may be shared.
  console.error(JSON.stringify({ ...row, seconds }));
  const same = results.findIndex((r) => r.data === row.data && r.head === row.head && r.model === row.model);
  if (same >= 0) results[same] = row;
  else results.push(row);
  save('sequence-labeling', {
    title: `Entities with ${model}: dev figures, seed 42, ${threads} threads`,
    machine: machine(),
    rows: results,
  });
}
rmSync(scratch, { recursive: true, force: true });
printTable([
  ['data', 'head', 'rows', 'epochs', 'F1', 'precision', 'recall', 'accuracy'],
  ...results.map((r) => [
    r.data,
    r.head,
    r.trainRows,
    r.epochs,
    ...[r.f1, r.precision, r.recall, r.accuracy].map((v) => v.toFixed(4)),
  ]),
]);
