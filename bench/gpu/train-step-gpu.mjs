#!/usr/bin/env node
import { fileURLToPath } from 'node:url';
// Training step of a BERT classifier on CUDA against Hugging Face transformers, eager and compiled, in the same run:
// length 128, bf16, dropout, clip, fused AdamW; the loss is never read. Sides alternate, medians count. Ours is what
// train() does: each step one CUDA graph, batches from host memory.
//   node bench/gpu/train-step-gpu.mjs [--rounds 2] [--sizes tiny,small312,base,large] [--batches 32,128]
//     [--compiled base] [--js-only] [--eager]     --compiled: sizes to compare with torch.compile; --eager: no graphs too
import { classifyBatch, device, measureSteps, newModel } from '../lib/gpu-step.mjs';
import {
  flag,
  json,
  machine,
  median,
  option,
  printTable,
  python,
  pythonScript,
  save,
} from '../lib/report.mjs';

const sizes = option('sizes', 'tiny,small312,base,large').split(',');
const batches = option('batches', '32,128').split(',').map(Number);

async function work() {
  const rows = [];
  for (const size of sizes) {
    for (const batch of batches) {
      const full = classifyBatch(Array(batch).fill(128));
      const graph = await measureSteps(await newModel(size), full);
      const eager = flag('eager') ? await measureSteps(await newModel(size), full, { graphs: false }) : null;
      rows.push({ size, batch, ...graph, eagerMs: eager?.ms ?? null });
    }
  }
  return { ...device(), rows };
}

if (flag('worker')) {
  console.log(JSON.stringify(await work()));
} else {
  const rounds = Number(option('rounds', '2'));
  const compiledSizes = option('compiled', '').split(',').filter(Boolean);
  const own = fileURLToPath(import.meta.url);
  const pass = (names) => ['--sizes', names.join(','), '--batches', batches.join(',')];
  const peer = (...args) => json(python, [pythonScript('transformers_step_gpu.py'), ...args]);
  const js = [];
  const py = [];
  const compiled = [];
  for (let round = 0; round < rounds; round++) {
    js.push(json(process.execPath, [own, '--worker', ...pass(sizes), ...(flag('eager') ? ['--eager'] : [])]));
    if (flag('js-only')) continue;
    py.push(peer(...pass(sizes)));
    if (compiledSizes.length > 0 && round === 0) compiled.push(peer(...pass(compiledSizes), '--compile'));
  }
  const msOf = (runs, size, batch, key = 'ms') => {
    const found = runs.flatMap(({ rows }) => rows.filter((r) => r.size === size && r.batch === batch));
    return found.length > 0 && found[0][key] !== null ? median(found.map((row) => row[key])) : null;
  };
  const rows = js[0].rows.map(({ size, batch, peakGiB, liveGrowth }) => {
    const jsMs = msOf(js, size, batch);
    const pythonMs = msOf(py, size, batch);
    const compiledMs = msOf(compiled, size, batch);
    return {
      size,
      batch,
      jsMs,
      pythonMs,
      compiledMs,
      timesFaster: pythonMs === null ? null : pythonMs / jsMs,
      timesFasterThanCompiled: compiledMs === null ? null : compiledMs / jsMs,
      jsEagerMs: msOf(js, size, batch, 'eagerMs'),
      jsQueueMs: msOf(js, size, batch, 'queueMs'),
      jsPeakGiB: peakGiB,
      pythonPeakGiB: msOf(py, size, batch, 'peakGiB'),
      liveGrowth,
    };
  });
  save('train-step-gpu', {
    title: 'Training step on CUDA: BERT classifier, length 128, bf16, fused AdamW, one CUDA graph a step',
    machine: machine({ gpu: js[0].gpu, torch: js[0].torch, transformers: py[0]?.transformers ?? null }),
    rows,
    runs: { js, py, compiled },
  });
  const n = (value, digits = 2) => (value === null ? '-' : value.toFixed(digits));
  printTable([
    [
      'length 128',
      'batch',
      'ours ms',
      'eager ms',
      'compiled ms',
      '× eager',
      '× compiled',
      'queue ms',
      'GiB',
      'GiB',
    ],
    ...rows.map((r) => [
      r.size,
      r.batch,
      n(r.jsMs),
      n(r.pythonMs),
      n(r.compiledMs),
      n(r.timesFaster),
      n(r.timesFasterThanCompiled),
      n(r.jsQueueMs),
      n(r.jsPeakGiB),
      n(r.pythonPeakGiB),
    ]),
  ]);
}
