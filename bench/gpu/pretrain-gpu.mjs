#!/usr/bin/env node
// Pre-training step on CUDA: masked language model, length 128, 15 % predicted, the head on those positions only.
// TFLOP/s by the formula in docs/speed.md, and the share of what a bf16 matrix product reaches (790 TFLOP/s, H200).
//   node bench/gpu/pretrain-gpu.mjs [--sizes base] [--batches 256] [--peak 790]
import { SIZES } from '../lib/bert.mjs';
import { device, maskedBatch, measureSteps, newModel, VOCABULARY } from '../lib/gpu-step.mjs';
import { machine, option, printTable, save } from '../lib/report.mjs';

const LENGTH = 128;
const PEAK = Number(option('peak', '790'));

/** Operations of a step: 2 a multiply-add, forward once, backward twice; no element-wise work, no recomputation. */
function flops(size, rows, predicted) {
  const { layers, hidden, intermediate } = SIZES[size];
  const tokens = rows * LENGTH;
  const layer = 4 * hidden * hidden + 2 * hidden * intermediate + 2 * LENGTH * hidden;
  const head = hidden * hidden + hidden * VOCABULARY;
  return 6 * (tokens * layers * layer + predicted * head);
}

const rows = [];
for (const size of option('sizes', 'base').split(',')) {
  for (const batch of option('batches', '256').split(',').map(Number)) {
    const data = maskedBatch(batch, LENGTH);
    const { ms, peakGiB, loss } = await measureSteps(await newModel(size, { masked: true }), data, {
      blocks: 3,
      perBlock: 8,
    });
    const teraflops = flops(size, batch, data.tensors.labels.data.length) / ms / 1e9;
    rows.push({
      size,
      batch,
      ms,
      tokensPerSecond: (data.tokens / ms) * 1000,
      teraflops,
      shareOfPeak: teraflops / PEAK,
      peakGiB,
      loss,
    });
  }
}
const { gpu, torch } = device();
save('pretrain-gpu', {
  title: `Pre-training step on CUDA: masked language model, length ${LENGTH}, bf16, one CUDA graph a step`,
  machine: machine({ gpu, torch }),
  peakTeraflops: PEAK,
  rows,
});
printTable([
  ['length 128', 'batch', 'ms', 'tokens/s', 'TFLOP/s', 'share', 'GiB'],
  ...rows.map((r) => [
    r.size,
    r.batch,
    r.ms.toFixed(2),
    r.tokensPerSecond.toFixed(0),
    r.teraflops.toFixed(1),
    r.shareOfPeak.toFixed(3),
    r.peakGiB.toFixed(1),
  ]),
]);
