import { describe, expect, it } from 'vitest';
import { listApps } from '../../appzoo/registry.js';
import { Tokenizer } from '../../text/index.js';
import { listMethods } from '../../trainer/method.js';
import { workFolder } from '../models.fixture.js';
import { CLASSIFICATION } from './classification.fixture.js';
import { makeFiles } from './data.fixture.js';
import { LANGUAGE_MODELS } from './language-models.fixture.js';
import { MATCHING } from './matching.fixture.js';
import { METHODS } from './methods.fixture.js';
import { ODD_TEXTS } from './odd-texts.fixture.js';
import { SOLUTIONS } from './solutions.fixture.js';
import { SPANS } from './spans.fixture.js';

const ENTRIES = [CLASSIFICATION, MATCHING, SPANS, LANGUAGE_MODELS, METHODS, SOLUTIONS].flat();
const HINT = 'add an entry for it to a table in this folder';

describe('the tables of pipelines', () => {
  it('have every task that pipeline() takes', () => {
    const tested = new Set<string | undefined>(ENTRIES.map(({ app }) => app));
    for (const { name } of listApps()) expect(tested.has(name), `${name}: ${HINT}`).toBe(true);
  });

  it('have every method that leaves models of another form', () => {
    const tested = new Set(ENTRIES.map(({ method }) => method));
    for (const { name, variant } of listMethods()) {
      if (variant) expect(tested.has(name), `${name}: ${HINT}`).toBe(true);
    }
  });

  it('have texts of known and of unknown characters', async () => {
    const { base } = await makeFiles(workFolder('pipeline-table'));
    const tokenizer = await Tokenizer.fromFolder(base);
    const encoded = await tokenizer.encodeBatch(Object.values(ODD_TEXTS));
    const unknown = encoded.filter(({ ids }) => ids.includes(tokenizer.unkId)).length;
    expect(unknown).toBeGreaterThan(5);
    expect(unknown).toBeLessThan(encoded.length - 5);
  });
});
