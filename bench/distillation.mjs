#!/usr/bin/env node
// What distillation brings a small student, through the command line that users type.
//   node bench/distillation.mjs [--only chnsenticorp,eprstmt] [--train-rows N] [--seeds 1,2] [--resume]
// chnsenticorp: bert-small-zh fine-tuned on ChnSentiCorp teaches bert-tiny-zh; beside it the fine-tuned bert-tiny-zh.
//   --augment N and --unlabelled FILE give the distilled one further texts; --unlabelled shopping: reviews of hotels, books,
//   computers and tablets of shopping_domains, whatever their labels, without those that resemble a dev row.
//   Asked for: half of the gap between the student and its teacher.
// eprstmt: 32 labelled rows (--splits 0,1,2,3,4); the teacher is tuned on them with a prompt (or --few-shot finetune), the
//   student learns from it over the unlabelled rows (all, or --unlabelled-rows N). Asked for: +10 points.
// Data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { machine, option, printTable, root, save } from './lib/report.mjs';

const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
if (!existsSync(join(data, 'chnsenticorp'))) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-distillation-'));
const [teacher, student] = [option('teacher', 'bert-small-zh'), option('student', 'bert-tiny-zh')];
const seeds = option('seeds', '42').split(',').map(Number);
const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;

/** Trains by the command line; accuracy on the validation data, parameters, seconds. */
function train(name, flags) {
  const output = join(scratch, name);
  const begun = performance.now();
  const argv = Object.entries({ ...flags, output }).flatMap(([key, value]) => [`--${key}`, String(value)]);
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...['train', 'text_classify', '--save-strategy', 'none', '--overwrite', ...argv],
    ],
    { stdio: ['ignore', 'ignore', process.argv.includes('--verbose') ? 'inherit' : 'pipe'] },
  );
  const { metrics, training } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
  const row = {
    output,
    accuracy: metrics.accuracy,
    parameters: training.parameters,
    seconds: (performance.now() - begun) / 1000,
  };
  console.error(`${name}: ${row.accuracy.toFixed(4)} in ${row.seconds.toFixed(0)} s`);
  return row;
}

const file = join(
  process.env.BENCH_RESULTS ?? join(root, 'bench', 'results'),
  `${option('save', 'distillation')}.json`,
);
/** Trainings of an earlier call count, as long as the options of theirs were the same. */
const runs =
  process.argv.includes('--resume') && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).runs : [];

/** Three trainings for each seed and variant, and what the second student has that the first lacks. */
function compare(name, { goal, reached, settings, variants }) {
  const used = JSON.stringify({ teacher, student, ...settings });
  const own = [];
  for (const [variant, { tune, finetune, distil }] of Object.entries(variants)) {
    for (const seed of seeds) {
      const place = { data: name, variant, seed, settings: used };
      let run = runs.find((r) => Object.keys(place).every((key) => r[key] === place[key]));
      if (run === undefined) {
        const id = `${name}-${variant}-${seed}`;
        const large = train(`${id}-teacher`, { ...tune, seed });
        const small = train(`${id}-student`, { model: student, ...finetune, seed });
        const taught = { model: student, method: 'kd', teacher: large.output, ...distil, seed };
        const distilled = train(`${id}-distilled`, taught);
        for (const row of [large, small, distilled]) delete row.output;
        run = { ...place, teacher: large, student: small, distilled };
        runs.push(run);
      }
      own.push(run);
    }
  }
  const of = (who) => mean(own.map((run) => run[who].accuracy));
  const figures = { teacher: of('teacher'), student: of('student'), distilled: of('distilled') };
  const gain = figures.distilled - figures.student;
  const gap = figures.teacher - figures.student;
  const all = { ...figures, gain, gapClosed: gain / gap };
  return { data: name, runs: own.length, goal, ...all, reached: reached(gain, gap) };
}

/** Pieces of ten characters, of letters and digits alone: how a text is recognised in another wording of its marks. */
function shingles(text) {
  const letters = [...text.normalize('NFKC').toLowerCase()].filter((c) => /[\p{L}\p{N}]/u.test(c)).join('');
  if (letters.length <= 10) return new Set([letters]);
  return new Set(Array.from({ length: letters.length - 9 }, (_, i) => letters.slice(i, i + 10)));
}

