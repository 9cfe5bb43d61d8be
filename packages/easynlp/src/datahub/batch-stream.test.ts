import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tableFromArray } from './array-table.js';
import { planBatches } from './batch-plan.js';
import { type BatchPosition, BatchStream, type BatchStreamOptions } from './batch-stream.js';
import { paddedLength } from './collate.js';
import type { DataSource, EncodedRow, Row } from './types.js';

interface Numbered extends EncodedRow {
  readonly id: number;
}

/** Rows 0…n-1 whose length is a fixed function of their number. */
const lengthOf = (id: number) => 1 + ((id * 7919) % 61);
const table = (n: number) => tableFromArray(Array.from({ length: n }, (_, id) => ({ id })));
const encode = async (rows: Row[]): Promise<Numbered[]> =>
  rows.map((row) => ({ id: row.values.id as number, length: lengthOf(row.values.id as number) }));

const stream = (n: number, options: Partial<BatchStreamOptions<Numbered>> = {}) =>
  new BatchStream<Numbered>({ source: table(n), encode, batchSize: 4, ...options });

interface Seen {
  ids: number[];
  indices: number[];
  position: BatchPosition;
}

async function collect(
  batches: BatchStream<Numbered>,
  epoch: number,
  resume?: BatchPosition,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const { rows, indices, position } of batches.epoch(epoch, resume)) {
    seen.push({ ids: rows.map(({ id }) => id), indices, position });
  }
  return seen;
}

