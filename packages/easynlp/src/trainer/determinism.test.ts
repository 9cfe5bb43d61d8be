import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KINDS, remains, runTrain, sampleFile, tiny, workFolder } from './runs.fixture.js';

// R10: the seed decides everything.

const folder = workFolder('determinism');
const train = sampleFile(join(folder, 'train.tsv'), 60);
const dev = sampleFile(join(folder, 'dev.tsv'), 16, 0, 'dev.tsv');

it.each(KINDS)('%s: one seed gives one model, another seed another', async (kind) => {
  const run = async (name: string, seed: number) => {
    const output = join(folder, `${kind}-${name}`);
    const { losses } = await runTrain({ ...tiny(kind, { epochs: 2, seed }), train, dev, output });
    return { output, losses: [...losses.values()], remains: remains(output) };
  };
  const first = await run('a', 42);
  const same = await run('b', 42);
  const other = await run('c', 43);
  expect(same.losses).toEqual(first.losses);
  expect(same.remains).toEqual(first.remains);
  expect(readFileSync(join(same.output, 'model.safetensors'))).toEqual(
    readFileSync(join(first.output, 'model.safetensors')),
  );
  expect(other.losses[0]).not.toBe(first.losses[0]);
  expect(other.remains.published).not.toBe(first.remains.published);
  expect(other.remains.metrics).not.toEqual(first.remains.metrics);
});

it('the state of the generators before a training does not matter, threads of the order do not either', async () => {
  const { manualSeed, rand } = await import('@easynlp/torch');
  const run = async (name: string) => {
    const output = join(folder, name);
    await runTrain({ ...tiny('text-cnn', { epochs: 1 }), train, output });
    return remains(output);
  };
  const first = await run('clean');
  manualSeed(7);
  rand([3]).dispose();
  expect(await run('dirty')).toEqual(first);
});
