#!/usr/bin/env node
// The landing story on FewCLUE's eprstmt, with the bundled models: few-shot learning of the large one, distillation into
// the small one. `few-all` is the data that EasyNLP's example very likely uses (its figures are multiples of 1/160, and
// eprstmt's dev_few_all has 160 rows): train_few_all → dev_few_all; the others are the five splits of 32 rows each, measured on dev_few_all too.
// The few-all run teaches on all 19,565 rows without labels, the splits on the first --rows of them.
//   --from few-all=FOLDER,0=FOLDER: outputs of `easynlp land` that were made before, instead of running it.
//   node bench/landing.mjs [--rows 4000] [--data ../shared/data/fewclue/eprstmt] [--runs few-all,0,1,2,3,4] [--large bert-small-zh] [--small bert-tiny-zh]
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = option('data', join(root, '../shared/data/fewclue/eprstmt'));
const large = option('large', 'bert-small-zh');
const small = option('small', 'bert-tiny-zh');
const runs = option('runs', 'few-all,0,1,2,3,4').split(',');
const work = mkdtempSync(join(tmpdir(), 'easynlp-landing-'));
const fileOf = (name) => {
  const target = join(work, `${name}.jsonl`); // the files are JSON Lines, whatever they are called
  copyFileSync(join(data, `${name}.json`), target);
  return target;
};

/** One `easynlp land`, as a user types it. */
function landOnce(run) {
  const output = join(work, `out-${run}`);
  const train = fileOf(run === 'few-all' ? 'train_few_all' : `train_${run}`);
  const start = performance.now();
  const unlabelled = join(work, 'unlabelled.jsonl');
  const lines = gunzipSync(readFileSync(join(data, 'unlabeled.json.gz')))
    .toString()
    .trim()
    .split('\n');
  const used = run === 'few-all' ? lines : lines.slice(0, Number(option('rows', '4000')));
  writeFileSync(unlabelled, `${used.join('\n')}\n`);
  const args = [
    ...['land', '--train', train, '--dev', fileOf('dev_few_all'), '--unlabelled', unlabelled],
    ...[
      '--large',
      large,
      '--small',
      small,
      '--pattern',
      'sentence,"，很",label,。',
      '--label-words',
      '差,好',
    ],
    ...['--labels', 'Negative,Positive', '--output', output, '--num-threads', String(threads), '--quiet'],
  ];
  const done = spawnSync(process.execPath, [join(root, 'packages/easynlp/bin/easynlp.js'), ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (done.status !== 0) throw new Error(`land ended with ${done.status ?? done.signal}`);
  const report = JSON.parse(readFileSync(join(output, 'landing.json'), 'utf8'));
  mkdirSync(join(root, 'out'), { recursive: true });
  copyFileSync(join(output, 'landing.html'), join(root, 'out', `landing-${run}.html`));
  return {
    run,
    unlabelledRows: used.length,
    trainingRows: readFileSync(train, 'utf8').trim().split('\n').length,
    seconds: (performance.now() - start) / 1000,
    rows: report.rows.map(({ folder: _, ...row }) => row),
    gains: report.gains,
  };
}

const linesOf = (file) => readFileSync(file, 'utf8').trim().split('\n').length;

/** What an earlier `easynlp land` left in a folder. */
function finished(run, folder) {
  const { data: files, rows, gains } = JSON.parse(readFileSync(join(folder, 'landing.json'), 'utf8'));
  return {
    run,
    unlabelledRows: files.unlabelled.reduce((sum, file) => sum + linesOf(file), 0),
    trainingRows: linesOf(files.train),
    seconds: rows.reduce((sum, row) => sum + row.trainingSeconds, 0),
    rows: rows.map(({ folder: _, ...row }) => row),
    gains,
  };
}

/** EasyNLP's published figures, examples/landing_large_ptms. */
const PUBLISHED = [0.8375, 0.90625, 0.54375, 0.7125];
try {
  const results = [];
  const earlier = option('from');
  if (earlier) {
    for (const [run, folder] of earlier.split(',').map((part) => part.split('='))) {
      results.push(finished(run, folder));
    }
  } else for (const run of runs) results.push(landOnce(run));
  const splits = results.filter(({ run }) => run !== 'few-all');
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const summary = {
    stages: results[0].rows.map((row, i) => ({
      stage: row.stage,
      model: row.model,
      parameters: row.parameters,
      fewAll: results.find(({ run }) => run === 'few-all')?.rows[i].accuracy ?? null,
      splitsMean: splits.length ? mean(splits.map(({ rows }) => rows[i].accuracy)) : null,
      easynlp: PUBLISHED[i],
    })),
    faster: results[0].gains.faster,
  };
  save('landing', {
    title: 'Landing a large model: FewCLUE eprstmt, accuracy on dev_few_all (160 rows)',
    machine: machine(),
    rows: summary.stages,
    faster: summary.faster,
    results,
  });
  const cell = (value) => (value === null ? '-' : `${(100 * value).toFixed(1)} %`);
  printTable([
    ['', 'model', 'parameters', '160 rows', '32 rows, mean', 'EasyNLP'],
    ...summary.stages.map((s) => [
      s.stage,
      s.model,
      `${(s.parameters / 1e6).toFixed(1)} M`,
      cell(s.fewAll),
      cell(s.splitsMean),
      cell(s.easynlp),
    ]),
  ]);
} finally {
  rmSync(work, { recursive: true, force: true });
}
