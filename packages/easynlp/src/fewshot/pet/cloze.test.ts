import { fileURLToPath } from 'node:url';
import { manualSeed, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import type { AppContext } from '../../appzoo/app.js';
import { appOf } from '../../appzoo/registry.js';
import { uploadBatch } from '../../appzoo/runtime.js';
import { parseConfig, type TrainConfig } from '../../config/index.js';
import { type Row, tableFromArray } from '../../datahub/index.js';
import { Tokenizer } from '../../text/index.js';
import type { PromptedRow, PromptModel, PromptSpec } from '../prompt/index.js';
import type { ClozeApp } from './cloze-app.js';
import { labelWordLoss, vocabularyLoss } from './cloze-loss.js';
import { petOptions } from './options.js';

const folder = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const texts = [
  '物流很快，质量也不错',
  '太差了',
  '一般般，没有想象中好，用了两天就坏了，客服也不理人',
  '非常喜欢',
];
const table = tableFromArray(
  texts.map((text, i) => ({ text, other: `第${i}个`, label: i % 2 === 0 ? 'neg' : 'pos' })),
);

interface Loaded {
  app: ClozeApp;
  context: AppContext<PromptSpec>;
  model: PromptModel;
  rows: PromptedRow[];
}

async function load(options: Record<string, unknown>, name = 'text_classify'): Promise<Loaded> {
  const app = appOf({ app: name, method: 'pet' }) as unknown as ClozeApp;
  const given = {
    train: 'rows',
    output: 'out',
    model: folder,
    labels: ['neg', 'pos'],
    sequenceLength: 48,
    ...options,
  };
  const config = parseConfig('train', given, petOptions) as TrainConfig;
  const spec = await app.prepare(config, table);
  const tokenizer = await Tokenizer.fromFolder(folder);
  const context = { spec, tokenizer };
  const model = (await app.head(spec, { kind: 'pretrained', folder })) as PromptModel;
  model.eval();
  const source: Row[] = [];
  for await (const row of table.rows()) source.push(row);
  return { app, context, model, rows: await app.encode(source, context, { labels: true }) };
}

const logitsOf = (
  { app, context, model }: Loaded,
  rows: readonly PromptedRow[],
  padTo?: number,
): number[][] =>
  noGrad(() =>
    tidy(() => {
      const inputs = uploadBatch(app.collate(rows, context, padTo ? { padTo } : {}), 'cpu');
      return (model.forward(inputs).logits as Tensor).toArray() as number[][];
    }),
  );

/** log p(token | x) at a position of one row, from the language model itself. */
function logProbability(loaded: Loaded, row: PromptedRow, block: number, slot: number, word: string): number {
  return noGrad(() =>
    tidy(() => {
      const { ids, masks } = row.sequences[block]!;
      const inputs = uploadBatch(
        { tensors: { inputIds: { data: ids, shape: [1, ids.length], dtype: 'int32' } } },
        'cpu',
      );
      const { logits } = loaded.model.backbone.forward(inputs);
      const all = Array.from(logits.select(0, 0).select(0, masks[slot]!).toFloat32Array());
      const max = Math.max(...all);
      const total = max + Math.log(all.reduce((sum, z) => sum + Math.exp(z - max), 0));
      return all[loaded.context.tokenizer.tokenToId(word)!]! - total;
    }),
  );
}

describe('scores of label words', () => {
  let single: Loaded;
  let longest: Loaded;
  let own: Loaded;
  beforeAll(async () => {
    const pattern = 'text,"，总之",label,。';
    single = await load({ pattern, labelWords: ['差', '好'] });
    longest = await load({ pattern, labelWords: ['糟糕|差', '不错|好'] });
    own = await load({ pattern, labelWords: ['糟糕|差', '不错|好'], maskBlocks: 'own' });
  });
  afterAll(() => {
    for (const { model } of [single, longest, own]) model.dispose();
  });

  it('are what the language model says at the mask', () => {
    const logits = logitsOf(single, single.rows);
    for (const [r, row] of single.rows.entries()) {
      for (const [c, word] of ['差', '好'].entries()) {
        expect(logits[r]![c]).toBeCloseTo(logProbability(single, row, 0, 0, word), 3);
      }
    }
  });

  it('of several words are their mean, of several tokens the sum, in one block or in blocks of their own', () => {
    const row = longest.rows[0]!;
    expect(row.sequences).toHaveLength(1);
    const p = (slot: number, word: string) => logProbability(longest, row, 0, slot, word);
    expect(logitsOf(longest, [row])[0]![0]).toBeCloseTo((p(0, '糟') + p(1, '糕') + p(0, '差')) / 2, 3);
    const other = own.rows[0]!;
    expect(other.sequences.map(({ masks }) => masks.length)).toEqual([1, 2]);
    const q = (block: number, slot: number, word: string) => logProbability(own, other, block, slot, word);
    expect(logitsOf(own, [other])[0]![1]).toBeCloseTo((q(1, 0, '不') + q(1, 1, '错') + q(0, 0, '好')) / 2, 3);
  });

  it('depend neither on padding nor on the other rows of the batch', () => {
    for (const loaded of [single, longest, own]) {
      const alone = loaded.rows.map((row) => logitsOf(loaded, [row])[0]!);
      const turned = logitsOf(loaded, loaded.rows.toReversed(), 48).toReversed();
      for (const [r, scores] of alone.entries()) {
        for (const [c, score] of scores.entries()) expect(turned[r]![c]).toBeCloseTo(score, 3);
      }
    }
  });

  it('give PET’s loss, the cross entropy among the label words', () => {
    const scores = logitsOf(single, single.rows);
    const expected =
      -scores.reduce(
        (sum, row, r) => sum + row[r % 2]! - Math.log(Math.exp(row[0]!) + Math.exp(row[1]!)),
        0,
      ) / 4;
    tidy(() => {
      const inputs = uploadBatch(single.app.collate(single.rows, single.context), 'cpu');
      expect(labelWordLoss(single.model, inputs).item()).toBeCloseTo(expected, 4);
    });
  });

  it('and EasyNLP’s, the cross entropy over the vocabulary at every mask of the right word', () => {
    tidy(() => {
      const inputs = uploadBatch(longest.app.collate(longest.rows, longest.context), 'cpu');
      const gold = [
        ['糟', '糕'],
        ['不', '错'],
      ];
      const all = longest.rows.flatMap((row, r) =>
        gold[r % 2]!.map((word, slot) => logProbability(longest, row, 0, slot, word)),
      );
      expect(vocabularyLoss(longest.model, inputs).item()).toBeCloseTo(
        -all.reduce((a, b) => a + b) / all.length,
        3,
      );
    });
  });

  it.each([
    ['label-words', labelWordLoss],
    ['vocabulary', vocabularyLoss],
  ] as const)('have the gradients of finite differences (%s)', (_, loss) => {
    manualSeed(3);
    const { model } = longest;
    const weight = [...model.namedParameters()].find(
      ([name]) => name === 'cls.predictions.transform.dense.weight',
    )![1];
    const inputs = longest.app.collate(longest.rows, longest.context);
    const value = () => tidy(() => loss(model, uploadBatch(inputs, 'cpu')).item());
    model.zeroGrad();
    tidy(() => loss(model, uploadBatch(inputs, 'cpu')).backward());
    tidy(() => {
      const direction = weight.grad!.div(weight.grad!.pow(2).sum().sqrt());
      const slope = weight.grad!.pow(2).sum().sqrt().item();
      const step = 0.02;
      const moved = (by: number) => {
        noGrad(() => weight.add_(direction, { alpha: by }));
        const result = value();
        noGrad(() => weight.add_(direction, { alpha: -by }));
        return result;
      };
      expect((moved(step) - moved(-step)) / (2 * step) / slope).toBeCloseTo(1, 1);
    });
    model.zeroGrad();
  });
});

describe('pairs', () => {
  it('are prompted with both texts, and read no others', async () => {
    const loaded = await load(
      {
        app: 'text_match',
        ...{ pattern: 'text,"？",label,"，",other', labelWords: ['不', '对'] },
        ...{ firstSequence: 'text', secondSequence: 'other' },
      },
      'text_match',
    );
    const { context, rows, app, model } = loaded;
    expect(await context.tokenizer.decode(rows[1]!.sequences[0]!.ids, { skipSpecialTokens: false })).toBe(
      '[CLS] 太 差 了 ？ [MASK] ， 第 1 个 [SEP]',
    );
    expect(app.inputs.columns(context.spec, { labels: true })).toEqual(['text', 'other', 'label']);
    expect(logitsOf(loaded, rows)).toHaveLength(4);
    // Renamed columns at prediction, and a pair as an array.
    const renamed = { ...context.spec, firstSequence: 'a', secondSequence: 'b' };
    const row = app.inputs.row(renamed, ['太差了', '第1个'], 0);
    const [again] = await app.encode([row], { ...context, spec: renamed }, { labels: false });
    expect([...again!.sequences[0]!.ids]).toEqual([...rows[1]!.sequences[0]!.ids]);
    model.dispose();
    await expect(
      load(
        { pattern: 'text,label', labelWords: ['不', '对'], firstSequence: 'text', secondSequence: 'other' },
        'text_match',
      ),
    ).rejects.toMatchObject({ code: 'PROMPT_PATTERN' });
  });
});

describe('before any training', () => {
  const wrong = (options: Record<string, unknown>) =>
    load({ labelWords: ['差', '好'], pattern: 'text,label', ...options });
  it.each([
    [{ pattern: 'text,lable' }, 'PROMPT_PATTERN', /no column "lable"/],
    [{ pattern: 'text,<pseudo>,label' }, 'PROMPT_PATTERN', /method pet does not have/],
    [{ pattern: undefined }, 'CONFIG_MISSING_VALUE', /pattern/],
    [{ labelWords: undefined }, 'CONFIG_MISSING_VALUE', /labelWords/],
    [{ labelWords: ['差'] }, 'PROMPT_LABEL_WORDS', /1 entries for the 2 labels/],
    [{ labelWords: ['差', '\u{20000}'] }, 'PROMPT_LABEL_WORDS', /does not know/],
    [{ labelWords: ['好', '好看'] }, 'PROMPT_LABEL_WORDS', /begins with/],
    [{ sequenceLength: 3 }, 'PROMPT_TOO_LONG', /takes 3 of the 3 tokens/],
    [
      { labels: ['neg', 'pos', 'a', 'b', 'c'], labelWords: [...'一二三四五'] },
      'FEWSHOT_ROWS',
      /4 rows for 5 labels/,
    ],
  ])('%o is an error', async (options, code, message) => {
    await expect(wrong(options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('rows of one label are an error', async () => {
    const app = appOf({ app: 'text_classify', method: 'pet' });
    const config = parseConfig(
      'train',
      {
        train: 'rows',
        output: 'o',
        model: folder,
        labels: ['neg', 'pos'],
        pattern: 'text,label',
        labelWords: ['差', '好'],
      },
      petOptions,
    ) as TrainConfig;
    const one = tableFromArray([1, 2, 3].map((i) => ({ text: `好${i}`, label: 'pos' })));
    await expect(app.prepare(config, one)).rejects.toMatchObject({
      code: 'FEWSHOT_ROWS',
      message: expect.stringContaining('all 3 rows have the label "pos"'),
    });
  });
});
