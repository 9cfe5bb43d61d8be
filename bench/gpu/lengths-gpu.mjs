#!/usr/bin/env node
// Fine-tuning on texts of real lengths on CUDA: useful (not padding) tokens a second of BERT-base, batch 32, against
// eager transformers with dynamic padding, in the same run and on the same batches in the same order.
//   node bench/gpu/lengths-gpu.mjs --lengths FILE [--size base] [--batches 60] [--rounds 1] [--js-only]
//   node bench/gpu/lengths-gpu.mjs --write FILE [--data ../shared/data]     makes FILE: token counts, no texts
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import {
  flag,
  json,
  machine,
  median,
  option,
  printTable,
  python,
  pythonScript,
  root,
  save,
} from '../lib/report.mjs';

const ROWS = 4800;
const MOST = 512;
const BATCH = 32;

/** Token counts of the first rows of both training files, in an order shuffled once. */
async function lengthsOf(folder) {
  const { Tokenizer } = await import(`${root}/packages/easynlp/dist/text/index.js`);
  const tokenizer = await Tokenizer.fromFolder(join(root, 'packages/models-zh/bert-small-zh'));
  const result = {};
  for (const [name, file, column] of [
    ['TNEWS', 'tnews/train.json.gz', 'sentence'],
    ['ChnSentiCorp', 'chnsenticorp/train.tsv', null],
  ]) {
    const path = join(folder, file);
    if (!existsSync(path)) throw new Error(`${path} is missing; --data names the folder`);
    const lines = (path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path))
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .slice(0, ROWS);
    const texts = column
      ? lines.map((l) => JSON.parse(l)[column])
      : lines.slice(1).map((l) => l.split('\t').at(-1));
    const encoded = await tokenizer.encodeBatch(texts, { maxLength: MOST });
    let state = 1;
    const keyed = encoded.map(({ length }) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return [state, length];
    });
    result[name] = keyed.sort((a, b) => a[0] - b[0]).map(([, length]) => length);
  }
  return result;
}

async function work() {
  const { classifyBatch, device, newModel, openStep } = await import('../lib/gpu-step.mjs');
  const { cuda } = await import('@easynlp/torch');
  const all = JSON.parse(readFileSync(option('lengths'), 'utf8'));
  const rows = [];
  for (const [data, lengths] of Object.entries(all)) {
    const count = Math.min(Number(option('batches', '60')), Math.floor(lengths.length / BATCH));
    const batches = Array.from({ length: count }, (_, i) =>
      classifyBatch(lengths.slice(i * BATCH, (i + 1) * BATCH)),
    );
    const training = await openStep(await newModel(option('size', 'base')));
    const pass = () => {
      const start = performance.now();
      for (const batch of batches) training.run(batch);
      cuda.synchronize();
      return performance.now() - start;
    };
    const tokens = batches.reduce((n, b) => n + b.tokens, 0);
    const padded = batches.reduce((n, b) => n + b.paddedTokens, 0);
    const firstMs = pass();
    pass();
    const ms = pass();
    rows.push({
      data,
      steps: count,
      tokens,
      share: tokens / padded,
      ms: ms / count,
      firstMs: firstMs / count,
      tokensPerSecond: (tokens / ms) * 1000,
      graphs: training.step.graphCount,
      reservedGiB: cuda.memory().reservedPeak / 2 ** 30,
    });
    training.dispose();
  }
  return { ...device(), rows };
}

if (flag('worker')) {
  console.log(JSON.stringify(await work()));
} else if (option('write')) {
  const lengths = await lengthsOf(option('data', join(root, '../shared/data')));
  writeFileSync(option('write'), JSON.stringify(lengths));
  for (const [name, list] of Object.entries(lengths))
    console.log(name, list.length, 'rows, median', median(list));
} else {
  const own = fileURLToPath(import.meta.url);
  const pass = [
    '--lengths',
    option('lengths'),
    '--size',
    option('size', 'base'),
    '--batches',
    option('batches', '60'),
  ];
  const js = [];
  const py = [];
  for (let round = 0; round < Number(option('rounds', '1')); round++) {
    js.push(json(process.execPath, [own, '--worker', ...pass]));
    if (!flag('js-only')) py.push(json(python, [pythonScript('transformers_lengths_gpu.py'), ...pass]));
  }
  const of = (runs, i, key) => (runs.length ? median(runs.map((run) => run.rows[i][key])) : null);
  const rows = js[0].rows.map(({ data, share, graphs }, i) => ({
    data,
    usefulShare: share,
    jsTokensPerSecond: of(js, i, 'tokensPerSecond'),
    pythonTokensPerSecond: of(py, i, 'tokensPerSecond'),
    timesFaster: py.length ? of(js, i, 'tokensPerSecond') / of(py, i, 'tokensPerSecond') : null,
    jsMs: of(js, i, 'ms'),
    pythonMs: of(py, i, 'ms'),
    jsFirstPassMs: of(js, i, 'firstMs'),
    graphs,
  }));
  save('lengths-gpu', {
    title: `Fine-tuning step on texts of real lengths on CUDA: BERT ${option('size', 'base')}, batch ${BATCH}, at most ${MOST} tokens`,
    machine: machine({ gpu: js[0].gpu, torch: js[0].torch, transformers: py[0]?.transformers ?? null }),
    rows,
    runs: { js, py },
  });
  const n = (value, digits = 2) => (value === null ? '-' : value.toFixed(digits));
  printTable([
    [
      'data',
      'useful share',
      'ours tokens/s',
      'eager tokens/s',
      '×',
      'ours ms',
      'eager ms',
      'first pass ms',
      'graphs',
    ],
    ...rows.map((r) => [
      r.data,
      n(r.usefulShare),
      n(r.jsTokensPerSecond, 0),
      n(r.pythonTokensPerSecond, 0),
      n(r.timesFaster),
      n(r.jsMs),
      n(r.pythonMs),
      n(r.jsFirstPassMs),
      r.graphs,
    ]),
  ]);
}
