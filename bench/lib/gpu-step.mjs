// Steps of train() on CUDA, measured: the toolkit's own DeviceStep, fed from host memory as the training loop feeds it.
import { cuda, keep, libtorchInfo, manualSeed, memory, noGrad, optim, zeros } from '@easynlp/torch';
import { SIZES } from './bert.mjs';
import { median, root } from './report.mjs';

const dist = (path) => import(`${root}/packages/easynlp/dist/${path}`);
export const VOCABULARY = 21128;

/** A new model of one of SIZES: a classifier with two labels, or a masked language model. */
export async function newModel(size, { masked = false, positions = 512 } = {}) {
  const { bertConfig, BertForMaskedLM, BertForSequenceClassification } = await dist('modelzoo/bert/index.js');
  const c = SIZES[size];
  const config = bertConfig({
    vocab_size: VOCABULARY,
    num_hidden_layers: c.layers,
    hidden_size: c.hidden,
    num_attention_heads: c.heads,
    intermediate_size: c.intermediate,
    num_labels: 2,
    max_position_embeddings: positions,
  });
  const Model = masked ? BertForMaskedLM : BertForSequenceClassification;
  return new Model(config, { device: 'cuda:0' });
}

/** Everything a step needs, as train() puts it together, and how to release it. */
export async function openStep(model, { graphs = true } = {}) {
  const { DeviceStep } = await dist('trainer/device-step.js');
  const { textClassify } = await dist('appzoo/text-classify/index.js');
  model.train();
  const parameters = model.parameters();
  const groups = [
    { params: parameters.filter((p) => p.ndim > 1), weightDecay: 0.01 },
    { params: parameters.filter((p) => p.ndim <= 1), weightDecay: 0 },
  ];
  const optimizer = new optim.AdamW(groups, { lr: 3e-5, eps: 1e-6 });
  const lossSum = keep(zeros([], { dtype: 'float64', device: 'cuda:0' }));
  const step = new DeviceStep({
    model,
    optimizer,
    // The loss of both apps is the cross entropy of `logits` and `labels`.
    objective: {
      name: 'bench',
      capturable: true,
      loss: (m, inputs) => ({ loss: textClassify.loss(m.forward(inputs), inputs) }),
    },
    scaler: null,
    runtime: { device: 'cuda:0', precision: 'bf16' },
    maxGradNorm: 1,
    graphs,
    lossSum,
    addLogs: () => {},
    check: () => {},
  });
  return {
    step,
    run: (batch) => step.run([{ batch, weight: 1 }], 3e-5),
    meanLoss: (steps) => lossSum.item() / steps,
    resetLoss: () => noGrad(() => lossSum.zero_()),
    dispose() {
      step.dispose();
      optimizer.dispose();
      lossSum.dispose();
      model.dispose();
      cuda.emptyCache();
    },
  };
}

const random = (() => {
  let state = 12345;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
})();

/** A batch of texts of these lengths, random ids; with padding there is a mask. */
export function classifyBatch(lengths, width = Math.max(...lengths)) {
  const shape = [lengths.length, width];
  const ids = new Int32Array(lengths.length * width);
  const mask = new Uint8Array(ids.length);
  for (const [row, n] of lengths.entries()) {
    for (let t = 0; t < n; t++) ids[row * width + t] = 100 + random(VOCABULARY - 100);
    mask.fill(1, row * width, row * width + n);
  }
  const tokens = lengths.reduce((a, n) => a + n, 0);
  return {
    tensors: {
      inputIds: { data: ids, shape, dtype: 'int32' },
      ...(tokens < ids.length ? { attentionMask: { data: mask, shape, dtype: 'bool' } } : {}),
      labels: {
        data: BigInt64Array.from(lengths, () => BigInt(random(2))),
        shape: [lengths.length],
        dtype: 'int64',
      },
    },
    size: lengths.length,
    tokens,
    paddedTokens: ids.length,
  };
}

/** A batch of full sequences of which `share` is to be predicted. */
export function maskedBatch(rows, length, share = 0.15) {
  const places = rows * length;
  const count = Math.ceil((places * share) / 8) * 8;
  const positions = BigInt64Array.from({ length: count }, (_, i) => BigInt(Math.floor((i * places) / count)));
  return {
    tensors: {
      inputIds: {
        data: Int32Array.from({ length: places }, () => 100 + random(VOCABULARY - 100)),
        shape: [rows, length],
        dtype: 'int32',
      },
      maskedPositions: { data: positions, shape: [count], dtype: 'int64' },
      labels: {
        data: BigInt64Array.from({ length: count }, () => BigInt(100 + random(VOCABULARY - 100))),
        shape: [count],
        dtype: 'int64',
      },
    },
    size: rows,
    tokens: places,
    paddedTokens: places,
  };
}

/** Milliseconds a step over one batch again and again: median of blocks. */
export async function measureSteps(model, batch, { graphs = true, blocks = 5, perBlock = 10 } = {}) {
  manualSeed(0);
  const training = await openStep(model, { graphs });
  try {
    for (let i = 0; i < 8; i++) training.run(batch);
    cuda.synchronize();
    cuda.resetPeakMemory();
    const before = memory().tensors;
    const times = [];
    for (let block = 0; block < blocks; block++) {
      const start = performance.now();
      for (let i = 0; i < perBlock; i++) training.run(batch);
      cuda.synchronize();
      times.push((performance.now() - start) / perBlock);
    }
    // how long the host needs to queue a step, without waiting for the device
    const start = performance.now();
    training.run(batch);
    const queueMs = performance.now() - start;
    cuda.synchronize();
    training.resetLoss();
    training.run(batch);
    return {
      ms: median(times),
      queueMs,
      peakGiB: cuda.memory().allocatedPeak / 2 ** 30,
      graphs: training.step.graphCount,
      liveGrowth: memory().tensors - before,
      loss: training.meanLoss(1),
    };
  } finally {
    training.dispose();
  }
}

export const device = () => ({ torch: libtorchInfo().version, gpu: cuda.memory().name });
