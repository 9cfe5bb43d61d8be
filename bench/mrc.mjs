#!/usr/bin/env node
// CMRC 2018: questions of the training set, figures on the trial questions, with a bundled model on the CPU and through
// the command line that users type. The trial questions choose the best epoch, so the figures flatter a little.
//   node bench/mrc.mjs [--model bert-small-zh] [--rows 2000] [--dev 1002] [--epochs 2] [--length 256] [--rate 2e-4]
// data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = join(process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data'), 'cmrc2018');
if (!existsSync(data)) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const model = option('model', 'bert-small-zh');
const rows = Number(option('rows', 2000));
const devRows = Number(option('dev', 1002));
const epochs = Number(option('epochs', 2));
const length = Number(option('length', 256));
const rate = option('rate', '2e-4');
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-mrc-'));

/** About `count` questions, those of texts that are evenly spaced in the file. */
function part(name, count) {
  const { data: articles, ...rest } = JSON.parse(gunzipSync(readFileSync(join(data, `${name}.json.gz`))));
  const questions = articles.map((article) =>
    article.paragraphs.reduce((sum, paragraph) => sum + paragraph.qas.length, 0),
  );
  const all = questions.reduce((a, b) => a + b, 0);
  const share = Math.min(1, count / all);
  const taken = articles.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share));
  const path = join(scratch, `${name}.json`);
  writeFileSync(path, JSON.stringify({ ...rest, data: taken }));
  const size = taken.reduce((sum, a) => sum + a.paragraphs.reduce((n, p) => n + p.qas.length, 0), 0);
  return { path, size, all };
}
const train = part('train', rows);
const dev = part('trial', devRows);

const output = join(scratch, 'model');
const easynlp = (line) =>
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...line.split(' '),
      ...['--device', 'cpu', '--num-threads', String(threads)],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' },
  );
const begun = performance.now();
easynlp(
  `train machine_reading_comprehension --train ${train.path} --dev ${dev.path} --model ${model} --output ${output} --sequence-length ${length} --batch-size 32 --learning-rate ${rate} --epochs ${epochs} --save-strategy none`,
);
const seconds = (performance.now() - begun) / 1000;
const { metrics } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
rmSync(scratch, { recursive: true, force: true });
// Times are printed only: the figures are about what is learned, and machines may be shared.
console.error(`${seconds.toFixed(0)} s`);
save('mrc', {
  title: `CMRC 2018 with ${model}: trial questions after ${epochs} epochs on ${train.size.toLocaleString('en-US')} of ${train.all.toLocaleString('en-US')} questions, windows of ${length} tokens, learning rate ${rate}, seed 42`,
  machine: machine(),
  model,
  trainQuestions: train.size,
  devQuestions: dev.size,
  epochs,
  sequenceLength: length,
  rows: [{ f1: metrics.f1, em: metrics.em, average: metrics.average }],
});
printTable([['F1', 'EM', 'average'], [metrics.f1, metrics.em, metrics.average].map((v) => v.toFixed(4))]);
