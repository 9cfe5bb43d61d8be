import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { manualSeed, noGrad, tidy } from '@easynlp/torch';
import { afterAll, describe, expect, it } from 'vitest';
import '../../methods.js';
import type { App, AppContext, AppModel, CollateOptions } from '../../appzoo/app.js';
import { appOf, getApp } from '../../appzoo/registry.js';
import { uploadBatch } from '../../appzoo/runtime.js';
import type { EncodedSequence } from '../../appzoo/sequence/index.js';
import type { EncodedWindow } from '../../appzoo/sequence-labeling/encode.js';
import type { LabelingResult } from '../../appzoo/sequence-labeling/index.js';
import { unpadBatch } from '../../appzoo/unpad-batch.js';
import { parseConfig, type TrainConfig } from '../../config/index.js';
import { type Row, tableFromArray } from '../../datahub/index.js';
import { Tokenizer } from '../../text/index.js';
import { trainOptionsOf } from '../../trainer/method.js';
import { kBert } from './index.js';
import type { TreeRow } from './tree-rows.js';

const model = fileURLToPath(new URL('../../../../models-zh/bert-tiny-zh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'easynlp-kbert-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const graph = join(folder, 'graph.spo');
writeFileSync(
  graph,
  '北京\t首都\t中国\n北京\t别名\t燕京\n苹果\t类\t水果\n花呗\t属于\t支付宝\nTim Cook\tCEO\tApple\n',
);
const unrelated = join(folder, 'unrelated.spo');
writeFileSync(unrelated, '广州\t简称\t穗\n');

/** Weights large enough that whatever a token sees shows in the scores. */
const RANDOM = {
  ...{
    vocab_size: 14000,
    hidden_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 16,
  },
  ...{ max_position_embeddings: 64, dim: 16, n_layers: 2, n_heads: 2, hidden_dim: 16, embedding_size: 16 },
  initializer_range: 0.4,
};

const TEXTS = ['我在北京吃苹果', '苹果', '今天天气不错，我们去公园散步，晚上看电影', 'Tim Cook 在北京'];
const TABLES = {
  text_classify: TEXTS.map((text, i) => ({ text, label: i % 2 === 0 ? 'neg' : 'pos' })),
  text_match: TEXTS.map((text, i) => ({
    sentence1: text,
    sentence2: i === 2 ? '好' : `北京的花呗${i}`,
    label: i % 2 === 0 ? '0' : '1',
  })),
  sequence_labeling: [
    { tokens: '我 在 北 京 吃 苹 果', tags: 'O O B-LOC I-LOC O O O' },
    { tokens: '苹 果', tags: 'O O' },
    { tokens: '今 天 天 气 不 错', tags: 'O O O O O O' },
    { tokens: 'Tim Cook 在 北 京', tags: 'B-PER I-PER O B-LOC I-LOC' },
  ],
};
type Name = keyof typeof TABLES;
const NAMES = Object.keys(TABLES) as Name[];

interface Loaded {
  readonly app: App;
  readonly context: AppContext;
  readonly model: AppModel;
  readonly rows: readonly (TreeRow & EncodedSequence)[];
}

async function encoded(
  app: App,
  context: AppContext,
  table: readonly Record<string, string>[],
): Promise<Loaded['rows']> {
  const rows: Row[] = [];
  for await (const row of tableFromArray(table).rows()) rows.push(row);
  const all = await app.encode(rows, context, { labels: true });
  return all.flatMap((row) => app.parts?.(row) ?? [row]) as unknown as Loaded['rows'];
}

/** A task with a model that the seed fixes; without a graph it is the plain one. */
async function load(
  name: Name,
  kgFile: string | null,
  given: Record<string, unknown> = {},
  table: readonly Record<string, string>[] = TABLES[name],
): Promise<Loaded> {
  const app = kgFile === null ? getApp(name) : appOf({ app: name, method: 'kbert' });
  const own = kgFile === null ? {} : { kgFile };
  const options = kgFile === null ? app.options : trainOptionsOf(app, kBert);
  const config = parseConfig(
    'train',
    { train: 'rows', output: 'out', model, sequenceLength: 48, ...own, ...given },
    options,
  ) as TrainConfig;
  const spec = await app.prepare(config, tableFromArray(table));
  const context = { spec, tokenizer: await Tokenizer.fromFolder(model) };
  manualSeed(7);
  const head = await app.head(spec, { kind: 'config', config: { ...RANDOM, model_type: 'bert' } });
  head.eval();
  return { app, context, model: head, rows: await encoded(app, context, table) };
}

const logitsOf = (
  { app, context, model: own }: Loaded,
  rows: Loaded['rows'],
  options: CollateOptions = {},
): number[][] =>
  noGrad(() =>
    tidy(() => {
      const { logits } = own.forward(uploadBatch(app.collate(rows, context, options), 'cpu'));
      const flat = logits!.toFloat32Array();
      // Of tags only those of a row's own units: others are padding.
      return rows.map((row, r) => {
        const size = flat.length / rows.length;
        const units = (row as unknown as Partial<EncodedWindow>).positions?.length;
        const classes = logits!.size(-1);
        return [...flat.subarray(r * size, r * size + (units === undefined ? size : units * classes))];
      });
    }),
  );

const difference = (a: readonly number[][], b: readonly number[][]): number =>
  Math.max(...a.flatMap((row, r) => row.map((value, i) => Math.abs(value - b[r]![i]!))));

describe('rows', () => {
  const words = async ({ context }: Loaded, ids: Int32Array) =>
    (await context.tokenizer.decode(ids, { skipSpecialTokens: false })).split(' ');

  it('of texts have facts behind their entities', async () => {
    const loaded = await load('text_classify', graph);
    const [first, , plain, english] = loaded.rows;
    expect(await words(loaded, first!.ids)).toEqual(
      '[CLS] 我 在 北 京 首 都 中 国 别 名 燕 京 吃 苹 果 类 水 果 [SEP]'.split(' '),
    );
    expect([...first!.tree.softPositions]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 5, 6, 7, 8, 5, 6, 7, 8, 9, 10, 8,
    ]);
    expect(first).toMatchObject({ length: 20, label: 0, typeIds: null });
    expect(plain!.tree.branches).toEqual([]);
    const [entity] = english!.tree.branches;
    expect(await words(loaded, english!.ids.subarray(entity!.from, entity!.to))).toEqual(
      await words(
        loaded,
        (await loaded.context.tokenizer.encode('CEO Apple', null, { addSpecialTokens: false })).ids,
      ),
    );
    loaded.model.dispose();
  });

  it('of pairs have them in the segment of their entity', async () => {
    const loaded = await load('text_match', graph, { kgMaxEntities: 1 });
    const [, row] = loaded.rows;
    expect(await words(loaded, row!.ids)).toEqual(
      '[CLS] 苹 果 类 水 果 [SEP] 北 京 首 都 中 国 的 花 呗 属 于 支 付 宝 1 [SEP]'.split(' '),
    );
    expect(row!.typeIds!.join('')).toBe(`${'0'.repeat(7)}${'1'.repeat(16)}`);
    loaded.model.dispose();
  });

  it('of tagged tokens have tags for the text alone, in its own places', async () => {
    const loaded = await load('sequence_labeling', graph);
    const plain = await load('sequence_labeling', null);
    for (const [r, row] of (loaded.rows as unknown as (EncodedWindow & TreeRow)[]).entries()) {
      const bare = plain.rows[r] as unknown as EncodedWindow;
      expect(Array.from(row.positions, (at) => row.ids[at])).toEqual(
        Array.from(bare.positions, (at) => bare.ids[at]),
      );
      expect([...row.tags!]).toEqual([...bare.tags!]);
      const facts = row.tree.branches.map(({ from, to }) => row.ids.subarray(from, to));
      expect((await Promise.all(facts.map((ids) => words(loaded, ids)))).map((w) => w.join(''))).toEqual(
        [
          ['首都中国', '别名燕京', '类水果'],
          ['类水果'],
          [],
          [expect.stringMatching(/^(?:ceo|CEO|c).*/), '首都中国', '别名燕京'],
        ][r],
      );
    }
    const labels = loaded.app.collate(loaded.rows, loaded.context).tensors.labels!;
    const tagged = [...labels.data].filter((id) => Number(id) >= 0).length;
    expect(tagged).toBe(7 + 2 + 6 + 5);
    loaded.model.dispose();
    plain.model.dispose();
  });

  it.each(NAMES)('that are too long keep their text and have the facts that fit: %s', async (name) => {
    const plain = await load(name, null, { sequenceLength: 9 });
    const loaded = await load(name, graph, { sequenceLength: 9 });
    expect(loaded.rows.length).toBe(plain.rows.length);
    for (const [r, { ids, tree }] of loaded.rows.entries()) {
      expect(Array.from(tree.trunk, (at) => ids[at])).toEqual([...plain.rows[r]!.ids]);
      expect(ids.length).toBeLessThanOrEqual(9);
    }
    plain.model.dispose();
    loaded.model.dispose();
  });

  it('whose entity is cut by the length have no facts of it', async () => {
    const table = [
      { text: '我们在北京', label: 'a' },
      { text: '我们在北京的人', label: 'b' },
    ];
    const { rows, model: head } = await load('text_classify', graph, { sequenceLength: 6 }, table);
    expect(rows.map(({ tree }) => tree.branches.length)).toEqual([0, 0]);
    head.dispose();
  });

  it('long texts are tagged in windows, each with the facts that there is room for', async () => {
    const text = '我在北京吃苹果，他也在北京。'.repeat(6);
    const table = [{ text, entities: '[{"type":"LOC","start":2,"end":4}]' }];
    const loaded = await load('sequence_labeling', graph, { sequenceLength: 40 }, table);
    expect(loaded.rows.length).toBeGreaterThan(1);
    for (const { tree, ids } of loaded.rows) {
      expect(ids.length).toBeLessThanOrEqual(40);
      expect(tree.branches.length).toBeGreaterThan(0);
    }
    const { app, context } = loaded;
    const outputs = loaded.rows.map((row) =>
      noGrad(() =>
        tidy(() => {
          const { logits } = loaded.model.forward(uploadBatch(app.collate([row], context), 'cpu'));
          return app.decode({ logits: { data: logits!.toFloat32Array(), shape: logits!.shape } }, context, [
            row,
          ]);
        }),
      ),
    );
    const whole = app.join!(outputs.flat(), loaded.rows[0]!, context) as LabelingResult;
    expect(whole.tags).toHaveLength(text.length);
    for (const { start, end, text: found } of whole.entities) expect(text.slice(start, end)).toBe(found);
    loaded.model.dispose();
  });
});

describe.each(NAMES)('scores of %s', (name) => {
  it('without any fact are bitwise those of plain BERT', async () => {
    const plain = await load(name, null);
    const loaded = await load(name, unrelated);
    expect(logitsOf(loaded, loaded.rows)).toEqual(logitsOf(plain, plain.rows));
    // Also where all masks must look alike.
    expect(
      difference(logitsOf(loaded, loaded.rows, { alwaysMask: true }), logitsOf(plain, plain.rows)),
    ).toBeLessThan(1e-5);
    plain.model.dispose();
    loaded.model.dispose();
  });

  it('depend on the facts, and neither on padding nor on the other rows', async () => {
    const loaded = await load(name, graph);
    const plain = await load(name, unrelated);
    const alone = loaded.rows.map((row) => logitsOf(loaded, [row])[0]!);
    expect(difference(alone.slice(0, 1), logitsOf(plain, plain.rows.slice(0, 1)))).toBeGreaterThan(1e-3);
    const turned = logitsOf(loaded, loaded.rows.toReversed(), { padTo: 48 }).toReversed();
    expect(difference(alone, turned)).toBeLessThan(1e-5);
    const wider = logitsOf(loaded, loaded.rows, { padToMultipleOf: 16, alwaysMask: true });
    expect(difference(alone, wider)).toBeLessThan(1e-5);
    loaded.model.dispose();
    plain.model.dispose();
  });
});

it('a batch of visible matrices is never unpadded', async () => {
  const loaded = await load('text_classify', graph);
  const batch = loaded.app.collate(loaded.rows, loaded.context);
  const width = batch.tensors.inputIds!.shape[1];
  expect(batch.tensors.attentionMask!.shape).toEqual([4, width, width]);
  expect(unpadBatch(batch)).toEqual({ tensors: batch.tensors, longest: null });
  // Plain batches are: they have the mask of plain BERT.
  expect(loaded.app.collate(loaded.rows.slice(2, 3), loaded.context).tensors.attentionMask).toBeUndefined();
  loaded.model.dispose();
});

describe('models', () => {
  const build = async (modelType: string) => {
    const app = appOf({ app: 'text_classify', method: 'kbert' });
    const config = parseConfig(
      'train',
      { train: 'rows', output: 'out', model, sequenceLength: 48, kgFile: graph },
      trainOptionsOf(app, kBert),
    ) as TrainConfig;
    const spec = await app.prepare(config, tableFromArray(TABLES.text_classify));
    manualSeed(3);
    const head = await app.head(spec, { kind: 'config', config: { ...RANDOM, model_type: modelType } });
    head.eval();
    const context = { spec, tokenizer: await Tokenizer.fromFolder(model) };
    return { app, context, model: head, rows: await encoded(app, context, TABLES.text_classify) };
  };

  it.each(['bert', 'kbert', 'albert', 'electra', 'ernie', 'distilbert', 'megatron-bert', 'roformer'])(
    '%s takes soft positions and visible matrices',
    async (modelType) => {
      const loaded = await build(modelType);
      const alone = loaded.rows.map((row) => logitsOf(loaded, [row])[0]!);
      expect(difference(alone, logitsOf(loaded, loaded.rows, { padTo: 40 }))).toBeLessThan(1e-5);
      const { tensors } = loaded.app.collate(loaded.rows.slice(0, 1), loaded.context);
      const hard = tidy(() => {
        const { positionIds: _, ...rest } = uploadBatch({ tensors }, 'cpu');
        return noGrad(() => [[...loaded.model.forward(rest).logits!.toFloat32Array()]]);
      });
      expect(difference(alone.slice(0, 1), hard)).toBeGreaterThan(1e-4);
      loaded.model.dispose();
    },
  );

  it.each(['nezha', 'deberta-v2', 'roberta', 'cnn'])('%s is refused', async (modelType) => {
    await expect(build(modelType)).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
      message: expect.stringContaining(`does not work with a ${modelType} model`),
    });
  });
});

describe('before any training', () => {
  it.each([
    [{ kgFile: undefined }, 'CONFIG_MISSING_VALUE', /kgFile is required/],
    [{ kgFile: join(folder, 'absent.spo') }, 'DATA_FILE_NOT_FOUND', /absent\.spo/],
    [{ kgMaxEntities: 0 }, 'CONFIG_INVALID_VALUE', /kgMaxEntities/],
    [{ longText: 'windows' }, 'CONFIG_CONFLICT', /longText.*kbert/],
  ])('%o is an error', async (options, code, message) => {
    await expect(load('text_classify', graph, { method: 'kbert', ...options })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
