import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ARCHITECTURES, AutoModelForMaskedLM, longestText, savePretrained } from '../modelzoo/index.js';
import { train } from '../trainer/train.js';
import { pipeline } from './pipeline.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-encoders-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const table = join(root, 'train.tsv');
const rows = ['很好\t1', '不错\t1', '很坏\t0', '很差\t0'];
writeFileSync(table, `${[...rows, ...rows].join('\n')}\n`);
const characters = [...'好坏很差不错'];
const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...characters].join('\n');

const encoders = ARCHITECTURES.filter((row) => row.build.encoder).map((row) => row.modelType);

it.each(encoders)('text_classify trains a pre-trained %s and predicts with it', async (modelType) => {
  const folder = join(root, modelType);
  const lm = AutoModelForMaskedLM.fromConfig({
    ...{ model_type: modelType, vocab_size: 11, max_position_embeddings: 40, pad_token_id: 0 },
    ...{ hidden_size: 16, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 24 },
    ...{ dim: 16, n_layers: 1, n_heads: 2, hidden_dim: 24, embedding_size: 8 },
    ...{ relative_attention: true, pos_att_type: ['c2p', 'p2c'] },
  });
  await savePretrained(folder, lm);
  writeFileSync(join(folder, 'vocab.txt'), `${vocabulary}\n`);
  const options = {
    ...{
      app: 'text_classify',
      model: folder,
      train: table,
      dev: table,
      output: join(root, `${modelType}-out`),
    },
    ...{ schema: 'text:str:1,label:str:1', firstSequence: 'text', labelName: 'label' },
    ...{ sequenceLength: 12, maxSteps: 2, batchSize: 8 },
  } as unknown as Parameters<typeof train>[0];
  const { steps, metrics } = await train(options);
  expect(steps).toBe(2);
  expect(metrics.accuracy).toBeGreaterThanOrEqual(0);
  const classify = await pipeline('text_classify', join(root, `${modelType}-out`));
  const [result] = (await classify(['很好'])) as { label: string }[];
  expect(['0', '1']).toContain(result!.label);
  const longest = longestText(lm.config);
  if (longest === null) return;
  const tooLong = train({ ...options, sequenceLength: longest + 1, overwrite: true });
  await expect(tooLong).rejects.toThrow(`at most ${longest}, the positions that the model has`);
});
