import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manualSeed } from '@easynlp/torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeReading } from '../appzoo/machine-reading-comprehension/encode.js';
import type { ReadingSpec } from '../appzoo/machine-reading-comprehension/spec.js';
import { jiebaSegmenter, TokenCache } from '../datahub/corpus/index.js';
import { AutoModelForMaskedLM, savePretrained } from '../modelzoo/index.js';
import { buildVocab, Tokenizer } from '../text/index.js';
import { train } from '../trainer/train.js';
import { evaluate } from './evaluate.js';
import { pipeline } from './pipeline.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-word-models-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const samples = fileURLToPath(new URL('../../samples/reviews/', import.meta.url));
const texts = ['train', 'dev'].flatMap((name) =>
  readFileSync(join(samples, `${name}.tsv`), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split('\t')[1]!),
);

/** Characters of the reviews, and the words that stand in two of them. */
async function vocabularyOfWords(): Promise<string[]> {
  const counts = new Map<string, number>();
  const { cut } = jiebaSegmenter();
  for (const text of texts)
    for (const word of new Set(cut(text))) counts.set(word, (counts.get(word) ?? 0) + 1);
  const words = [...counts].filter(([word, n]) => n > 1 && /^\p{Script=Han}{2,}$/u.test(word));
  return [
    ...(await buildVocab(texts, { size: 2000, minFrequency: 1 })),
    ...words.map(([word]) => word),
    '性价比高',
  ];
}

