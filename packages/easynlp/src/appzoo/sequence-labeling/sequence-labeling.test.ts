import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig, type TrainConfig, type TrainOptions } from '../../config/index.js';
import { openTable, type Row } from '../../datahub/index.js';
import { evaluate } from '../../predictor/evaluate.js';
import { tiny, workFolder } from '../../predictor/models.fixture.js';
import { type Pipeline, pipeline } from '../../predictor/pipeline.js';
import { predict } from '../../predictor/predict.js';
import { buildVocab, Tokenizer } from '../../text/index.js';
import { train } from '../../trainer/train.js';
import { encodeLabeling } from './encode.js';
import { goldOf } from './gold.js';
import {
  type LabelingResult,
  type LabelingSpec,
  type LabelingTrainOptions,
  sequenceLabeling,
} from './index.js';
import { segment, spaced, unitsOfRow } from './units.js';
import { ownParts, planWindows } from './windows.js';

const folder = workFolder('sequence-labeling');

const NAMES = ['张三', '李四光', '王五'];
const PLACES = ['北京', '上海', '乌鲁木齐'];

/** Sentences with a person and a place, as pairs of characters and tags. */
function sentences(count: number): [string, string][][] {
  return Array.from({ length: count }, (_, i) => {
    const name = NAMES[i % NAMES.length]!;
    const place = PLACES[(i >> 1) % PLACES.length]!;
    const tag = (text: string, type: string): [string, string][] =>
      [...text].map((c, k) => [c, `${k === 0 ? 'B' : 'I'}-${type}`]);
    const plain = (text: string): [string, string][] => [...text].map((c) => [c, 'O']);
    return i % 2 === 0
      ? [...tag(name, 'PER'), ...plain('昨天到了'), ...tag(place, 'LOC'), ...plain('。')]
      : [...plain('在'), ...tag(place, 'LOC'), ...plain('，我们见到'), ...tag(name, 'PER')];
  });
}

const conll = (all: readonly [string, string][][]) =>
  `${all.map((s) => s.map(([token, tag]) => `${token} ${tag}`).join('\n')).join('\n\n')}\n`;

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const small: Partial<TrainOptions> & Pick<LabelingTrainOptions, 'crfLrFactor'> = {
  ...tiny('bert'),
  app: 'sequence_labeling',
  maxSteps: 60,
  crfLrFactor: 10,
};

async function specOf(path: string, options: Partial<LabelingTrainOptions> = {}): Promise<LabelingSpec> {
  const config = parseConfig(
    'train',
    {
      app: 'sequence_labeling',
      train: path,
      architecture: 'bert',
      output: join(folder, 'unused'),
      ...options,
    },
    sequenceLabeling.options,
  ) as TrainConfig;
  const { format, schema, skipFirstLine } = config;
  return sequenceLabeling.prepare(
    config,
    await openTable(path, { format, skipFirstLine, ...(schema === undefined ? {} : { schema }) }),
  );
}

