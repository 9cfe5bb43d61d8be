import { describe, expect, it } from 'vitest';
import { describeModel, listModels } from '../modelzoo/index.js';
import { FakeIo } from './fake-io.fixture.js';
import { main } from './main.js';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = new FakeIo({ listModels, describeModel });
  const code = await main(['models', ...argv], io);
  return { code, out: io.out, err: io.err };
}

describe('easynlp models', () => {
  it('list: a line a model, saying where it is and whether it can be loaded', async () => {
    const { code, out } = await run('list');
    expect(code).toBe(0);
    const line = (name: string) => out.split('\n').find((l) => l.startsWith(`${name} `));
    expect(line('bert-tiny-zh')).toMatch(/bert +2 × 128 +comes with the toolkit/);
    expect(line('hfl/macbert-base-zh')).toContain('hfl/chinese-macbert-base');
    expect(line('mg/glm-large-chinese')).toMatch(/glm \(not supported\).*\(not verified\)/);
    expect(line('kbert-base-chinese')).toContain('not published');
    expect(out.split('\n').length).toBe(listModels().length + 3);
  });

  it('list --supported --json: only what can be loaded', async () => {
    const list = JSON.parse((await run('list', '--supported', '--json')).out) as { supported: boolean }[];
    expect(list.length).toBeGreaterThan(20);
    expect(list.every((m) => m.supported)).toBe(true);
  });

  it('show: architecture, size, origin, licence, ids', async () => {
    const { out } = await run('show', 'roberta-base-en');
    expect(out).toMatch(/architecture +RoBERTa \(roberta\)/);
    expect(out).toMatch(/licence +MIT/);
    expect(out).toMatch(/Hugging Face +FacebookAI\/roberta-base\n/);
    expect((await run('show', 'pai-dkplm-13b-zh')).out).toMatch(/published +no: EasyNLP announced it/);
    expect((await run('show', 'bert-tiny-zh')).out).toMatch(/parameters +\d,\d{3},\d{3}/);
  });

  it('tells misspelled names and commands what they may have meant', async () => {
    const wrong = await run('show', 'bert-base-chinse');
    expect(wrong.code).toBe(2);
    expect(wrong.err).toContain('bert-base-chinese');
    expect((await run('lst')).err).toContain('list');
  });
});
