#!/usr/bin/env node
// CLUE's tasks through `easynlp benchmark clue`, as far as public repositories hold their rows. Dev figures; the best
// epoch is not chosen on dev, the last one counts.
//   node bench/clue.mjs [--model bert-small-zh] [--tasks afqmc,tnews,ocnli,cmrc2018] [--seeds 42] [--device auto]
//                       [--precision fp32] [--profile small|base] [--epochs N] [--learning-rate R] [--settings FILE]
//                       [--train-rows N] [--dev-rows N] [--output out/clue] [--name clue]
//   data: EASYNLP_TEST_DATA or ../shared/data. Finished runs under --output are not done again.
// The files are written anew in CLUE's own layout, so the official ones take the same way:
//   afqmc     official train and dev rows
//   tnews     the official dev rows are not there: the last 5,000 training rows; their titles are not trained on
//   ocnli     the same: every 16th or so of the premises (by a hash of the premise), with all of its hypotheses
//   cmrc2018  official training questions, and the trial questions instead of the dev questions
//   iflytek   only when asked for: FewCLUE's few_all rows, a quarter of CLUE's; not to be compared with its figures
// CSL, CLUEWSC and ChID are there in FewCLUE's size only (about 160 rows), CMNLI, DRCD and C3 not at all: left out.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { machine, option, printTable, root, save, threads } from './lib/report.mjs';

const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
if (!existsSync(join(data, 'afqmc'))) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const limits = { train: Number(option('train-rows', 0)), dev: Number(option('dev-rows', 0)) };
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-clue-'));

/** `count` items at even distances; all of them for 0. */
function spread(items, count) {
  const share = count > 0 ? Math.min(1, count / items.length) : 1;
  return items.filter((_, i) => Math.floor((i + 1) * share) > Math.floor(i * share));
}
const text = (...path) => {
  const file = readFileSync(join(data, ...path));
  return (path.at(-1).endsWith('.gz') ? gunzipSync(file) : file).toString();
};
const lines = (content) => content.trimEnd().split('\n');
const jsonLines = (...path) => lines(text(...path)).map((line) => JSON.parse(line));
const inFolder = (task, name) => {
  mkdirSync(join(scratch, task), { recursive: true });
  return join(scratch, task, name);
};
function writeParts(task, parts, names = {}) {
  for (const part of ['train', 'dev']) {
    const rows = spread(parts[part], limits[part]);
    writeFileSync(
      inFolder(task, names[part] ?? `${part}.json`),
      rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
    );
  }
}
/** Which of 16 parts a text belongs to. */
const sixteenth = (value) => createHash('sha256').update(value).digest()[0] >> 4;

const PREPARE = {
  afqmc() {
    const rows = (name) =>
      lines(text('afqmc', name)).map((line) => {
        const [sentence1, sentence2, label] = line.split('\t');
        return { sentence1, sentence2, label };
      });
    writeParts('afqmc', { train: rows('train.txt'), dev: rows('dev.txt') });
  },
  tnews() {
    const rows = jsonLines('tnews', 'train.json.gz');
    const dev = rows.slice(-5000);
    const titles = new Set(dev.map((row) => row.sentence));
    writeParts('tnews', { train: rows.slice(0, -5000).filter((row) => !titles.has(row.sentence)), dev });
  },
  ocnli() {
    const rows = jsonLines('ocnli', 'train.50k.json.gz');
    const held = (row) => sixteenth(row.sentence1) === 0;
    writeParts(
      'ocnli',
      { train: rows.filter((row) => !held(row)), dev: rows.filter(held) },
      { train: 'train.50k.json' },
    );
  },
  cmrc2018() {
    for (const [part, name] of [
      ['train', 'train'],
      ['dev', 'trial'],
    ]) {
      const { data: articles, ...rest } = JSON.parse(text('cmrc2018', `${name}.json.gz`));
      const questions = articles.reduce((n, a) => n + a.paragraphs.reduce((m, p) => m + p.qas.length, 0), 0);
      // Limits count questions; articles have about the same number each.
      const articlesWanted = Math.ceil((limits[part] * articles.length) / questions);
      const taken = { ...rest, data: spread(articles, articlesWanted) };
      writeFileSync(inFolder('cmrc2018', `${part}.json`), JSON.stringify(taken));
    }
  },
  iflytek() {
    writeParts('iflytek', {
      train: jsonLines('fewclue', 'iflytek', 'train_few_all.json'),
      dev: jsonLines('fewclue', 'iflytek', 'dev_few_all.json'),
    });
  },
};