describe('data', () => {
  it('of three formats make the same task', async () => {
    const all = sentences(6);
    const bio = await specOf(write('a.bio', conll(all)));
    expect(bio).toMatchObject({
      firstSequence: 'tokens',
      labelName: 'tags',
      scheme: 'bio',
      types: ['LOC', 'PER'],
      labels: ['O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER'],
      unit: 'character',
      spaced: false,
    });
    const columns = all.map((s) => `${s.map(([t]) => t).join(' ')}\t${s.map(([, t]) => t).join(' ')}`);
    const table = write('a.tsv', `${columns.join('\n')}\n`);
    const schema = 'content:str:1,label:str:1';
    expect(await specOf(table, { schema, tagScheme: 'bmes' })).toMatchObject({
      firstSequence: 'content',
      labelName: 'label',
      scheme: 'bmes',
      labels: ['O', ...['LOC', 'PER'].flatMap((type) => ['B', 'M', 'E', 'S'].map((p) => `${p}-${type}`))],
      spaced: true,
    });
    const json = write(
      'a.jsonl',
      '{"text":"张三在北京","label":{"PER":{"张三":[[0,1]]},"LOC":{"北京":[[3,4]]}}}\n',
    );
    expect(await specOf(json)).toMatchObject({
      firstSequence: 'text',
      labelName: 'entities',
      types: ['LOC', 'PER'],
    });
    const numbers = write('b.jsonl', '{"tokens":["张","三"],"ner_tags":[1,2]}\n');
    expect(await specOf(numbers, { labels: ['O', 'B-PER', 'I-PER'] })).toMatchObject({ types: ['PER'] });
    await expect(specOf(numbers)).rejects.toThrow(/b\.jsonl, line 1, column "ner_tags": 1 is not a tag/);
    expect(await specOf(write('c.conll', 'EU B-ORG\nrejects O\nGerman B-MISC\n'))).toMatchObject({
      unit: 'word',
    });
  });

  it('say where they are wrong', async () => {
    const bio = (text: string) => write('wrong.bio', text);
    await expect(specOf(bio('张 B-PER\n三 NN\n'))).rejects.toThrow(
      /wrong\.bio, line 2, column "tags": "NN" is not a tag/,
    );
    await expect(specOf(bio('张 O\n'))).rejects.toThrow(/no entities: every tag is O/);
    await expect(specOf(bio('张 B-PER\n\n京 B-LOC\n'), { labels: ['PER'] })).rejects.toThrow(
      /wrong\.bio, line 3, column "tags": the label "B-LOC" is not one of the known/,
    );
    await expect(specOf(bio('张 B-PER\n'), { labels: ['O', 'PER'] })).rejects.toThrow(
      /"O" is a tag, but "PER"/,
    );
    const table = write('wrong.tsv', '张 三\tB-PER\n');
    await expect(specOf(table, { schema: 'text:str:1,label:str:1' })).rejects.toThrow(
      /wrong\.tsv, line 1, column "label": 1 tags for 2 tokens/,
    );
    const json = (entities: unknown) => write('wrong.jsonl', JSON.stringify({ text: '张三在', entities }));
    await expect(specOf(json([{ type: 'PER', start: 0, end: 9 }]))).rejects.toThrow(/entity 1 is/);
    await expect(specOf(json([{ type: 'PER', start: 0, end: 2, text: '李四' }]))).rejects.toThrow(
      /the text has "张三" there, not "李四"/,
    );
  });

  it('with overlapping entities keep the longest; white space around one is left out', () => {
    const row = (entities: unknown): Row => ({
      values: { text: '在 北京 大学', entities: JSON.stringify(entities) },
      file: 'x',
      line: 1,
    });
    const columns = { firstSequence: 'text', labelName: 'entities', unit: 'character' } as const;
    const overlapping = [
      { type: 'LOC', start: 2, end: 4 },
      { type: 'ORG', start: 1, end: 7 },
    ];
    expect(goldOf(row(overlapping), columns).spans).toEqual([{ type: 'ORG', from: 1, to: 5 }]);
  });
});

describe('units', () => {
  it('are characters or words at their places', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 40 }),
        fc.constantFrom('character', 'word'),
        (text, unit) => {
          const { surfaces, starts, ends } = segment(text, unit as 'character' | 'word');
          for (const [i, surface] of surfaces.entries()) {
            expect(text.slice(starts[i], ends[i])).toBe(surface);
            if (i > 0) expect(starts[i]).toBeGreaterThanOrEqual(ends[i - 1]!);
          }
          expect(surfaces.join('')).toBe(text.replace(/\s/g, ''));
        },
      ),
    );
    expect(segment('我在U.S.A. 的iPhone12，😀', 'word').surfaces).toEqual([
      ...['我', '在', 'U.S.A', '.', '的', 'iPhone12', '，', '😀'],
    ]);
    expect(spaced('今 天  iPhone').surfaces).toEqual(['今', '天', 'iPhone']);
  });

  it('of texts in files are tokens where the model knows such, and the text looks so', () => {
    const of = (text: string, rules: object, file = 'a.tsv') =>
      unitsOfRow(
        { values: { text }, file, line: 1 },
        { firstSequence: 'text', unit: 'character', spaced: true, ...rules },
      ).surfaces;
    // EasyNLP's predictor cuts tokens apart and counts spaces as tokens (issue 198 there).
    expect(of('我 用 iPhone', {})).toEqual(['我', '用', 'iPhone']);
    expect(of('我用 iP', {})).toEqual(['我', '用', 'i', 'P']);
    expect(of('我用 iP', { tokenized: true })).toEqual(['我用', 'iP']);
    expect(of('我 用', { tokenized: false })).toEqual(['我', '用']);
    expect(of('Hi, U.S. man', { unit: 'word' })).toEqual(['Hi,', 'U.S.', 'man']);
    expect(of('Hi, man', { unit: 'word' }, 'input')).toEqual(['Hi', ',', 'man']);
  });
});

