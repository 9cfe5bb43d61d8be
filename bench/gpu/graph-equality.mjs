#!/usr/bin/env node
// Trains the same small BERT on the review sample with and without CUDA graphs and compares the losses step by step.
//   node bench/gpu/graph-equality.mjs        needs CUDA
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machine, save } from '../lib/report.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { train } = await import(join(root, 'packages/easynlp/dist/index.js'));
const { cuda } = await import('@easynlp/torch');
const sample = join(root, 'packages/easynlp/samples/reviews');
const scratch = mkdtempSync(join(tmpdir(), 'easynlp-graphs-'));

async function losses(cudaGraphs, dropout) {
  const seen = [];
  await train(
    {
      train: join(sample, 'train.tsv'),
      dev: join(sample, 'dev.tsv'),
      architecture: 'bert',
      epochs: 8,
      learningRate: 1e-4,
      padding: 'max_length',
      sequenceLength: 64,
      device: 'cuda',
      precision: 'bf16',
      saveStrategy: 'none',
      overwrite: true,
      output: join(scratch, `${cudaGraphs}`),
      cudaGraphs,
      dropout,
    },
    { onStep: (info) => seen.push(info.loss()) },
  );
  return seen;
}

const rows = [];
for (const dropout of [0.1, 0]) {
  const [eager, graph] = [await losses(false, dropout), await losses(true, dropout)];
  const difference = Math.max(...eager.map((value, i) => Math.abs(value - graph[i])));
  rows.push({ dropout, steps: eager.length, maxDifference: difference, lastLoss: graph.at(-1) });
  console.log(JSON.stringify(rows.at(-1)));
}
rmSync(scratch, { recursive: true, force: true });
save('graph-equality', {
  title: 'Losses with and without CUDA graphs',
  machine: machine({ gpu: cuda.memory().name }),
  rows,
});
process.exitCode = rows.every((row) => row.maxDifference === 0) ? 0 : 1;
