import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { readDocuments, SPLITS, TokenCache } from '../datahub/corpus/index.js';
import { testData } from '../text/test-data.fixture.js';
import { compileTree, SLOW, workFolder } from '../trainer/runs.fixture.js';
import { grammarCorpus } from './grammar.fixture.js';

// The commands that made the bundled models, on a small corpus and with a small model: weights that begin at random
// must get well beyond what how often tokens are can tell. 2 threads, half a minute.

const folder = workFolder('pretraining');
const BYTES = 2_000_000;
let cli = '';
beforeAll(() => {
  ({ cli } = compileTree(join(folder, 'tree')));
});

async function easynlp(...argv: string[]): Promise<string> {
  const env = { ...process.env, OMP_NUM_THREADS: '2' };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...argv], { env });
  return stdout;
}

/**
 * Entropy in nats of a corpus' tokens, separators left out: no model that knows only how often tokens are has a smaller
 * loss on them.
 */
async function unigramEntropy(tokens: string): Promise<number> {
  const cache = await TokenCache.open(tokens);
  const counts = new Float64Array(cache.header.vocabSize);
  for (const split of SPLITS) {
    const size = cache.header.splits[split].tokens;
    const ids = new Int32Array(size);
    cache.read(split, 0, size, ids, new Uint8Array(size));
    for (const id of ids) counts[id]!++;
  }
  for (const id of Object.values(cache.header.special)) counts[id] = 0;
  cache.close();
  const total = counts.reduce((sum, n) => sum + n, 0);
  return counts.reduce((sum, n) => (n === 0 ? sum : sum - (n / total) * Math.log(n / total)), 0);
}

/** Vocabulary, pre-training and evaluation by the command line. @returns entropy and loss on held-out documents */
async function pretrain(corpus: string, steps: number, seed: number) {
  const vocab = `${corpus}-vocab`;
  const model = `${corpus}-model-${seed}`;
  await easynlp('tokenizer', 'train', '--input', corpus, '--vocab-size', '8000', '--output', vocab);
  const sizes = '--layers 1 --hidden-size 64 --heads 4 --intermediate-size 128 --dropout 0';
  const data = '--sequence-length 32 --batch-size 64 --held-out 0.02';
  const rate = '--initializer-range 0.1 --learning-rate 5e-3 --schedule constant --warmup-steps 20';
  const run = `--epochs 100 --max-steps ${steps} --eval-steps ${steps} --save-strategy none --seed ${seed}`;
  const here = ['--device', 'cpu', '--num-threads', '2', '--json'];
  const options = [sizes, data, rate, run].join(' ').split(' ');
  const source = ['--train', corpus, '--tokenizer', vocab, '--architecture', 'bert', '--output', model];
  const trained = JSON.parse(await easynlp('train', 'language_modeling', ...source, ...options, ...here));
  const tokens = `${model}-tokens`;
  const same = ['--seed', String(seed), '--batch-size', '64'];
  const of = ['evaluate', 'language_modeling', '--model', model, '--data', tokens];
  const evaluated = JSON.parse(await easynlp(...of, ...same, ...here));
  expect(evaluated.metrics.loss).toBeCloseTo(trained.metrics.loss, 4);
  expect(evaluated.metrics.perplexity).toBeCloseTo(Math.exp(evaluated.metrics.loss), 6);
  return { entropy: await unigramEntropy(tokens), ...(evaluated.metrics as Record<string, number>) };
}

function corpusFile(name: string, text: string): string {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'corpus.txt'), text);
  expect(statSync(join(folder, name, 'corpus.txt')).size).toBeGreaterThan(0.95 * BYTES);
  return join(folder, name);
}

const SEED = Number(process.env.EASYNLP_TEST_SEED ?? 1);

describe('pre-training from random weights on 2 MB', () => {
  it('learns what a grammar takes up again: the loss ends far below the entropy of the tokens', async () => {
    const { entropy, loss } = await pretrain(corpusFile('grammar', grammarCorpus(BYTES, 1)), 250, SEED);
    console.log(`grammar: entropy ${entropy.toFixed(2)}, loss ${loss!.toFixed(2)}`);
    expect(entropy).toBeGreaterThan(4.5);
    expect(loss).toBeLessThan(entropy - 0.7);
  }, 300_000);

  const news = testData();
  const why = news === null ? 'no test data' : SLOW ? '' : 'slow';
  it.skipIf(why !== '')(
    `learns real news${why && ` (skipped: ${why})`}`,
    async () => {
      const path = join(news!, 'corpus/news_cctv_2022_2026.txt.xz');
      const documents: string[] = [];
      let size = 0;
      for await (const { text } of readDocuments({ name: 'news', path, layout: 'blank-line' })) {
        documents.push(text);
        size += Buffer.byteLength(text) + 2;
        if (size >= BYTES) break;
      }
      const { entropy, loss } = await pretrain(corpusFile('news', `${documents.join('\n\n')}\n`), 500, SEED);
      console.log(`news: entropy ${entropy.toFixed(2)}, loss ${loss!.toFixed(2)}`);
      expect(entropy).toBeGreaterThan(6);
      expect(loss).toBeLessThan(entropy - 0.4);
    },
    300_000,
  );
});