/** A pretrained model of words with random weights, as a hub has it. */
async function writeModel(name: string, modelType: string, tokenizerConfig: object | null): Promise<string> {
  const vocabulary = await vocabularyOfWords();
  const folder = join(root, name);
  manualSeed(3);
  const lm = AutoModelForMaskedLM.fromConfig({
    ...{ model_type: modelType, vocab_size: vocabulary.length, max_position_embeddings: 64, pad_token_id: 0 },
    ...{ hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 64 },
    initializer_range: 0.1,
  });
  await savePretrained(folder, lm);
  writeFileSync(join(folder, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  if (tokenizerConfig) writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(tokenizerConfig));
  return folder;
}

const machine = { device: 'cpu', numThreads: 1 } as const;
const models: Record<'wobert' | 'roformer', string> = { wobert: '', roformer: '' };
beforeAll(async () => {
  models.wobert = await writeModel('wobert', 'bert', {
    tokenizer_class: 'WoBertTokenizer',
    do_lower_case: true,
  });
  models.roformer = await writeModel('roformer', 'roformer', null);
});

describe.each(['wobert', 'roformer'] as const)('%s', (name) => {
  const output = join(root, `${name}-out`);
  const dev = join(samples, 'dev.tsv');

  it('learns text_classify from words, with a user dictionary, and gives the same figures when loaded again', async () => {
    const dictionary = join(root, 'words.txt');
    writeFileSync(dictionary, '# ours\n性价比高 1000000 n\n');
    const { metrics } = await train({
      ...machine,
      ...{ app: 'text_classify', model: models[name], train: join(samples, 'train.tsv'), dev, output },
      ...{ firstSequence: 'text', labelName: 'label', sequenceLength: 48, epochs: 5, batchSize: 16 },
      ...{ learningRate: 3e-3, userDictionary: dictionary, saveStrategy: 'none' },
    } as unknown as Parameters<typeof train>[0]);
    expect(readdirSync(output)).toContain('user_dict.txt');
    const tokenizer = await Tokenizer.fromFolder(output);
    expect(tokenizer.wordSegmenter).toMatch(/^jieba\+/);
    const { tokens } = await tokenizer.encode('性价比高，我们非常满意');
    expect(tokens).toContain('性价比高');
    expect(tokens).toContain('非常');
    const again = await evaluate({ ...machine, model: output, data: dev });
    expect(again.metrics.accuracy).toBe(metrics.accuracy);
    expect(again.metrics.accuracy).toBeGreaterThan(0.55);
    const classify = await pipeline('text_classify', output, machine);
    const all = await classify(['性价比高，非常满意', '', '😀'.repeat(100)]);
    for (const [i, text] of ['性价比高，非常满意', '', '😀'.repeat(100)].entries()) {
      const alone = await classify(text);
      expect(alone.label).toBe(all[i]!.label);
      expect(alone.scores[0]!.probability).toBeCloseTo(all[i]!.scores[0]!.probability, 5);
    }
    classify.dispose();
  });

  it('reads long texts in windows whose tokens are words', async () => {
    const out = join(root, `${name}-long`);
    await train({
      ...machine,
      ...{ app: 'text_classify', model: models[name], train: dev, output: out, longText: 'windows' },
      ...{ firstSequence: 'text', labelName: 'label', sequenceLength: 16, maxSteps: 1, saveStrategy: 'none' },
    } as unknown as Parameters<typeof train>[0]);
    const classify = await pipeline('text_classify', out, machine);
    const { scores } = await classify(texts.slice(0, 20).join('。'));
    expect(scores.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 5);
    classify.dispose();
  });

  it('labels characters one by one in sequence_labeling, whatever words they are in', async () => {
    const table = join(root, `${name}-tags.tsv`);
    const rows = ['我 们 在 北 京 大 学\tO O O B-ORG I-ORG I-ORG I-ORG', '非 常 满 意\tO O O O'];
    writeFileSync(table, `${[...rows, ...rows, ...rows].join('\n')}\n`);
    const out = join(root, `${name}-tags`);
    await train({
      ...machine,
      ...{ app: 'sequence_labeling', model: models[name], train: table, output: out, maxSteps: 2 },
      ...{ schema: 'content:str:1,label:str:1', firstSequence: 'content', labelName: 'label' },
      ...{ sequenceLength: 32, saveStrategy: 'none' },
    } as unknown as Parameters<typeof train>[0]);
    const label = await pipeline('sequence_labeling', out, machine);
    const text = '我们非常😀满意';
    const { tokens, entities } = (await label(text)) as unknown as {
      tokens: string[];
      entities: { text: string; start: number; end: number }[];
    };
    expect(tokens).toEqual([...text]);
    for (const entity of entities) expect(text.slice(entity.start, entity.end)).toBe(entity.text);
    label.dispose();
  });
});

describe('language_modeling on words', () => {
  it('masks words as a whole: a token of a word, and characters of one that the vocabulary lacks', async () => {
    const corpus = join(root, 'corpus.txt');
    writeFileSync(corpus, `${[...texts.slice(0, 40), '性价比高的机器学习非常满意'].join('\n')}\n`);
    const dictionary = join(root, 'lm-words.txt');
    writeFileSync(dictionary, '性价比高\n机器学习\n');
    const output = join(root, 'lm');
    await train({
      ...machine,
      ...{ app: 'language_modeling', model: models.roformer, train: corpus, layout: 'line', output },
      ...{ userDictionary: dictionary, heldOut: 0, sequenceLength: 32, batchSize: 4, maxSteps: 2 },
      saveStrategy: 'none',
    } as unknown as Parameters<typeof train>[0]);
    const tokenizer = await Tokenizer.fromFolder(output);
    const cache = await TokenCache.open(`${output}-tokens`, { tokenizer });
    const count = cache.header.splits.train.tokens;
    const [ids, starts] = [new Int32Array(count), new Uint8Array(count)];
    cache.read('train', 0, count, ids, starts);
    cache.close();
    const shown = Array.from(ids, (id, i) => `${starts[i] === 1 ? '|' : ' '}${tokenizer.idToToken(id)}`).join(
      '',
    );
    expect(shown).toContain('|性价比高|的|机 器 学 习|非常|满意|[SEP]');
    const fill = await pipeline('language_modeling', output, machine);
    const { masks } = (await fill('性价比高，[MASK]满意')) as unknown as { masks: unknown[] };
    expect(masks).toHaveLength(1);
    fill.dispose();
    // The same vocabulary without words would give other tokens: its cache is another.
    const config = join(output, 'tokenizer_config.json');
    const plain = { ...JSON.parse(readFileSync(config, 'utf8')), word_segmenter: null };
    writeFileSync(config, JSON.stringify(plain));
    await expect(
      TokenCache.open(`${output}-tokens`, { tokenizer: await Tokenizer.fromFolder(output) }),
    ).rejects.toMatchObject({ code: 'DATA_CACHE_MISMATCH' });
  });
});

it('refuses a user dictionary for a tokenizer that has no use for it', async () => {
  const dictionary = join(root, 'useless.txt');
  writeFileSync(dictionary, '性价比高\n');
  await expect(
    train({
      ...machine,
      ...{
        app: 'text_classify',
        model: 'bert-tiny-zh',
        train: join(samples, 'dev.tsv'),
        output: join(root, 'no'),
      },
      ...{ firstSequence: 'text', labelName: 'label', userDictionary: dictionary },
    } as unknown as Parameters<typeof train>[0]),
  ).rejects.toThrow(/userDictionary is for models whose tokenizer cuts words/);
});

it('finds answers of machine_reading_comprehension whose places are right, cut where tokens are', async () => {
  const tokenizer = await Tokenizer.fromFolder(models.roformer);
  const context = '😀这家酒店的早餐非常好，我们很满意';
  const spec: ReadingSpec = {
    ...{ app: 'machine_reading_comprehension', firstSequence: 'question', secondSequence: 'context' },
    ...{ idName: null, answerName: 'answer', startName: null, language: 'zh', sequenceLength: 48 },
    ...{ maxQueryLength: 16, docStride: 16, maxAnswerLength: 20, nBestSize: 5 },
    ...{ unanswerable: false, unanswerableThreshold: null },
  };
  for (const [answer, found] of [
    ['早餐', '早餐'],
    ['非', '非常'],
    ['满意', '满意'],
  ] as const) {
    const row = { values: { question: '什么非常好', context, answer }, file: 'rows', line: 1 };
    const [first] = await encodeReading(
      [row],
      { spec, tokenizer },
      {
        labels: true,
      },
    );
    const { question, startPosition, endPosition, at } = first!;
    const [start, end] = [question.starts[startPosition - at]!, question.ends[endPosition - at]!];
    expect(context.slice(start, end)).toBe(found);
  }
});