describe('windows', () => {
  it('cover every unit, fit, and each place is seen with text around it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 0, 0, 1, 2)), {
          maxLength: 120,
        }),
        fc.integer({ min: 5, max: 40 }),
        (units, capacity) => {
          const pieces = units.map(([length]) => length);
          const windows = planWindows(pieces, capacity, (i) => units[i]![1] as 0 | 1 | 2);
          const begins = ownParts(windows);
          expect(windows[0]!.from).toBe(0);
          expect(windows.at(-1)!.to).toBe(units.length);
          for (const [i, { from, to }] of windows.entries()) {
            expect(pieces.slice(from, to).reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(capacity);
            expect(begins[i]).toBeGreaterThanOrEqual(from);
            expect(begins[i]).toBeLessThanOrEqual(to);
            const next = windows[i + 1];
            if (!next) continue;
            expect(next.from).toBeLessThanOrEqual(to);
            expect(next.from).toBeGreaterThan(from);
            expect(begins[i + 1]).toBeLessThanOrEqual(to);
          }
        },
      ),
    );
    expect(planWindows([], 5, () => 0)).toEqual([{ from: 0, to: 0 }]);
    // 10 units a window: cut after a sentence, else with an overlap of a quarter.
    const ones = Array<number>(25).fill(1);
    expect(planWindows(ones, 10, (i) => (i === 6 ? 2 : 0))).toEqual([
      { from: 0, to: 7 },
      { from: 7, to: 17 },
      { from: 15, to: 25 },
    ]);
  });
});