const tasks = option('tasks', 'afqmc,tnews,ocnli,cmrc2018').split(',');
for (const task of tasks) {
  if (PREPARE[task]) PREPARE[task]();
  else {
    console.error(`--tasks: there are no rows of ${task}; known: ${Object.keys(PREPARE).join(', ')}`);
    process.exit(2);
  }
}

// The settings of the suite name epochs and rate of each task; these here win over all of them.
const over = {
  ...(option('epochs') === undefined ? {} : { epochs: Number(option('epochs')) }),
  ...(option('learning-rate') === undefined ? {} : { learningRate: Number(option('learning-rate')) }),
};
let settings = option('settings');
if (Object.keys(over).length > 0) {
  if (settings !== undefined) {
    console.error('--settings: write epochs and learningRate into the file');
    process.exit(2);
  }
  settings = join(scratch, 'settings.json');
  writeFileSync(
    settings,
    JSON.stringify({ tasks: Object.fromEntries(tasks.map((task) => [task, { all: over }])) }),
  );
}

const model = option('model', 'bert-small-zh');
const output = option('output', join(root, 'out', 'clue'));
const device = option('device', 'auto');
const profile = option('profile');
try {
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...['benchmark', 'clue', '--data', scratch, '--output', output, '--model', model],
      ...['--tasks', tasks.join(','), '--seeds', option('seeds', '42'), '--evaluate-on', 'dev'],
      ...['--device', device, '--precision', option('precision', 'fp32')],
      ...['--num-threads', String(threads)],
      ...(profile === undefined ? [] : ['--profile', profile]),
      ...(settings === undefined ? [] : ['--settings', settings]),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

// One row a task; BERT-base and others in dev figures stand beside it where they are published.
const report = JSON.parse(readFileSync(join(output, 'results.json'), 'utf8'));
const percent = (value) => (100 * value).toFixed(2);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const published = (method, task) =>
  report.published.rows.find((row) => row.method === method)?.figures[task]?.mean ?? null;
const runOf = (task, { split, seed }) =>
  JSON.parse(readFileSync(join(output, 'runs', task, 'finetune', `${split}-seed${seed}.json`), 'utf8'));
const figures = report.figures.filter((f) => tasks.includes(f.task));
const rows = figures.map((figure) => {
  const run = runOf(figure.task, figure.runs[0]);
  const other = figure.task === 'ocnli' ? 'BERT (dev, OCNLI)' : 'BERT-base (dev)';
  const compared = (method) => (figure.task === 'iflytek' ? null : published(method, figure.task));
  return {
    task: figure.task,
    metric: figure.metric,
    dev: `${percent(figure.mean)}${figure.std === null ? '' : ` (${percent(figure.std)})`}`,
    // CLUE ranks by EM; the F1 of CMRC's own script belongs to it.
    devF1:
      figure.metric === 'em' ? percent(mean(figure.runs.map((r) => runOf(figure.task, r).metrics.f1))) : null,
    trainRows: run.rows.train,
    devRows: run.rows.evaluated,
    runs: figure.runs.length,
    bertBasePublished: compared(other),
    albertTinyPublished: compared('ALBERT-tiny (dev)'),
    seconds: Math.round(figure.seconds / figure.runs.length),
  };
});
save(option('name', 'clue'), {
  title: `CLUE with ${model}: dev figures after the last epoch, %, mean (standard deviation) of ${new Set(figures.flatMap((f) => f.runs.map((r) => r.seed))).size} seeds`,
  machine: machine({ easynlp: report.versions.easynlp, device }),
  model,
  rows,
  details: figures.map((figure) => ({
    ...figure,
    metrics: figure.runs.map((run) => runOf(figure.task, run).metrics),
  })),
});
printTable([Object.keys(rows[0]), ...rows.map((row) => Object.values(row).map((value) => value ?? ''))]);
