#!/usr/bin/env node
// Multi-label classification with the bundled bert-tiny-zh on the CPU. No data set of label sets is at hand, so one is
// derived from CLUENER's training and dev files (news sentences, named entities marked by people): a sentence's labels are
// the kinds of entities that are marked in it (ten kinds; address, book, company, …). Every second dev sentence selects the
// epoch and the thresholds, the others are the test that is reported.
//   node bench/multi-label.mjs [--rows 10748] [--epochs 4]
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
const epochs = Number(option('epochs', 4));
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-multi-label-'));

/** Sentences with the kinds of their entities. */
function sentences(name) {
  const lines = readFileSync(join(data, `${name}.json`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return lines.map(({ text, label }) => ({ text, label: Object.keys(label ?? {}) }));
}
function write(name, rows) {
  const path = join(scratch, `${name}.jsonl`);
  writeFileSync(path, `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`);
  return path;
}
const all = sentences('train');
const rows = Math.min(all.length, Number(option('rows', all.length)));
const held = sentences('dev');
const train = write('train', all.slice(0, rows));
const dev = write(
  'dev',
  held.filter((_, i) => i % 2 === 0),
);
const tested = held.filter((_, i) => i % 2 === 1);
const test = write('test', tested);

const easynlp = (...args) =>
  execFileSync(process.execPath, [join(root, 'packages/easynlp/bin/easynlp.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
const RUNS = { 'equal weights': '', 'balanced weights': '--positive-weights balanced' };
const results = [];
const on = `--device cpu --num-threads ${threads}`;
for (const [name, flags] of Object.entries(RUNS)) {
  const output = join(scratch, `model-${results.length}`);
  const begun = performance.now();
  easynlp(
    ...`train text_classify --multi-label --train ${train} --dev ${dev} ${flags} --quiet`.trim().split(/\s+/),
    ...`--model bert-tiny-zh --learning-rate 4e-4 --epochs ${epochs} --batch-size 32 --sequence-length 64`.split(
      ' ',
    ),
    ...`--save-strategy none --output ${output} ${on}`.split(' '),
  );
  for (const [thresholds, use] of [
    ['0.5', '--threshold 0.5'],
    ['per label, tuned on dev', ''],
  ]) {
    const command = `evaluate text_classify --multi-label --model ${output} --data ${test} --json ${use} ${on}`;
    const { metrics } = JSON.parse(easynlp(...command.split(/\s+/)));
    const { micro_f1, macro_f1, samples_f1, subset_accuracy, hamming_loss, map } = metrics;
    results.push({
      training: name,
      thresholds,
      microF1: micro_f1,
      macroF1: macro_f1,
      samplesF1: samples_f1,
      subsetAccuracy: subset_accuracy,
      hammingLoss: hamming_loss,
      map,
    });
  }
  // Times are printed only: machines may be shared.
  console.error(JSON.stringify({ ...results.at(-1), seconds: (performance.now() - begun) / 1000 }));
  save('multi-label', {
    title: `Kinds of entities in CLUENER's sentences (a derived multi-label task) with bert-tiny-zh: test figures after ${epochs} epochs on ${rows.toLocaleString('en-US')} rows, seed 42, ${threads} threads`,
    machine: machine(),
    trainRows: rows,
    testRows: tested.length,
    labelsPerRow: tested.reduce((sum, { label }) => sum + label.length, 0) / tested.length,
    rows: results,
  });
}
rmSync(scratch, { recursive: true, force: true });
printTable([
  ['training', 'thresholds', 'micro F1', 'macro F1', 'subset accuracy', 'mAP'],
  ...results.map((r) => [
    r.training,
    r.thresholds,
    ...[r.microF1, r.macroF1, r.subsetAccuracy, r.map].map((v) => v.toFixed(4)),
  ]),
]);
