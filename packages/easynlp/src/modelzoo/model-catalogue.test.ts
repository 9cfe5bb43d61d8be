import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AutoModelForMaskedLM } from './auto.js';
import { MODEL_FACTS } from './hub/model-facts.js';
import { MODEL_NAMES } from './hub/model-names.js';
import { describeModel, listModels } from './model-catalogue.js';
import { savePretrained } from './save-pretrained.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-catalogue-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('the list of models', () => {
  it('has every name once, each with what is known of it', () => {
    expect(listModels().map((m) => m.name)).toEqual(Object.keys(MODEL_NAMES));
    expect(Object.keys(MODEL_FACTS).sort()).toEqual(Object.keys(MODEL_NAMES).sort());
  });

  it('names hub ids only where there is something to fetch', () => {
    for (const m of listModels()) {
      expect(m.huggingface === null, m.name).toBe(m.bundled || m.unpublished !== null);
      if (m.licence !== null) expect(m.verified, `${m.name}: a licence of a page nobody saw`).toBe(true);
    }
  });

  it('says which architectures are here', async () => {
    expect(await describeModel('roberta-base-en')).toMatchObject({
      ...{ title: 'RoBERTa', supported: true, licence: 'MIT', huggingface: 'FacebookAI/roberta-base' },
    });
    expect(await describeModel('mg/glm-large-chinese')).toMatchObject({ supported: false, verified: false });
    expect(await describeModel('pai-dkplm-13b-zh')).toMatchObject({ huggingface: null, supported: true });
  });

  it('suggests names', async () => {
    await expect(describeModel('bert-base-chinse')).rejects.toMatchObject({
      code: 'HUB_NAME_INVALID',
      hint: expect.stringContaining('bert-base-chinese'),
    });
  });

  it('reads folders, and the models that come with the toolkit', async () => {
    const lm = AutoModelForMaskedLM.fromConfig({
      ...{ model_type: 'distilbert', dim: 8, n_layers: 1, n_heads: 2, hidden_dim: 8, vocab_size: 10 },
    });
    const folder = join(root, 'model');
    await savePretrained(folder, lm);
    const parameters = lm.parameters().reduce((sum, p) => sum + p.numel, 0);
    const expected = { title: 'DistilBERT', size: '1 × 8', parameters, folder, licence: null };
    expect(await describeModel(folder)).toMatchObject(expected);
    const own = await describeModel('bert-tiny-zh');
    expect(own).toMatchObject({ title: 'BERT', bundled: true, size: '2 × 128', licence: 'Apache-2.0' });
    expect((own as { parameters: number }).parameters).toBeGreaterThan(1e6);
  });
});
