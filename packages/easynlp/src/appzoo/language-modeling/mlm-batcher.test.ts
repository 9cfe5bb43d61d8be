import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleCache } from '../../datahub/corpus/corpus.fixture.js';
import { TokenCache } from '../../datahub/corpus/index.js';
import { evaluationBatches, type MlmBatch } from './mlm-batch.js';
import { checkMlmPosition, MlmBatcher, type MlmBatcherOptions } from './mlm-batcher.js';

let folder: string;
let base: MlmBatcherOptions;
let worker: URL;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-batcher-'));
  const { out } = await sampleCache(folder);
  base = { cache: out, batchSize: 4, sequenceLength: 32, seed: 11, ahead: 0 };
  // The thread needs JavaScript: vite, which runs these tests, bundles its entry.
  const { build } = await import('vite');
  const entry = fileURLToPath(new URL('./mlm-worker.ts', import.meta.url));
  await build({
    configFile: false,
    logLevel: 'error',
    root: folder,
    build: {
      ssr: entry,
      outDir: join(folder, 'worker'),
      minify: false,
      rollupOptions: {
        external: [/^node:/, 'tokenizers', /^@node-rs/],
        output: { entryFileNames: 'worker.mjs' },
      },
    },
  });
  // Its imports of packages resolve from the repository.
  mkdirSync(join(folder, 'node_modules/@node-rs'), { recursive: true });
  const stub = (name: string, code: string) => {
    mkdirSync(join(folder, 'node_modules', name), { recursive: true });
    writeFileSync(
      join(folder, 'node_modules', name, 'package.json'),
      '{"type":"module","exports":{".":"./i.js","./dict.js":"./i.js"}}',
    );
    writeFileSync(join(folder, 'node_modules', name, 'i.js'), code);
  };
  stub('tokenizers', 'export class Tokenizer {}');
  stub('@node-rs/jieba', 'export class Jieba {}; export const dict = null;');
  worker = pathToFileURL(join(folder, 'worker/worker.mjs'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const copy = (batch: MlmBatch) => ({
  step: batch.step,
  masked: batch.masked,
  inputIds: Array.from(batch.inputIds),
  positions: Array.from(batch.positions, Number),
  labels: Array.from(batch.labels, Number),
  sourceIds: Array.from(batch.sourceIds),
});

async function take(options: Partial<MlmBatcherOptions>, count: number) {
  const batcher = new MlmBatcher({ ...base, ...options });
  const batches = Array.from({ length: count }, () => copy(batcher.next()));
  const { position, threaded, stepsPerEpoch } = batcher;
  await batcher.close();
  return { batches, position, threaded, stepsPerEpoch };
}

describe('MlmBatcher', () => {
  it('gives static shapes, the unused places ignored', async () => {
    const batcher = new MlmBatcher(base);
    expect(batcher.shape).toEqual({ batchSize: 4, sequenceLength: 32, positions: 24 }); // 4 × round(0.15 × 30), in eights
    expect(batcher.sources).toEqual(['big', 'small']);
    for (let i = 0; i < 50; i++) {
      const { inputIds, positions, labels, masked, step } = batcher.next();
      expect(step).toBe(i);
      expect([inputIds.length, positions.length, labels.length]).toEqual([128, 24, 24]);
      expect(masked).toBeGreaterThan(8);
      labels.forEach((label, k) => {
        if (k < masked) expect(label).toBeGreaterThanOrEqual(5n);
        else expect([label, positions[k]]).toEqual([-100n, 0n]);
      });
    }
    await batcher.close();
  });

  it('goes on from any step exactly, over the ends of epochs', async () => {
    const { batches, stepsPerEpoch } = await take({ sequencesPerEpoch: 200 }, 120);
    expect(stepsPerEpoch).toBe(50);
    for (const step of [1, 17, stepsPerEpoch - 1, stepsPerEpoch, 118]) {
      const rest = await take({ sequencesPerEpoch: 200, step }, 2);
      expect(rest.batches).toEqual(batches.slice(step, step + 2));
      expect(rest.position.step).toBe(step + 2);
    }
    expect(batches[stepsPerEpoch]!.inputIds).not.toEqual(batches[0]!.inputIds);
  });

  it('gives the ranks different parts of the same batches', async () => {
    const whole = await take({ batchSize: 8 }, 6);
    const ranks = [await take({ worldSize: 2, rank: 0 }, 6), await take({ worldSize: 2, rank: 1 }, 6)];
    for (let step = 0; step < 6; step++) {
      const parts = ranks.flatMap((r) => r.batches[step]!.inputIds);
      expect(parts).toEqual(whole.batches[step]!.inputIds);
    }
    expect(ranks[0]!.position).toEqual(ranks[1]!.position);
  });

  it('gives the same batches from a thread', async () => {
    const here = await take({}, 100);
    for (const ahead of [1, 3, 8]) {
      const there = await take({ worker, ahead }, 100);
      expect(there.threaded).toBe(true);
      expect(there.batches).toEqual(here.batches);
    }
    expect(here.threaded).toBe(false);
    const late = await take({ worker, ahead: 4, step: 70 }, 30);
    expect(late.batches).toEqual(here.batches.slice(70));
  });

  it('keeps a batch valid during the next one', async () => {
    const batcher = new MlmBatcher({ ...base, worker, ahead: 2 });
    const first = batcher.next();
    const before = copy(first);
    batcher.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(copy(first)).toEqual(before);
    await batcher.close();
    expect(() => batcher.next()).toThrow(/closed/);
  });

  it('hands on errors of the thread', async () => {
    const broken = join(folder, 'broken.mjs');
    writeFileSync(
      broken,
      `import { workerData } from 'node:worker_threads';
       const bytes = Buffer.from(JSON.stringify({ code: 'DATA_CACHE_DAMAGED', details: { folder: 'x', reason: 'gone' } }));
       const out = Buffer.from(workerData.error); out.writeUInt32LE(bytes.length, 0); bytes.copy(out, 4);
       const control = new Int32Array(workerData.control); Atomics.store(control, 3, 1); Atomics.notify(control, 0);`,
    );
    const batcher = new MlmBatcher({ ...base, worker: pathToFileURL(broken), ahead: 4 });
    expect(() => batcher.next()).toThrow(expect.objectContaining({ code: 'DATA_CACHE_DAMAGED' }));
    await batcher.close();
  });

  it('tells other data from the same, and refuses what gives no batch', async () => {
    const batcher = new MlmBatcher(base);
    checkMlmPosition(batcher, { ...batcher.position, step: 5 }, 'checkpoint');
    for (const change of [
      { seed: 12 },
      { masking: 'ngram' },
      { batchSize: 5 },
      { sequenceLength: 64 },
      { weights: { exponent: 0 } },
    ] as const) {
      const other = new MlmBatcher({ ...base, ...change });
      expect(() => checkMlmPosition(batcher, other.position, 'checkpoint')).toThrow(
        expect.objectContaining({ code: 'DATA_POSITION' }),
      );
    }
    expect(() => new MlmBatcher({ ...base, batchSize: 100_000 })).toThrow(/does not fill one batch/);
    expect(() => new MlmBatcher({ ...base, batchSize: 0 })).toThrow(/batchSize/);
    expect(() => new MlmBatcher({ ...base, rank: 2, worldSize: 2 })).toThrow(/rank/);
  });
});

describe('evaluationBatches', () => {
  it('masks held-out text the same way every time, the last batch filled with [PAD]', async () => {
    const cache = await TokenCache.open(base.cache);
    const run = () =>
      Array.from(evaluationBatches(cache, 'big', base), (batch) => ({ ...copy(batch), rows: batch.rows }));
    const batches = run();
    expect(run()).toEqual(batches);
    const rows = batches.reduce((sum, b) => sum + b.rows, 0);
    expect(rows).toBe(Math.floor(cache.source('big').splits.heldOut.tokens / 30));
    const last = batches.at(-1)!;
    expect(last.inputIds.slice(last.rows * 32).every((id) => id === 0)).toBe(true);
    expect(last.positions.slice(0, last.masked).every((p) => p < last.rows * 32)).toBe(true);
    cache.close();
  });
});
