import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isHeldOut } from '../../datahub/corpus/index.js';
import { resolveModelFolder } from '../../modelzoo/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';

const work = mkdtempSync(join(tmpdir(), 'easynlp-lm-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const samples = fileURLToPath(new URL('../../../samples/reviews/', import.meta.url));
const reviews = readFileSync(join(samples, 'train.tsv'), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t')[1]!);

/** A corpus with one review a line. */
function corpus(name: string, texts: readonly string[]): string {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'reviews.txt'), `${texts.join('\n')}\n`);
  return folder;
}

/** Entropy in nats of the tokens of texts: what a model that knows nothing but how often tokens are loses at best. */
async function unigramEntropy(texts: readonly string[]): Promise<number> {
  const tokenizer = await Tokenizer.fromFolder(await resolveModelFolder('bert-tiny-zh'));
  const counts = new Map<number, number>();
  let total = 0;
  for (const { ids } of await tokenizer.encodeBatch([...texts], { maxLength: 512 })) {
    for (const id of ids.slice(1, -1)) {
      counts.set(id, (counts.get(id) ?? 0) + 1);
      total++;
    }
  }
  return [...counts.values()].reduce((sum, n) => sum - (n / total) * Math.log(n / total), 0);
}

const common = {
  app: 'language_modeling',
  layout: 'line',
  epochs: 1000,
  dropout: 0,
  saveStrategy: 'none',
  device: 'cpu',
  numThreads: 2,
} as const;

describe('language_modeling', () => {
  const folder = corpus('all', reviews);
  let trained: Readonly<Record<string, number | null>> = {};

  it('goes on from a model, on texts of another kind', async () => {
    const { metrics } = await train({
      ...common,
      train: folder,
      model: 'bert-tiny-zh',
      heldOut: 0.1,
      sequenceLength: 64,
      batchSize: 16,
      learningRate: 1e-4,
      maxSteps: 30,
      output: join(work, 'adapted'),
    });
    // From random weights: from-scratch.test.ts. Seen before the first step: 5.32 on the held-out reviews, against 6.25.
    expect(metrics!.loss).toBeLessThan((await unigramEntropy(reviews)) - 0.5);
    trained = metrics;
  });

  const here = { model: join(work, 'adapted'), device: 'cpu', numThreads: 2 } as const;

  it('evaluates with the figures of training: on the corpus, its token cache, and the documents held out', async () => {
    const rest = reviews.filter((text) => isHeldOut(text, 0.1));
    expect(rest.length).toBeGreaterThan(20);
    const documents = corpus('rest', rest);
    for (const [data, more] of [
      [folder, { app: 'language_modeling', heldOut: 0.1, layout: 'line' }],
      [join(work, 'adapted-tokens'), {}],
      [documents, { batchSize: 16 }],
    ] as const) {
      const { metrics, details, report } = await evaluate({ ...here, data, ...more });
      expect(metrics.accuracy).toBe(trained.accuracy);
      expect(metrics.loss).toBeCloseTo(trained.loss!, 5);
      expect(metrics.perplexity).toBeCloseTo(Math.exp(trained.loss!), 2);
      expect(details).toEqual({ reviews: metrics });
      expect(report).toMatch(/reviews +0\.\d{4} +\d+\.\d\d/);
    }
    const all = await evaluate({ ...here, data: folder });
    expect(all.rows).toBeGreaterThan(200);
    const other = await evaluate({ ...here, app: 'language_modeling', data: documents, seed: 1 });
    expect(other.metrics.loss).not.toBe(trained.loss);
    const hard = { app: 'language_modeling', data: folder, maskingRate: 0.6 };
    expect((await evaluate({ ...here, ...hard })).metrics.loss).toBeGreaterThan(all.metrics.loss!);
  });

  it('says why it cannot evaluate', async () => {
    // A folder of this test's own: other processes may leave theirs.
    vi.stubEnv('TMPDIR', mkdtempSync(join(work, 'tmp-')));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const short = corpus('short', ['好。']);
    const table = { ...here, data: folder, labelName: 'label' };
    const cache = { ...here, app: 'language_modeling', data: join(work, 'adapted-tokens'), heldOut: 0.1 };
    for (const [options, code, message] of [
      [{ ...here, data: short }, 'DATA_EMPTY', /does not fill one sequence of 64 tokens/],
      [{ ...here, data: join(work, 'nowhere') }, 'DATA_FILE_NOT_FOUND', /nowhere/],
      [table, 'CONFIG_CONFLICT', /labelName: language_modeling is evaluated on documents/],
      [cache, 'CONFIG_CONFLICT', /heldOut and a token cache/],
    ] as const) {
      await expect(evaluate(options)).rejects.toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(message) }),
      );
    }
    expect(readdirSync(tmpdir())).toEqual([]);
  });
});
