import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { TrainOptions } from '../config/index.js';
import { train } from '../trainer/train.js';

/** A folder that is removed after the file's tests. */
export function workFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `easynlp-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const GOOD = [
  '房间干净，服务周到',
  '好吃，还会再来',
  '物流很快，质量不错',
  '屏幕清晰，手感很好',
  '老板热情，分量足',
];
const BAD = [
  '太差了，不会再来',
  '等了两个小时，难吃',
  '房间有异味，隔音差',
  '用了两天就坏',
  '客服态度恶劣，退款难',
];

/** Labelled reviews of different lengths: text i, its label. */
export function reviews(count: number): { label: string; text: string }[] {
  return Array.from({ length: count }, (_, i) => {
    const [label, texts] = i % 2 === 0 ? (['好评', GOOD] as const) : (['差评', BAD] as const);
    const text = texts[(i >> 1) % texts.length]!;
    return { label, text: text.repeat(1 + (i % 3)) + (i % 7 === 0 ? `第${i}条` : '') };
  });
}

/** Questions that mean the same (1) or not (0), in the manner of AFQMC. */
export function questionPairs(count: number): { label: string; sentence1: string; sentence2: string }[] {
  const things = ['花呗', '借呗', '余额宝', '信用卡', '银行卡'];
  const acts = ['怎么还款', '如何开通', '为什么不能用', '额度怎么提升'];
  return Array.from({ length: count }, (_, i) => {
    const thing = things[i % things.length]!;
    const act = acts[i % acts.length]!;
    const same = i % 2 === 0;
    const other = acts[(i + 1) % acts.length]!;
    return {
      label: same ? '1' : '0',
      sentence1: `${thing}${act}`,
      sentence2: `请问${thing}${same ? act : other}`,
    };
  });
}

/** Writes rows as TSV, with their column names as the header unless told otherwise. */
export function writeTsv(
  path: string,
  rows: readonly Record<string, string>[],
  { header = true }: { header?: boolean } = {},
): string {
  const columns = Object.keys(rows[0]!);
  const lines = rows.map((row) => columns.map((name) => row[name]!).join('\t'));
  writeFileSync(path, `${(header ? [columns.join('\t'), ...lines] : lines).join('\n')}\n`);
  return path;
}

export type Kind = 'bert' | 'text-cnn';
export const KINDS: readonly Kind[] = ['bert', 'text-cnn'];

/** Sizes and steps of a model that trains in half a second. */
export function tiny(kind: Kind): Partial<TrainOptions> {
  return {
    architecture: kind,
    ...(kind === 'bert'
      ? { layers: 2, hiddenSize: 32, heads: 2, intermediateSize: 64 }
      : { embeddingSize: 16, convDim: 8, linearHiddenSize: 16 }),
    sequenceLength: 32,
    batchSize: 8,
    learningRate: kind === 'bert' ? 2e-3 : 3e-3,
    epochs: 20,
    maxSteps: kind === 'bert' ? 45 : 12,
    seed: 7,
    device: 'cpu',
    numThreads: 2,
  };
}

/** Trains a tiny classifier of reviews (or of pairs) and returns its folder. */
export async function trainTiny(folder: string, kind: Kind, { pair = false } = {}): Promise<string> {
  const name = `${kind}${pair ? '-pair' : ''}`;
  const data = writeTsv(join(folder, `${name}.tsv`), pair ? questionPairs(48) : reviews(48));
  const output = join(folder, name);
  await train({
    ...tiny(kind),
    train: data,
    output,
    ...(pair ? { firstSequence: 'sentence1', secondSequence: 'sentence2' } : {}),
  });
  return output;
}
