import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type TrainConfig, type TrainOptions } from '../../config/index.js';
import { openTable } from '../../datahub/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { questionPairs, reviews, tiny, workFolder, writeTsv } from '../../predictor/models.fixture.js';
import { pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { buildVocab, Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import { type TextClassifySpec, textClassify } from './index.js';

const folder = workFolder('text-classify');

async function specOf(path: string, options: Partial<TrainOptions> = {}): Promise<TextClassifySpec> {
  const config = parseConfig('train', {
    train: path,
    architecture: 'text-cnn',
    output: join(folder, 'unused'),
    ...options,
  }) as TrainConfig;
  const source = await openTable(path, {
    format: config.format,
    skipFirstLine: config.skipFirstLine,
    ...(config.schema === undefined ? {} : { schema: config.schema }),
  });
  return textClassify.prepare(config, source);
}

describe('columns of a task', () => {
  it.each(['text', 'sentence', 'text_a', 'sent1', 'sentence1', 'content', 'review', 'question1'])(
    'finds the text in a column named %s, and the label',
    async (name) => {
      const rows = reviews(4).map(({ label, text }) => ({ id: '1', [name]: text, label }));
      const spec = await specOf(writeTsv(join(folder, `${name}.tsv`), rows));
      expect(spec).toMatchObject({ firstSequence: name, secondSequence: null, labelName: 'label' });
    },
  );

  it('finds them in JSON Lines and in files without a header', async () => {
    const json = join(folder, 'rows.jsonl');
    writeFileSync(
      json,
      reviews(4)
        .map(({ label, text }) => JSON.stringify({ sentence: text, label }))
        .join('\n'),
    );
    expect(await specOf(json)).toMatchObject({ firstSequence: 'sentence', labelName: 'label' });
    const bare = writeTsv(join(folder, 'bare.tsv'), reviews(4), { header: false });
    expect(await specOf(bare, { schema: 'label:str:1,text:str:1' })).toMatchObject({ firstSequence: 'text' });
  });

  it('asks when it finds none, listing what there is', async () => {
    const path = writeTsv(join(folder, 'none.tsv'), [
      { words: '好', label: 'a' },
      { words: '坏', label: 'b' },
    ]);
    await expect(specOf(path)).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
      message: expect.stringContaining('"words", "label"'),
    });
    expect(await specOf(path, { firstSequence: 'words' })).toMatchObject({ firstSequence: 'words' });
    await expect(specOf(path, { firstSequence: 'word' })).rejects.toThrow(/Did you mean "words"/);
    await expect(specOf(path, { firstSequence: 'words', labelName: 'lable' })).rejects.toThrow(/"label"/);
    await expect(specOf(path, { firstSequence: 'words', secondSequence: 'text2' })).rejects.toThrow(
      /"text2"/,
    );
  });
});

describe('labels of a task', () => {
  const rows = reviews(6);
  it('come from the data, a list, or a file, in a fixed order', async () => {
    const path = writeTsv(join(folder, 'labels.tsv'), rows);
    const reversed = writeTsv(join(folder, 'reversed.tsv'), rows.toReversed?.() ?? [...rows].reverse());
    const found = (await specOf(path)).labels;
    expect([...found].sort()).toEqual(['好评', '差评'].sort());
    expect((await specOf(reversed)).labels).toEqual(found);
    expect((await specOf(path, { labels: ['差评', '好评'] })).labels).toEqual(['差评', '好评']);
    const file = join(folder, 'labels.txt');
    writeFileSync(file, '差评\n好评\n中评\n');
    expect((await specOf(path, { labels: file })).labels).toEqual(['差评', '好评', '中评']);
  });

  it('must be at least two, and different', async () => {
    const path = writeTsv(join(folder, 'one.tsv'), [
      { label: 'a', text: '好' },
      { label: 'a', text: '坏' },
    ]);
    await expect(specOf(path)).rejects.toThrow(/only label is "a"/);
    await expect(specOf(path, { labels: ['a', 'a'] })).rejects.toMatchObject({ code: 'DATA_LABELS' });
  });

  it('outside the list stop training before anything is written', async () => {
    const path = writeTsv(join(folder, 'outside.tsv'), rows);
    const output = join(folder, 'outside');
    const options = { ...tiny('text-cnn'), train: path, output, labels: ['好评', '坏评'] };
    await expect(train(options)).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
      message: expect.stringMatching(/outside\.tsv, line 3, column "label": the label "差评".*"坏评"/),
    });
  });

  it('keep their order through training, saving and prediction', async () => {
    const output = join(folder, 'ordered');
    const path = writeTsv(join(folder, 'ordered.tsv'), rows);
    await train({ ...tiny('text-cnn'), maxSteps: 2, train: path, output, labels: ['差评', '好评', '中评'] });
    const classify = await pipeline('text_classify', output, { device: 'cpu' });
    const { scores } = await classify('好吃');
    expect(scores).toHaveLength(3);
    const out = join(folder, 'ordered.out.tsv');
    await predict({
      model: output,
      input: [path],
      output: out,
      outputSchema: ['probabilities'],
      device: 'cpu',
    });
    const { readFileSync } = await import('node:fs');
    const first = readFileSync(out, 'utf8').split('\n')[0]!.split(',').map(Number);
    const [answer] = await classify([rows[0]!.text]);
    expect(first).toHaveLength(3);
    expect(first[0]).toBeCloseTo(answer!.scores.find((s) => s.label === '差评')!.probability, 5);
    classify.dispose();
  });
});