const flat = (seen: Seen[]) => seen.flatMap(({ ids }) => ids);
const sorted = (ids: number[]) => [...ids].sort((a, b) => a - b);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Sizes on both sides of the window, so that both ways of reading are met. */
const setting = fc.record({
  rows: fc.integer({ min: 1, max: 150 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  window: fc.integer({ min: 1, max: 160 }),
  tokenBudget: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
  padToMultipleOf: fc.constantFrom(1, 8),
  shuffle: fc.boolean(),
  seed: fc.integer(),
  prefetch: fc.constantFrom(0, 1),
});

describe('order of the data (R9)', () => {
  it('gives every row once an epoch, within batch size and token budget', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.nat(5), async ({ rows, ...options }, epoch) => {
        const seen = await collect(stream(rows, options), epoch);
        expect(sorted(flat(seen))).toEqual(range(rows));
        for (const { ids, indices } of seen) {
          expect(indices).toEqual(ids);
          expect(ids.length).toBeLessThanOrEqual(options.batchSize);
          const width = paddedLength(Math.max(...ids.map(lengthOf)), options.padToMultipleOf);
          if (options.tokenBudget !== undefined && ids.length > 1) {
            expect(width * ids.length).toBeLessThanOrEqual(options.tokenBudget);
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('differs from epoch to epoch and from seed to seed, and is the same for the same seed', async () => {
    for (const window of [1000, 48]) {
      const order = async (seed: number, epoch: number) =>
        flat(await collect(stream(200, { seed, window }), epoch)).join();
      expect(await order(1, 0)).toBe(await order(1, 0));
      expect(await order(1, 0)).not.toBe(await order(1, 1));
      expect(await order(1, 0)).not.toBe(await order(2, 0));
    }
  });

  it('does not depend on whether it reads ahead', async () => {
    for (const window of [1000, 48]) {
      const seen = (prefetch: number) => collect(stream(200, { window, prefetch, tokenBudget: 150 }), 1);
      expect(await seen(0)).toEqual(await seen(1));
    }
  });

  it('does not depend on which epochs were read before', async () => {
    const one = stream(200);
    await collect(one, 0);
    expect(await collect(one, 3)).toEqual(await collect(stream(200), 3));
  });

  it('loses and doubles nothing over ranks, and gives all ranks equally many batches', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.integer({ min: 2, max: 4 }), async ({ rows, ...options }, worldSize) => {
        const ranks = await Promise.all(
          range(worldSize).map((rank) => collect(stream(rows, { ...options, rank, worldSize }), 1)),
        );
        expect(sorted(ranks.flatMap(flat))).toEqual(range(rows));
        for (const window of new Set(ranks.flat().map(({ position }) => position.window))) {
          const parts = ranks.map((seen) => seen.filter(({ position }) => position.window === window));
          // Only batches of one row cannot be halved.
          if (parts.flat().every(({ ids }) => ids.length === 1)) continue;
          expect(new Set(parts.map(({ length }) => length)).size).toBe(1);
        }
        const even = await Promise.all(
          range(worldSize).map((rank) =>
            collect(stream(rows, { ...options, rank, worldSize, dropLast: true }), 1),
          ),
        );
        expect(new Set(even.map(({ length }) => length)).size).toBe(1);
      }),
      { numRuns: 100 },
    );
  });

  it('mixes rows of neighbouring windows over the epochs', async () => {
    const batches = stream(400, { window: 100 });
    const together = new Set<number>();
    for (let epoch = 0; epoch < 6; epoch++) {
      const seen = await collect(batches, epoch);
      for (const { ids, position } of seen) if (position.window === 0) for (const id of ids) together.add(id);
      expect(sorted(flat(seen))).toEqual(range(400));
    }
    const firsts = await Promise.all(
      range(6).map(async (epoch) => (await collect(batches, epoch)).filter((b) => b.position.window === 0)),
    );
    expect(new Set(firsts.map((seen) => flat(seen).length)).size).toBeGreaterThan(1);
  });

  it('keeps the epoch order for evaluation and lets results be put back in order', async () => {
    const batches = stream(100, { shuffle: false });
    const first = await collect(batches, 0);
    expect(await collect(batches, 7)).toEqual(
      first.map((b) => ({ ...b, position: { ...b.position, epoch: 7 } })),
    );
    const lengths = flat(first).map(lengthOf);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    const results = new Array<number>(100);
    for (const { ids, indices } of first) for (const [i, id] of ids.entries()) results[indices[i]!] = id;
    expect(results).toEqual(range(100));
  });

  it('is fixed for good: checkpoints of earlier versions must resume', async () => {
    const seen = await collect(stream(12, { seed: 42 }), 0);
    expect(seen.map(({ ids }) => ids.join(' '))).toMatchInlineSnapshot(`
      [
        "0 11 5 10",
        "2 7 1 6",
        "4 9 3 8",
      ]
    `);
  });
});

describe('resuming', () => {
  it('yields exactly the remaining batches, for every k', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.nat(3), async ({ rows, ...options }, epoch) => {
        const whole = await collect(stream(rows, options), epoch);
        for (let k = 0; k < whole.length; k++) {
          const position = JSON.parse(JSON.stringify(whole[k]!.position)) as BatchPosition;
          expect(await collect(stream(rows, options), epoch, position)).toEqual(whole.slice(k + 1));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('starts at the beginning with batch 0', async () => {
    const whole = await collect(stream(30), 2);
    expect(await collect(stream(30), 2, { epoch: 2, window: 0, batch: 0 })).toEqual(whole);
  });

  it.each([
    { epoch: 1, window: 0, batch: 1 },
    { epoch: 0, window: 0, batch: 99 },
    { epoch: 0, window: 9, batch: 1 },
    { epoch: 0, window: -1, batch: 0 },
  ])('refuses the foreign position %j', async (position) => {
    await expect(collect(stream(30), 0, position)).rejects.toMatchObject({ code: 'DATA_POSITION' });
  });
});

describe('batchesPerEpoch', () => {
  it('is exact without a token budget, and with one when the data fit into a window', async () => {
    await fc.assert(
      fc.asyncProperty(
        setting,
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        async ({ rows, ...options }, dropLast, worldSize) => {
          const batches = stream(rows, { ...options, dropLast, worldSize, window: 200 });
          expect(await batches.batchesPerEpoch(2)).toBe((await collect(batches, 2)).length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('counts the windows of a large source', async () => {
    for (const worldSize of [1, 2, 3]) {
      for (const rows of [97, 200, 203]) {
        const batches = stream(rows, { window: 48, worldSize });
        expect(await batches.batchesPerEpoch(1)).toBe((await collect(batches, 1)).length);
      }
    }
  });

  it('is exact with a token budget over many windows, after one look at all lengths', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.integer({ min: 1, max: 3 }), async ({ rows, ...options }, worldSize) => {
        let encoded = 0;
        const counting = stream(rows, {
          tokenBudget: 120,
          ...options,
          worldSize,
          window: 30,
          encode: async (chunk) => {
            encoded += chunk.length;
            return encode(chunk);
          },
        });
        const counts = [await counting.batchesPerEpoch(0), await counting.batchesPerEpoch(1)];
        expect(encoded).toBeLessThanOrEqual(rows);
        for (const epoch of [0, 1]) expect(counts[epoch]).toBe((await collect(counting, epoch)).length);
      }),
      { numRuns: 100 },
    );
    // Sorted by length: the first window would tell nothing about the rest.
    const ids = Array.from({ length: 2000 }, (_, id) => id).sort((a, b) => lengthOf(a) - lengthOf(b));
    const source = tableFromArray(ids.map((id) => ({ id })));
    const ordered = stream(0, { source, window: 200, tokenBudget: 120 });
    expect(await ordered.batchesPerEpoch(1)).toBe((await collect(ordered, 1)).length);
  });

  it('tries again after a failure to read', async () => {
    let broken = true;
    const failing = stream(100, {
      window: 30,
      tokenBudget: 120,
      encode: async (chunk) => {
        if (broken) throw new Error('unreadable');
        return encode(chunk);
      },
    });
    await expect(failing.batchesPerEpoch(0)).rejects.toThrow('unreadable');
    broken = false;
    expect(await failing.batchesPerEpoch(0)).toBe((await collect(failing, 0)).length);
  });
});

describe('reading', () => {
  it('encodes a source that fits into a window once', async () => {
    let rows = 0;
    const batches = stream(50, {
      encode: async (chunk) => {
        rows += chunk.length;
        return encode(chunk);
      },
    });
    for (let epoch = 0; epoch < 3; epoch++) await collect(batches, epoch);
    expect(rows).toBe(50);
  });

  it('reads ahead while the consumer works, even when it never yields to the event loop', async () => {
    let encoded = 0;
    const batches = stream(400, {
      window: 100,
      encode: async (rows) => {
        await new Promise((resolve) => setImmediate(resolve));
        encoded += rows.length;
        return encode(rows);
      },
    });
    const iterator = batches.epoch(0);
    let largest = 0;
    let used = 0;
    for await (const { rows, position } of iterator) {
      used += rows.length;
      if (position.window === 1) largest = Math.max(largest, encoded - used);
      if (position.window === 2) break;
    }
    expect(largest).toBeGreaterThanOrEqual(100);
  });

  it('reports an error of a later window when that window is due, after all earlier batches', async () => {
    const failing = stream(300, {
      window: 100,
      shuffle: false,
      encode: async (rows) => {
        if (rows.some((row) => row.values.id === 150)) throw new Error('row 150');
        return encode(rows);
      },
    });
    const seen: number[] = [];
    const run = async () => {
      for await (const { indices } of failing.epoch(0)) {
        seen.push(...indices);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await expect(run()).rejects.toThrow('row 150');
    expect(sorted(seen)).toEqual(range(100));
  });

  it('closes the source when the loop is left early', async () => {
    let open = 0;
    let closed = 0;
    const source: DataSource = {
      name: 'endless',
      columns: null,
      count: async () => Number.POSITIVE_INFINITY,
      async *rows({ start = 0, signal } = {}) {
        open++;
        try {
          for (let id = start; ; id++) {
            if (id % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
            signal?.throwIfAborted();
            yield { values: { id }, file: 'endless', line: id + 1 };
          }
        } finally {
          closed++;
        }
      },
    };
    const batches = new BatchStream<Numbered>({ source, encode, batchSize: 4, window: 100 });
    for await (const { position } of batches.epoch(0)) if (position.batch === 5) break;
    expect(open).toBeGreaterThan(0);
    expect(closed).toBe(open);
  });

  it('stops with the reason of the signal', async () => {
    const controller = new AbortController();
    const run = async () => {
      for await (const _ of stream(100).epoch(0, undefined, { signal: controller.signal })) {
        controller.abort(new Error('enough'));
      }
    };
    await expect(run()).rejects.toThrow('enough');
  });

  it('tries again after a failure', async () => {
    let fail = true;
    const batches = stream(20, {
      encode: async (rows) => {
        if (fail) throw new Error('once');
        return encode(rows);
      },
    });
    await expect(collect(batches, 0)).rejects.toThrow('once');
    fail = false;
    expect(sorted(flat(await collect(batches, 0)))).toEqual(range(20));
  });

  it('refuses an encode that loses rows, and options out of range', async () => {
    await expect(
      collect(stream(20, { encode: async (rows) => (await encode(rows)).slice(1) }), 0),
    ).rejects.toMatchObject({ code: 'DATA_ENCODE' });
    expect(() => stream(1, { batchSize: 0 })).toThrow(RangeError);
    expect(() => stream(1, { rank: 2, worldSize: 2 })).toThrow(RangeError);
  });
});

describe('planBatches', () => {
  it('pads far less than batches of random rows', () => {
    const lengths = Array.from({ length: 5000 }, (_, i) => lengthOf(i));
    const real = lengths.reduce((sum, length) => sum + length, 0);
    let padded = 0;
    for (const batch of planBatches(lengths, { batchSize: 32 }, null)) {
      padded += batch.length * Math.max(...batch.map((row) => lengths[row]!));
    }
    expect(padded / real).toBeLessThan(1.05);
  });

  it('drops only the rows that do not fill the last batch', async () => {
    const seen = await collect(stream(103, { batchSize: 10, dropLast: true }), 0);
    expect(seen.map(({ ids }) => ids.length)).toEqual(new Array(10).fill(10));
  });
});