describe('encoding', () => {
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    async function* texts() {
      for (let i = 0; i < 3; i++) yield '张三昨天到了北京。iphone abc';
    }
    tokenizer = Tokenizer.fromVocab(await buildVocab(texts(), { size: 100 }));
  });
  const spec = (more: Partial<LabelingSpec> = {}): LabelingSpec => ({
    app: 'sequence_labeling',
    sequenceLength: 16,
    firstSequence: 'tokens',
    labelName: 'tags',
    scheme: 'bio',
    types: ['PER'],
    labels: ['O', 'B-PER', 'I-PER'],
    unit: 'character',
    spaced: false,
    crf: false,
    crfLrFactor: 1,
    ...more,
  });
  const encode = (values: Row['values'], labels: boolean, more: Partial<LabelingSpec> = {}) =>
    encodeLabeling([{ values, file: 'x', line: 1 }], { spec: spec(more), tokenizer }, { labels });

  it('labels first sub-tokens; tokens that are dropped or split shift nothing', async () => {
    const tokens = ['张', '\u200b', 'iphonex9', '[SEP]', '三', '\u0000', '￿'];
    const tags = ['B-PER', 'O', 'O', 'O', 'B-PER', 'I-PER', 'O'];
    const [row] = await encode({ tokens, tags }, true);
    expect(row!.sentence.windows).toHaveLength(1);
    expect([...row!.tags!]).toEqual([1, 0, 0, 0, 1, 2, 0]);
    expect(row!.positions).toHaveLength(7);
    expect(row!.ids[row!.positions[0]!]).toBe(tokenizer.tokenToId('张'));
    expect(row!.ids[row!.positions[4]!]).toBe(tokenizer.tokenToId('三'));
    expect(row!.ids[row!.positions[1]!]).toBe(tokenizer.unkId);
    expect([...row!.ids].filter((id) => id === tokenizer.sepId)).toHaveLength(1);
  });

  it('of plain texts leaves out what the tokenizer drops, and entities go across it', async () => {
    const entities = JSON.stringify([{ type: 'PER', start: 1, end: 4 }]);
    const [row] = await encode({ text: '到张\u200b三', entities }, true, {
      firstSequence: 'text',
      labelName: 'entities',
    });
    expect(row!.sentence.units.surfaces).toEqual(['到', '张', '三']);
    expect(row!.sentence.gold).toEqual([{ type: 'PER', from: 1, to: 3 }]);
    expect([...row!.tags!]).toEqual([0, 1, 2]);
  });

  it('of empty texts makes a batch all the same', async () => {
    const rows = await encode({ tokens: '' }, false);
    const batch = sequenceLabeling.collate(rows, { spec: spec(), tokenizer });
    expect(batch.tensors.inputIds!.shape).toEqual([1, 3]);
    expect(batch.tensors.positions!.shape).toEqual([1, 1]);
    await expect(encode({ tokens: '张' }, false, { sequenceLength: 2 })).rejects.toMatchObject({
      code: 'DATA_MAX_LENGTH',
    });
  });
});