describe('encoding and collation', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    async function* texts() {
      yield '花呗怎么还款 abc';
    }
    tokenizer = Tokenizer.fromVocab(await buildVocab(texts(), { size: 100 }));
  });
  const spec: TextClassifySpec = {
    app: 'text_classify',
    sequenceLength: 16,
    firstSequence: 'a',
    secondSequence: 'b',
    labelName: 'label',
    labels: ['0', '1'],
  };
  const row = (a: string, b: string, label: string | number = '1') => ({
    values: { a, b, label },
    file: 'x.tsv',
    line: 2,
  });

  it('marks the two texts of a pair and cuts the longer one first', async () => {
    const context = { spec, tokenizer };
    const encoded = await textClassify.encode([row('花'.repeat(50), '还款'), row('花', '款')], context, {
      labels: true,
    });
    expect(encoded.map((e) => e.length)).toEqual([16, 5]);
    // [CLS] a… [SEP] 还 款 [SEP]: the short text is whole.
    expect([...encoded[0]!.typeIds!]).toEqual([...Array(13).fill(0), 1, 1, 1]);
    const batch = textClassify.collate(encoded, context);
    expect(batch.tensors.inputIds!.shape).toEqual([2, 16]);
    expect([batch.tokens, batch.paddedTokens, batch.size]).toEqual([21, 32, 2]);
    expect(Array.from(batch.tensors.attentionMask!.data as Uint8Array).reduce((s, v) => s + v, 0)).toBe(21);
    expect(Array.from(batch.tensors.labels!.data as Int32Array, Number)).toEqual([1, 1]);
    expect(textClassify.collate(encoded, context, { padTo: 20 }).tensors.inputIds!.shape).toEqual([2, 20]);
  });

  it('takes numeric labels, and leaves labels out where none are asked for', async () => {
    const context = { spec, tokenizer };
    const [one] = await textClassify.encode([row('花', '款', 0)], context, { labels: true });
    expect(one!.label).toBe(0);
    const unlabelled = await textClassify.encode([row('花', '款', 'whatever')], context, { labels: false });
    expect(textClassify.collate(unlabelled, context).tensors.labels).toBeUndefined();
    await expect(
      textClassify.encode([row('花', '款', 'x')], context, { labels: true }),
    ).rejects.toMatchObject({
      code: 'DATA_LABEL_UNKNOWN',
    });
  });
});

describe('pairs of texts', () => {
  it.each(['bert', 'text-cnn'] as const)('are trained, evaluated and predicted with %s', async (kind) => {
    const rows = questionPairs(60);
    const data = join(folder, `pairs-${kind}.jsonl`);
    writeFileSync(data, rows.map((r) => JSON.stringify({ ...r, label: Number(r.label) })).join('\n'));
    const output = join(folder, `pairs-${kind}`);
    const options = { ...tiny(kind), firstSequence: 'sentence1', secondSequence: 'sentence2' };
    const result = await train({ ...options, maxSteps: 20, train: data, dev: data, output });
    const { metrics, rows: count } = await evaluate({ model: output, data, device: 'cpu' });
    expect(count).toBe(60);
    expect(metrics).toEqual(result.metrics);
    const classify = await pipeline('text_classify', output, { device: 'cpu' });
    const answers = await classify(rows.map((r) => [r.sentence1, r.sentence2] as const));
    const right = answers.filter((answer, i) => answer.label === rows[i]!.label).length;
    expect(right / 60).toBeCloseTo(metrics.accuracy!, 12);
    classify.dispose();
  });
});