/** Reviews of four categories as a file of texts alone. Both data sets took reviews of the same sites: nothing of dev may come in. */
function shoppingTexts() {
  const known = new Set();
  for (const line of readFileSync(join(data, 'chnsenticorp', 'dev.tsv'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)) {
    for (const piece of shingles(line.split('\t').slice(1).join(' '))) known.add(piece);
  }
  const table = gunzipSync(readFileSync(join(data, 'shopping_domains', 'online_shopping_10_cats.csv.gz')));
  const texts = new Set();
  let refused = 0;
  for (const line of table.toString('utf8').split(/\r?\n/)) {
    const [, category, review] = /^([^,]*),[01],(.*)$/.exec(line) ?? [];
    if (!['酒店', '书籍', '计算机', '平板'].includes(category)) continue;
    const text = review.replace(/^"|"$/g, '').replaceAll('""', '"').replaceAll('\t', ' ').trim();
    const pieces = [...shingles(text)];
    // A fifth of its pieces in dev: the same review, or a copied part of it.
    if (pieces.filter((piece) => known.has(piece)).length > pieces.length / 5) refused++;
    else if (text !== '') texts.add(text);
  }
  const file = join(scratch, 'shopping.jsonl');
  writeFileSync(file, [...texts].map((text) => `${JSON.stringify({ text_a: text })}\n`).join(''));
  console.error(`${texts.size} unlabelled reviews; ${refused} resemble dev rows and are left out`);
  return file;
}

const COMPARISONS = {
  chnsenticorp() {
    const limit = option('train-rows');
    let rows = join(data, 'chnsenticorp', 'train.tsv');
    if (limit !== undefined) {
      const [header, ...lines] = readFileSync(rows, 'utf8').trimEnd().split('\n');
      // Every n-th row: the file may be in some order.
      const step = Math.max(1, Math.floor(lines.length / Number(limit)));
      const some = lines.filter((_, i) => i % step === 0).slice(0, Number(limit));
      rows = join(scratch, 'chnsenticorp.tsv');
      writeFileSync(rows, `${[header, ...some].join('\n')}\n`);
    }
    const common = {
      train: rows,
      dev: join(data, 'chnsenticorp', 'dev.tsv'),
      'sequence-length': option('sequence-length', '128'),
      'batch-size': 32,
    };
    const pupil = { ...common, 'learning-rate': 4e-4, epochs: option('epochs', '4') };
    const settings = {
      rows: limit ?? 'all',
      length: common['sequence-length'],
      epochs: pupil.epochs,
      teacherEpochs: option('teacher-epochs', '3'),
      temperature: option('temperature', '2'),
      alpha: option('alpha', '0.7'),
      augment: option('augment', '0'),
      unlabelled: option('unlabelled', ''),
      ...(process.argv.includes('--teacher-learning-rate')
        ? { teacherLearningRate: option('teacher-learning-rate') }
        : {}),
    };
    const further = settings.unlabelled === 'shopping' ? shoppingTexts() : settings.unlabelled;
    const more = further === '' ? {} : { unlabelled: further };
    return compare('chnsenticorp', {
      goal: 'half of the gap',
      reached: (gain, gap) => gap > 0 && gain >= gap / 2,
      settings,
      variants: {
        all: {
          tune: {
            ...{ ...common, model: teacher, epochs: settings.teacherEpochs },
            'learning-rate': option('teacher-learning-rate', '1.5e-4'),
          },
          finetune: pupil,
          distil: {
            ...{ ...pupil, ...more, temperature: settings.temperature, alpha: settings.alpha },
            ...(settings.augment === '0' ? {} : { augment: settings.augment, 'augment-model': teacher }),
          },
        },
      },
    });
  },
  eprstmt() {
    const folder = join(data, 'fewclue', 'eprstmt');
    const unlabelled = join(scratch, 'unlabelled.jsonl');
    const lines = gunzipSync(readFileSync(join(folder, 'unlabeled.json.gz')))
      .toString()
      .trimEnd()
      .split('\n');
    const wanted = Number(option('unlabelled-rows', lines.length));
    writeFileSync(unlabelled, `${lines.slice(0, wanted).join('\n')}\n`);
    const common = {
      dev: join(folder, 'dev_few_all.json'),
      format: 'jsonl',
      'sequence-length': 128,
      'batch-size': 8,
    };
    const tune = {
      finetune: { 'learning-rate': 1e-4, epochs: 15 },
      pet: {
        method: 'pet',
        pattern: '质量很,label,。,sentence',
        'label-words': '差,好',
        'learning-rate': 3e-5,
        'batch-size': 2,
        epochs: 10,
      },
    }[option('few-shot', 'pet')];
    const settings = {
      fewShot: option('few-shot', 'pet'),
      unlabelled: wanted,
      epochs: option('epochs', '3'),
      temperature: option('temperature', '2'),
      alpha: option('alpha', '0.7'),
    };
    const variant = (split) => {
      const rows = { ...common, train: join(folder, `train_${split}.json`) };
      return {
        tune: { ...rows, model: teacher, ...tune },
        finetune: { ...rows, 'learning-rate': 4e-4, epochs: 20 },
        distil: {
          ...{ ...rows, unlabelled, 'batch-size': 32, 'learning-rate': 4e-4, epochs: settings.epochs },
          ...{ temperature: settings.temperature, alpha: settings.alpha, 'labelled-repeat': 4 },
        },
      };
    };
    const splits = option('splits', '0').split(',');
    return compare('eprstmt', {
      goal: '+10 points',
      reached: (gain) => gain >= 0.1,
      settings,
      variants: Object.fromEntries(splits.map((split) => [`split ${split}`, variant(split)])),
    });
  },
};

try {
  const comparisons = option('only', Object.keys(COMPARISONS).join(','))
    .split(',')
    .map((name) => COMPARISONS[name]());
  save(option('save', 'distillation'), {
    title: `Distillation of ${teacher} into ${student}: dev accuracy`,
    machine: machine({ options: process.argv.slice(2).join(' ') }),
    rows: comparisons,
    runs,
  });
  printTable([
    ['data', 'teacher', 'student', 'distilled', 'gain', 'of the gap', 'goal'],
    ...comparisons.map((c) => [
      c.data,
      ...[c.teacher, c.student, c.distilled, c.gain].map((v) => v.toFixed(4)),
      `${(100 * c.gapClosed).toFixed(0)} %`,
      `${c.goal}: ${c.reached ? 'reached' : 'missed'}`,
    ]),
  ]);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
