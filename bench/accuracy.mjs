#!/usr/bin/env node
// Dev accuracy of classifiers trained from scratch on ChnSentiCorp and TNEWS (its last 5,000 rows as dev), through the
// command line that users type; one ChnSentiCorp run once more with EasyNLP's own flags.
//   node bench/accuracy.mjs [--only chn-text-cnn,…]      data: EASYNLP_TEST_DATA or ../shared/data
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { machine, option, printTable, save } from './lib/report.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const data = process.env.EASYNLP_TEST_DATA ?? join(root, '..', 'shared', 'data');
if (!existsSync(join(data, 'chnsenticorp'))) {
  console.error(`no data in ${data}: set EASYNLP_TEST_DATA`);
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-accuracy-'));
const titles = gunzipSync(readFileSync(join(data, 'tnews', 'train.json.gz')))
  .toString()
  .trimEnd()
  .split('\n');
const tnews = { train: join(scratch, 'tnews-train.jsonl'), dev: join(scratch, 'tnews-dev.jsonl') };
writeFileSync(tnews.train, `${titles.slice(0, -5000).join('\n')}\n`);
writeFileSync(tnews.dev, `${titles.slice(-5000).join('\n')}\n`);
const chn = { train: join(data, 'chnsenticorp', 'train.tsv'), dev: join(data, 'chnsenticorp', 'dev.tsv') };

const bert = '--architecture bert --layers 2 --hidden-size 128 --heads 2 --precision bf16';
const native = ({ train, dev }, rest) => [
  'train',
  'text_classify',
  '--train',
  train,
  '--dev',
  dev,
  ...rest.split(' '),
];
const RUNS = {
  'chn-text-cnn': {
    goal: 0.82,
    args: native(chn, '--architecture text-cnn --epochs 6 --learning-rate 1e-3'),
  },
  'chn-bert': {
    goal: 0.87,
    args: native(chn, `${bert} --epochs 6 --learning-rate 1e-3 --sequence-length 256`),
  },
  'chn-text-cnn-easynlp-flags': {
    goal: 0.82,
    args: [
      '--mode=train',
      '--app_name=text_classify',
      `--tables=${chn.train},${chn.dev}`,
      '--input_schema=label:str:1,text_a:str:1',
      '--skip_first_line',
      '--first_sequence=text_a',
      '--label_name=label',
      '--label_enumerate_values=0,1',
      '--sequence_length=128',
      '--micro_batch_size=32',
      '--epoch_num=6',
      '--learning_rate=1e-3',
      '--user_defined_parameters=architecture=text-cnn',
    ],
    easynlp: true,
  },
  'tnews-text-cnn': {
    goal: 0.49,
    args: native(
      tnews,
      '--architecture text-cnn --epochs 4 --learning-rate 1e-3 --batch-size 64 --sequence-length 64',
    ),
  },
  'tnews-bert': {
    goal: 0.5,
    args: native(
      tnews,
      `${bert} --epochs 10 --learning-rate 1e-3 --batch-size 64 --sequence-length 64 --dropout 0.3 --attention-dropout 0.1 --initializer-range 0.1`,
    ),
  },
  'tnews-bert-keywords': {
    goal: 0.5,
    args: native(
      tnews,
      `${bert} --epochs 3 --learning-rate 5e-4 --batch-size 64 --sequence-length 64 --second-sequence keywords`,
    ),
  },
};

const rows = [];
const only = option('only', Object.keys(RUNS).join(',')).split(',');
for (const name of only) {
  const { goal, args, easynlp } = RUNS[name];
  const output = join(scratch, name);
  const begun = performance.now();
  execFileSync(
    process.execPath,
    [
      join(root, 'packages/easynlp/bin/easynlp.js'),
      ...args,
      ...(easynlp ? [`--checkpoint_dir=${output}`] : ['--output', output, '--save-strategy', 'none']),
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const { metrics } = JSON.parse(readFileSync(join(output, 'easynlp.json'), 'utf8'));
  const seconds = (performance.now() - begun) / 1000;
  rows.push({ name, accuracy: metrics.accuracy, goal, reached: metrics.accuracy >= goal, seconds });
  console.error(JSON.stringify(rows.at(-1)));
  save('accuracy', {
    title: 'Dev accuracy of classifiers trained from scratch, seed 42',
    machine: machine(),
    rows,
  });
}
rmSync(scratch, { recursive: true, force: true });
printTable([
  ['run', 'accuracy', 'goal', 's'],
  ...rows.map((r) => [r.name, r.accuracy.toFixed(4), r.goal.toFixed(2), r.seconds.toFixed(0)]),
]);
