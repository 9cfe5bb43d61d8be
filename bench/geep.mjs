#!/usr/bin/env node
// Early exit (geep_classify): accuracy and speed at several thresholds on ChnSentiCorp with the bundled bert-small-zh (four
// layers, three exits before the last) on the CPU, trained on a part of the rows. Speed is that of whole evaluations, one
// after the other in one process, tokenizing left out; on a shared machine take the number of layers as the steadier figure.
//   node bench/geep.mjs [--rows 1600] [--dev 600] [--epochs 2] [--model bert-small-zh]
// data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = join(process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data'), 'chnsenticorp');
if (!existsSync(data)) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const rows = Number(option('rows', 1600));
const devRows = Number(option('dev', 600));
const epochs = Number(option('epochs', 2));
const model = option('model', 'bert-small-zh');
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-geep-'));

/** Evenly spaced rows of a file, under its header. */
function part(name, count) {
  const [header, ...all] = readFileSync(join(data, `${name}.tsv`), 'utf8')
    .trimEnd()
    .split('\n');
  const taken = Array.from(
    { length: Math.min(count, all.length) },
    (_, i) => all[Math.floor((i * all.length) / Math.min(count, all.length))],
  );
  const path = join(scratch, `${name}.tsv`);
  writeFileSync(path, `${[header, ...taken].join('\n')}\n`);
  return path;
}
const train = part('train', rows);
const dev = part('dev', devRows);
const output = join(scratch, 'model');
const easynlp = (text) =>
  execFileSync(process.execPath, [join(root, 'packages/easynlp/bin/easynlp.js'), ...text.split(' ')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
const on = `--device cpu --num-threads ${threads}`;
easynlp(
  `train geep_classify --train ${train} --model ${model} --learning-rate 1e-4 --epochs ${epochs} --batch-size 16 --sequence-length 64 --save-strategy none --quiet --output ${output} ${on}`,
);
const { details } = JSON.parse(
  easynlp(
    `evaluate geep_classify --model ${output} --data ${dev} --compare-thresholds 0,0.05,0.1,0.2,0.4,0.6,0.8,1 --json ${on}`,
  ),
);
rmSync(scratch, { recursive: true, force: true });
const results = details.thresholds.map(({ exitThreshold, accuracy, meanLayers, rowsPerSecond, speedup }) => ({
  exitThreshold,
  accuracy,
  meanLayers,
  rowsPerSecond: Number(rowsPerSecond.toPrecision(3)),
  speedup: Number(speedup.toFixed(2)),
}));
save('geep', {
  title: `Early exit on ChnSentiCorp with ${model}: dev accuracy and speed after ${epochs} epochs on ${rows.toLocaleString('en-US')} rows, 64 tokens, ${threads} threads`,
  machine: machine(),
  trainRows: rows,
  devRows,
  rows: results,
});
printTable([
  ['exit threshold', 'accuracy', 'layers', 'speed'],
  ...results.map((r) => [r.exitThreshold, r.accuracy.toFixed(4), r.meanLayers.toFixed(2), `${r.speedup}×`]),
]);
