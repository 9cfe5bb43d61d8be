import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../text/index.js';
import { FakeIo } from './fake-io.fixture.js';
import { main } from './main.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-tokenizer-'));
  writeFileSync(
    join(folder, 'news.txt'),
    '今天天气很好，适合散步。\n\n苹果公司发布了 iPhone 手机。\n'.repeat(20),
  );
  writeFileSync(
    join(folder, 'tech.jsonl'),
    `${'{"text": ["kubernetes 容器", "Kubernetes pods"]}\n'.repeat(20)}`,
  );
  writeFileSync(join(folder, 'weights.yaml'), 'exponent: 0.5\nmultipliers: { tech: 0 }\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]) {
  const io = new FakeIo();
  return { code: await main(['tokenizer', ...argv], io), out: io.out, err: io.err };
}
const at = (name: string) => join(folder, name);

describe('easynlp tokenizer', () => {
  it('trains a vocabulary that reads its corpus, from files, folders and patterns', async () => {
    const { code, out, err } = await run(
      'train',
      '--input',
      at('news.txt'),
      at('*.jsonl'),
      '--vocab-size',
      '7100',
      '--output',
      at('v1'),
    );
    expect([code, out]).toEqual([0, expect.stringContaining('5 special, 6763 ideographs')]);
    expect(err).toMatch(/^news: .*\ntech: /);
    expect(readdirSync(at('v1')).sort()).toEqual([
      'special_tokens_map.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'vocab.txt',
    ]);
    const tokenizer = await Tokenizer.fromFolder(at('v1'));
    const { tokens } = await tokenizer.encode('苹果公司 iPhone 和 KUBERNETES');
    expect(tokens).toEqual(['[CLS]', ...'苹果公司', 'iphone', '和', 'kubernetes', '[SEP]']);
  });

  it('weighs the sources as the file says', async () => {
    const argv = ['train', '--input', at('news.txt'), '--input', at('tech.jsonl'), '--vocab-size', '7100'];
    const { code, out } = await run(...argv, '--weights', at('weights.yaml'), '--output', at('v2'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ ideographs: 6763, output: at('v2') });
    const { vocabulary } = await Tokenizer.fromFolder(at('v2'));
    expect(vocabulary).toContain('iphone');
    expect(vocabulary).not.toContain('kubernetes');
  });

  it('replaces nothing unless asked, and says what is wrong', async () => {
    const wrong = async (expected: RegExp, exitCode: number, ...argv: string[]) => {
      const { code, err } = await run(...argv);
      expect(err).toMatch(expected);
      expect(code).toBe(exitCode);
    };
    const train = ['train', '--input', at('news.txt'), '--output'];
    expect((await run(...train, at('v3'), '--vocab-size', '7000')).code).toBe(0);
    await wrong(/already holds tokenizer.json[\s\S]*--overwrite/, 2, ...train, at('v3'));
    expect((await run(...train, at('v3'), '--vocab-size', '7001', '--overwrite')).code).toBe(0);
    await wrong(/--vocab-size: "many" is not a whole number/, 2, ...train, at('v4'), '--vocab-size', 'many');
    await wrong(/raise the size to at least 69/, 3, ...train, at('v4'), '--vocab-size', '6000');
    await wrong(/Did you mean jsonl/, 2, ...train, at('v4'), '--layout', 'json');
    await wrong(/cannot read the config file/, 2, ...train, at('v4'), '--weights', at('none.yaml'));
    await wrong(/--vocab-size/, 2, ...train, at('v4'), '--vocabsize', '7000');
    await wrong(/--output/, 2, 'train', '--input', at('news.txt'));
    await wrong(/unknown command 'tokenizer trian'[\s\S]*train/, 2, 'trian');
    await wrong(/Did you mean "news.txt"/, 3, 'train', '--input', at('new.txt'), '--output', at('v4'));
    expect(readdirSync(folder)).not.toContain('v4');
  });

  it('helps', async () => {
    for (const argv of [[], ['--help'], ['train', '--help']]) {
      const { code, out } = await run(...argv);
      expect([code, out]).toEqual([0, expect.stringContaining('train')]);
    }
  });
});
