import { basename } from 'node:path';
import { memory } from '@easynlp/torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import type { TextClassifyResult } from '../../appzoo/text-classify/index.js';
import type { LabelSetResult } from '../../appzoo/text-classify-multi-label/index.js';
import { workFolder } from '../models.fixture.js';
import { type PipelineTask, pipeline } from '../pipeline.js';
import { type Files, makeFiles, trainBriefly } from './data.fixture.js';
import { ODD_TEXTS, PLAIN_TEXTS } from './odd-texts.fixture.js';

/** Everything that answers texts, in one form. */
export interface Answering {
  (input: unknown): Promise<unknown>;
  (inputs: readonly unknown[]): Promise<unknown[]>;
  dispose(): void;
}

export interface Entry {
  readonly name: string;
  /** The app in the registry; none for the ready-made solutions, which are made of several models. */
  readonly app?: PipelineTask;
  /** The method whose variant of the app answers. */
  readonly method?: string;
  open(files: Files): Promise<Answering>;
  /** What is passed for a text; the text itself by default. */
  readonly input?: (text: string) => unknown;
  /** That the result is as documented: shape, ranges, places in the text. */
  check(text: string, result: unknown): void | Promise<void>;
  /** How much was found; models that find nothing would prove nothing about what they find. */
  found?(result: unknown): number;
}

export const MACHINE = { device: 'cpu', numThreads: 1 } as const;
export const LABELS = ['好评', '差评'];

/** Trains an app (unless the language model itself will do) and opens it as a pipeline of small batches. */
export function trained(
  name: string,
  app: PipelineTask,
  train: ((files: Files) => Record<string, unknown>) | null,
  options: Record<string, unknown> = {},
): Entry['open'] {
  return async (files) => {
    const model =
      train === null ? files.base : await trainBriefly(files, basename(name), { app, ...train(files) });
    return (await pipeline(app, model, { ...MACHINE, batchSize: 7, options })) as unknown as Answering;
  };
}

/** Places are in the text, the surface is what stands there, and no surrogate pair is cut. */
export function checkPlace(
  text: string,
  { start, end, text: surface }: { start: number; end: number; text: string },
) {
  expect(start).toBeGreaterThanOrEqual(0);
  expect(end).toBeGreaterThan(start);
  expect(end).toBeLessThanOrEqual(text.length);
  expect(text.slice(start, end)).toBe(surface);
  checkWhole(text, start, end);
}

export function checkWhole(text: string, ...places: number[]) {
  for (const place of places) {
    const cut = /[\ud800-\udbff]/.test(text[place - 1] ?? '') && /[\udc00-\udfff]/.test(text[place] ?? '');
    expect(cut, `${place} is inside of a surrogate pair`).toBe(false);
  }
}

export const isShare = (value: number) => {
  expect(value).toBeGreaterThanOrEqual(0);
  expect(value).toBeLessThanOrEqual(1 + 1e-9);
};

export function classified(labels: readonly string[]) {
  return (_text: string, given: unknown): void => {
    const result = given as TextClassifyResult;
    expect(result.scores.map(({ label }) => label).sort()).toEqual([...labels].sort());
    const { scores, ...best } = result;
    expect(best).toMatchObject(scores[0]!);
    const probabilities = scores.map(({ probability }) => probability);
    expect(probabilities).toEqual([...probabilities].sort((a, b) => b - a));
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  };
}

export function checkLabelSet(_text: string, given: unknown): void {
  const { labels, scores } = given as LabelSetResult;
  expect(scores.map(({ label }) => label).sort()).toEqual(['好评', '差评', '短'].sort());
  for (const { probability } of scores) {
    expect(probability).toBeGreaterThanOrEqual(0);
    expect(probability).toBeLessThanOrEqual(1);
  }
  const reached = scores.filter(({ probability, threshold }) => probability >= threshold);
  expect(labels).toEqual(reached.map(({ label }) => label));
}

export const PAIR = (text: string) => [text, '请问花呗怎么还款'];
export const SECOND = (text: string) => ['花呗怎么还款', text];

/** Equal but for the last digits of numbers. */
function expectSame(one: unknown, other: unknown, where: string): void {
  if (typeof one === 'number' && typeof other === 'number') {
    const apart = Math.abs(one - other) / Math.max(1, Math.abs(one));
    if (!(apart <= 1e-5)) expect.fail(`${where}: ${one} and ${other}`);
  } else if (typeof one === 'object' && one !== null && typeof other === 'object' && other !== null) {
    expect(Object.keys(other), where).toEqual(Object.keys(one));
    for (const [key, value] of Object.entries(one)) {
      expectSame(value, (other as Record<string, unknown>)[key], `${where}.${key}`);
    }
  } else expect(other, where).toBe(one);
}

function expectFinite(value: unknown, where: string): void {
  if (typeof value === 'number') expect(Number.isFinite(value), where).toBe(true);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, part] of Object.entries(value)) expectFinite(part, `${where}.${key}`);
  }
}

/** Tests of every entry, with the same texts. */
export function testPipelines(name: string, entries: readonly Entry[]): void {
  const folder = workFolder(name);
  let files: Files;
  beforeAll(async () => {
    files = await makeFiles(folder);
  });

  describe.each(entries)('$name', ({ open, check, found, input = (text) => text }) => {
    let answer: Answering;
    const texts = [...PLAIN_TEXTS, ...Object.values(ODD_TEXTS)];
    const singles: unknown[] = [];
    beforeAll(async () => {
      answer = await open(files);
    });
    afterAll(() => answer.dispose());
    /** One that is given alone. An array is always several inputs, so that a pair must be in one. */
    const one = async (text: string) => {
      const given = input(text);
      return Array.isArray(given) ? (await answer([given]))[0] : answer(given);
    };

    it('answers one text, whatever it is, with the shape that is documented', async () => {
      const wrong: string[] = [];
      for (const [i, text] of texts.entries()) {
        const odd = Object.keys(ODD_TEXTS)[i - PLAIN_TEXTS.length] ?? 'ordinary';
        try {
          const result = await one(text);
          singles.push(result);
          expectFinite(result, odd);
          await check(text, result);
        } catch (error) {
          wrong.push(`${odd} (${JSON.stringify(text.slice(0, 40))}): ${(error as Error).message}`);
        }
      }
      expect(wrong).toEqual([]);
      if (found) expect(singles.reduce((sum: number, result) => sum + found(result), 0)).toBeGreaterThan(20);
    });

    it('answers many in their order, as it answers each of them alone', async () => {
      const before = memory().tensors;
      const together = await answer(texts.map(input));
      expect(memory().tensors).toBe(before);
      expect(together).toHaveLength(texts.length);
      for (const [i, result] of together.entries()) {
        expectSame(singles[i], result, JSON.stringify(texts[i]!.slice(0, 30)));
      }
      // In other company: without the long ones, the last first.
      const short = [...texts.keys()].filter((i) => texts[i]!.length < 1000).reverse();
      const others = await answer(short.map((i) => input(texts[i]!)));
      for (const [k, i] of short.entries()) expectSame(singles[i], others[k], `backwards ${i}`);
    });

    it('answers nothing with nothing', async () => {
      expect(await answer([])).toEqual([]);
    });
  });
}
