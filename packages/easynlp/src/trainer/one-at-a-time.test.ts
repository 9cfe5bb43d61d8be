import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { oneAtATime } from './one-at-a-time.js';
import { remains, runTrain, sampleFile, tiny, workFolder } from './runs.fixture.js';

describe('oneAtATime', () => {
  it('runs in order, one by one, whatever fails, and says who waits', async () => {
    const events: string[] = [];
    const work = (name: string, fails = false) =>
      oneAtATime(
        async () => {
          events.push(`${name} begins`);
          await sleep(5);
          events.push(`${name} ends`);
          if (fails) throw new Error(name);
          return name;
        },
        { log: () => void events.push(`${name} waits`) },
      );
    const results = await Promise.allSettled([work('a'), work('b', true), work('c')]);
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const order = ['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]);
    expect(events.filter((e) => !e.endsWith('waits'))).toEqual(order);
    expect(events.filter((e) => e.endsWith('waits'))).toEqual(['b waits', 'c waits']);
    await work('d');
    expect(events).not.toContain('d waits');
  });

  it('lets a training start another inside of itself', async () => {
    expect(await oneAtATime(() => oneAtATime(async () => 7))).toBe(7);
  });

  it('leaves the queue when aborted, and the others keep their order', async () => {
    const stop = new AbortController();
    const ends: string[] = [];
    const take = (name: string) => async () => {
      await sleep(20);
      ends.push(name);
    };
    const first = oneAtATime(take('first'));
    const left = oneAtATime(take('left'), { signal: stop.signal });
    const third = oneAtATime(take('third'));
    stop.abort();
    await expect(left).rejects.toMatchObject({ name: 'AbortError' });
    expect(ends).toEqual([]);
    await Promise.all([first, third]);
    expect(ends).toEqual(['first', 'third']);
  });
});

it('trainings begun together give what they give one after another', async () => {
  const folder = workFolder('together');
  const train = sampleFile(join(folder, 'train.tsv'), 60);
  const run = async (name: string, seed: number) => {
    const output = join(folder, name);
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const { losses } = await runTrain({ ...tiny('bert', { epochs: 1, seed }), train, output }, null, { log });
    const weights = readFileSync(join(output, 'model.safetensors')).toString('base64');
    return { losses: [...losses.values()], weights, remains: remains(output), lines };
  };
  const alone = [await run('a', 1), await run('b', 2), await run('c', 1)];
  const together = await Promise.all([run('d', 1), run('e', 2), run('f', 1)]);
  for (const [i, { losses, weights, remains: left }] of together.entries()) {
    expect(losses).toEqual(alone[i]!.losses);
    expect(weights).toBe(alone[i]!.weights);
    expect(left).toEqual(alone[i]!.remains);
  }
  expect(together.map(({ lines }) => lines.some((line) => line.startsWith('waiting for another')))).toEqual([
    false,
    true,
    true,
  ]);
});