describe.each([false, true])('a trained model (crf: %s)', (crf) => {
  const output = join(folder, `model-${crf}`);
  const data = join(folder, `train-${crf}.bio`);
  let label: Pipeline<'sequence_labeling'>;
  let metrics: Readonly<Record<string, number | null>>;
  beforeAll(async () => {
    writeFileSync(data, conll(sentences(48)));
    ({ metrics } = await train({ ...small, train: data, dev: data, output, crf } as TrainOptions));
    label = await pipeline('sequence_labeling', output, { device: 'cpu' });
  }, 60_000);
  afterAll(() => label.dispose());

  it('finds what it was shown, and evaluation says so', async () => {
    expect(metrics.f1).toBeGreaterThan(0.9);
    const again = await evaluate({ model: output, data, device: 'cpu' });
    expect(again.metrics).toEqual(metrics);
    expect(again.report).toMatch(/LOC +1\.0000|LOC +0\.9/);
    const { entities, tags } = await label('张三昨天到了北京。');
    expect(entities).toMatchObject([
      { type: 'PER', text: '张三', start: 0, end: 2, tokenStart: 0, tokenEnd: 2 },
      { type: 'LOC', text: '北京', start: 6, end: 8 },
    ]);
    expect(tags).toHaveLength(9);
    for (const { score } of entities) expect(score).toBeGreaterThan(0.2);
  });

  it('gives places in the original text', async () => {
    const odd = [
      '😀张三\u0000昨天 到了\u200b北\u00a0京。',
      '',
      ' \t',
      '\ud800张三',
      '👨‍👩‍👧在北京，我们见到王五𠮷',
      '\u0001\u0002',
    ];
    const check = ({ text, entities, tokens, tags }: LabelingResult, input: string) => {
      expect(text).toBe(input);
      expect(tags).toHaveLength(tokens.length);
      for (const { start, end, text: name } of entities) {
        expect(input.slice(start, end)).toBe(name);
        expect(name.trim()).toBe(name);
        expect(name).not.toBe('');
      }
    };
    for (const [i, result] of (await label(odd)).entries()) check(result, odd[i]!);
    expect((await label('张三\u0000昨天到了北\u200b京。😀')).entities.map(({ text }) => text)).toContain(
      '张三',
    );
    const parts = fc.constantFrom(
      '张三',
      '北京',
      '😀',
      ' ',
      '\u0007',
      'ab',
      '。',
      '𠮷',
      '昨天到了',
      '\ud83d',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(parts, { maxLength: 30 }), async (pieces) => {
        const input = pieces.join('');
        check(await label(input), input);
      }),
      { numRuns: 15 },
    );
  });

  it('answers alike for one and for many, and for texts of any length', async () => {
    const inputs = [...sentences(7).map((s) => s.map(([token]) => token).join('')), '', '张三'.repeat(90)];
    const many = await label(inputs);
    for (const [i, input] of inputs.entries()) {
      const one = await label(input);
      expect(one.tags).toEqual(many[i]!.tags);
      for (const [k, { score }] of one.entities.entries())
        expect(score).toBeCloseTo(many[i]!.entities[k]!.score, 4);
    }
    // Windows of 30 characters: nothing is lost at their borders.
    const long = await label('张三昨天到了北京。'.repeat(40));
    expect(long.entities).toHaveLength(80);
    expect(long.entities.every(({ text }) => text === '张三' || text === '北京')).toBe(true);
    const [tokens] = await label([['张', '三', '昨', '天', '到', '了', '北', '京']]);
    expect(tokens!.entities.map(({ text }) => text)).toEqual(['张三', '北京']);
    await expect(label({ other: 'x' } as never)).rejects.toMatchObject({ code: 'APP_INPUT' });
  });

  it('counts every entity of texts longer than a window', async () => {
    // EasyNLP cuts them, and fills the gold tags up with the last tag of its list.
    const long = join(folder, `long-${crf}.bio`);
    const parts = sentences(48);
    writeFileSync(long, conll([parts.slice(0, 24).flat(), parts.slice(24).flat(), parts[0]!]));
    const { details } = await evaluate({ model: output, data: long, device: 'cpu' });
    expect((details as { micro: { support: number } }).micro.support).toBe(2 * 49);
  });

  it('predicts files', async () => {
    const out = join(folder, `out-${crf}.tsv`);
    const options = { model: output, input: [data], output: out, device: 'cpu' };
    const { rows } = await predict({ ...options, outputSchema: ['predictions', 'output', 'entities'] });
    expect(rows).toBe(48);
    const [predictions, easynlp, entities] = readFileSync(out, 'utf8').split('\n')[0]!.split('\t');
    expect(predictions!.split(' ')).toHaveLength(sentences(1)[0]!.length);
    expect(JSON.parse(easynlp!)[0]).toEqual({ word: '张三', tag: 'PER', start: 0, end: 2 });
    expect(JSON.parse(entities!)[0]).toMatchObject({ type: 'PER', text: '张三', start: 0, end: 2 });

    const plain = join(folder, `plain-${crf}.tsv`);
    const spacedTexts = write(`spaced-${crf}.csv`, 'text\n张三 昨天\n');
    for (const [choice, count] of [
      ['tokens', 2],
      ['plain', 4],
      ['auto', 4],
    ] as const) {
      await predict({
        ...options,
        app: 'sequence_labeling',
        input: [spacedTexts],
        output: plain,
        texts: choice,
      });
      expect(readFileSync(plain, 'utf8').trim().split(' ')).toHaveLength(count);
    }

    // Texts in a column of another name, into JSON Lines, which are training data again.
    const texts = write(`texts-${crf}.csv`, 'id,content\n7,张三昨天到了北京。\n8,\n');
    const found = join(folder, `out-${crf}.jsonl`);
    await predict({ ...options, input: [texts], output: found, appendCols: ['id'] });
    const objects = readFileSync(found, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toMatchObject([
      {
        id: '7',
        text: '张三昨天到了北京。',
        entities: [
          { type: 'PER', text: '张三' },
          { type: 'LOC', start: 6 },
        ],
      },
      { id: '8', text: '', entities: [] },
    ]);
    expect(await specOf(found)).toMatchObject({ types: ['LOC', 'PER'], labelName: 'entities' });
    await expect(predict({ ...options, output: found, outputSchema: ['entitys'] })).rejects.toThrow(
      /Did you mean|names among/,
    );
  });
});
