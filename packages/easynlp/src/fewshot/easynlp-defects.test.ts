import { manualSeed, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { describe, expect, it } from 'vitest';
import '../methods.js';
import type { AppContext } from '../appzoo/app.js';
import { appOf } from '../appzoo/registry.js';
import { uploadBatch } from '../appzoo/runtime.js';
import { classificationMetrics } from '../appzoo/sequence/index.js';
import { parseConfig, type TrainConfig } from '../config/index.js';
import { type Row, tableFromArray } from '../datahub/index.js';
import { AutoModelForMaskedLM } from '../modelzoo/index.js';
import { Tokenizer } from '../text/index.js';
import type { ClozeApp } from './pet/cloze-app.js';
import { ClozeModel } from './pet/cloze-model.js';
import { petOptions } from './pet/options.js';
import type { PromptedRow, PromptSpec } from './prompt/index.js';

/** What EasyNLP's few-shot code gets wrong and no other test looks at; docs/features.md has the whole list. */
describe('label words', () => {
  it('may begin alike, and be the token with the id 0', async () => {
    // EasyNLP tells labels apart by their first token alone, and takes the id 0 for "no label".
    const tokenizer = Tokenizer.fromVocab([
      '好',
      '坏',
      '很',
      '菜',
      '，',
      '[PAD]',
      '[UNK]',
      '[CLS]',
      '[SEP]',
      '[MASK]',
    ]);
    expect(tokenizer.tokenToId('好')).toBe(0);
    const table = tableFromArray([
      { text: '菜很好', label: 'a' },
      { text: '很坏', label: 'b' },
      { text: '菜', label: 'c' },
    ]);
    const app = appOf({ app: 'text_classify', method: 'pet' }) as unknown as ClozeApp;
    const given = {
      ...{ train: 'rows', output: 'out', model: 'x', labels: ['a', 'b', 'c'], sequenceLength: 16 },
      ...{ pattern: 'text,"，",label', labelWords: ['很好', '很坏', '好'], maskBlocks: 'own' },
    };
    const spec = await app.prepare(parseConfig('train', given, petOptions) as TrainConfig, table);
    const context: AppContext<PromptSpec> = { spec, tokenizer };
    manualSeed(3);
    const lm = AutoModelForMaskedLM.fromConfig({
      ...{ model_type: 'bert', vocab_size: tokenizer.vocabSize, max_position_embeddings: 16 },
      ...{ hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 },
      ...{ initializer_range: 0.5, pad_token_id: tokenizer.padId },
    });
    const model = new ClozeModel(lm);
    model.eval();
    const rows: Row[] = [];
    for await (const row of table.rows()) rows.push(row);
    const encoded = (await app.encode(rows, context, { labels: true })) as PromptedRow[];
    /** log p of a token at a mask of one row, from the language model. */
    const logP = (row: PromptedRow, block: number, slot: number, token: string) =>
      noGrad(() =>
        tidy(() => {
          const { ids, masks } = row.sequences[block]!;
          const tensors = { inputIds: { data: ids, shape: [1, ids.length], dtype: 'int32' as const } };
          const { logits } = lm.forward(uploadBatch({ tensors }, 'cpu') as never);
          const all = Array.from((logits as Tensor).select(0, 0).select(0, masks[slot]!).toFloat32Array());
          const total = Math.log(all.reduce((sum, z) => sum + Math.exp(z), 0));
          return all[tokenizer.tokenToId(token)!]! - total;
        }),
      );
    const logits = noGrad(() =>
      tidy(() => {
        const inputs = uploadBatch(app.collate(encoded, context), 'cpu');
        return (model.forward(inputs).logits as Tensor).toArray() as number[][];
      }),
    );
    for (const [r, row] of encoded.entries()) {
      expect(logits[r]![0]).toBeCloseTo(logP(row, 1, 0, '很') + logP(row, 1, 1, '好'), 4);
      expect(logits[r]![1]).toBeCloseTo(logP(row, 1, 0, '很') + logP(row, 1, 1, '坏'), 4);
      expect(logits[r]![2]).toBeCloseTo(logP(row, 0, 0, '好'), 4);
    }
    expect(encoded.map(({ label }) => label)).toEqual([0, 1, 2]);
    model.dispose();
  });
});

describe('figures', () => {
  it('count a tie as one answer, not as right for every label', () => {
    // EasyNLP's PET evaluator counts a row as right when its label is among the best.
    const spec = { labels: ['a', 'b', 'c'] } as unknown as PromptSpec;
    const metrics = classificationMetrics.create(spec);
    const data = Float32Array.from([1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
    const rows = [0, 1, 1, 2].map((label) => ({ label, length: 1 }));
    metrics.add({ logits: { data, shape: [4, 3] } }, rows as never);
    expect(metrics.report().values.accuracy).toBe(0.25);
  });
});
