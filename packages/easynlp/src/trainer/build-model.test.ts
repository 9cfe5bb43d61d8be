import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { sampleFile, workFolder } from './runs.fixture.js';
import { train } from './train.js';

const folder = workFolder('build-model');
const rows = sampleFile(join(folder, 'train.tsv'), 16);
// A folder of this test's own: other processes have theirs in the common one.
beforeAll(() => vi.stubEnv('TMPDIR', mkdtempSync(join(folder, 'tmp-'))));
afterAll(() => vi.unstubAllEnvs());
const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith('easynlp-config-'));

describe('a pretrained model', () => {
  it('trains with another dropout when asked to, which its configuration then says', async () => {
    const base = {
      train: rows,
      model: 'bert-tiny-zh',
      epochs: 1,
      device: 'cpu',
      sequenceLength: 16,
    } as const;
    const losses = async (output: string, options: object) => {
      const seen: number[] = [];
      await train(
        { ...base, ...options, output: join(folder, output) },
        { onStep: (i) => void seen.push(i.loss()) },
      );
      const config = JSON.parse(readFileSync(join(folder, output, 'config.json'), 'utf8')) as Record<
        string,
        number
      >;
      return { seen, dropout: [config.hidden_dropout_prob, config.attention_probs_dropout_prob] };
    };
    const shipped = await losses('shipped', {});
    expect(shipped.dropout).toEqual([0.1, 0.1]);
    const without = await losses('without', { dropout: 0 });
    expect(without.dropout).toEqual([0, 0]);
    expect(without.seen).not.toEqual(shipped.seen);
    const again = await losses('again', { dropout: 0.3, attentionDropout: 0.1 });
    expect(again.dropout).toEqual([0.3, 0.1]);
    expect(temporary()).toEqual([]);
  });
});
