import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { workFolder } from '../predictor/models.fixture.js';
import { FakeIo } from './fake-io.fixture.js';
import type { Library } from './library.js';
import { main } from './main.js';

/** Multiple choice through the command line, with the real toolkit behind it. */
const folder = workFolder('cli-multiple-choice');
const at = (name: string) => join(folder, name);

async function easynlp(...argv: readonly string[]) {
  const io = new FakeIo();
  io.library = async () => (await import('../index.js')) as unknown as Library;
  const code = await main(argv, io);
  return { code, out: io.out, err: io.err };
}
async function succeeds(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await easynlp(...argv);
  expect(code, err).toBe(0);
  return out;
}

const SIZE =
  '--architecture bert --layers 1 --hidden-size 16 --heads 2 --sequence-length 24 --batch-size 4 --max-steps 3';
const MACHINE = ['--device', 'cpu', '--num-threads', '1'];
const train = (rest: string) =>
  easynlp('train', 'multiple_choice', ...`${SIZE} ${rest}`.split(' '), ...MACHINE);
const task = (model: string) => JSON.parse(readFileSync(join(model, 'easynlp.json'), 'utf8')).task;

const IDIOMS = ['画蛇添足', '守株待兔', '井底之蛙', '叶公好龙'];
beforeAll(() => {
  const rows = Array.from({ length: 8 }, (_, i) => ({
    content: `他真是#idiom#，又　　，第${i}次了。`,
    candidates: IDIOMS.slice(0, 2 + (i % 3)),
    answer: i % 2,
    story: i >> 1,
  }));
  writeFileSync(at('gaps.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
});

describe('multiple_choice on the command line', () => {
  const model = at('model');
  beforeAll(async () => {
    const data = at('gaps.jsonl');
    const { code, err } = await train(
      `--train ${data} --dev ${data} --gap #idiom# --group-name story --best-metric unique_accuracy --output ${model}`,
    );
    expect(code, err).toBe(0);
  });

  it('trains, evaluates and predicts files', async () => {
    expect(task(model)).toMatchObject({
      ...{ app: 'multiple_choice', firstSequence: 'content', choicesName: ['candidates'], gap: '#idiom#' },
      ...{ gold: 'index', groupName: 'story', choices: null },
    });
    const evaluated = await succeeds('evaluate', '--model', model, '--data', at('gaps.jsonl'), ...MACHINE);
    expect(evaluated).toMatch(/8 rows[\s\S]*accuracy[\s\S]*unique_accuracy/);
    const output = at('answers.tsv');
    await succeeds(
      ...['predict', '--model', model, '--input', at('gaps.jsonl'), '--output', output],
      ...['--output-schema', 'predictions,index', '--append-cols', 'answer', ...MACHINE],
    );
    const lines = readFileSync(output, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(8);
    for (const line of lines) {
      const [choice, index] = line.split('\t') as [string, string];
      expect(IDIOMS[Number(index)]).toBe(choice);
    }
  });

  it('answers single texts with choices given for all', async () => {
    const ask = (...rest: string[]) => [
      ...['predict', 'multiple_choice', '--model', model, ...MACHINE, '--text', '你#idiom#了'],
      ...rest,
    ];
    expect(await succeeds(...ask('--choices', '画蛇添足,守株待兔'))).toMatch(
      /^(画蛇添足|守株待兔) +[01]\.\d{4} +你#idiom#了/,
    );
    const without = await easynlp(...ask());
    expect([without.code, without.err]).toEqual([3, expect.stringMatching(/context and choices, a list/)]);
    const single = await easynlp(...ask('--choices', '画蛇添足'));
    expect([single.code, single.err]).toEqual([2, expect.stringContaining('choices')]);
  });

  it('names the row that cannot be used, and writes nothing', async () => {
    writeFileSync(at('wrong.jsonl'), '{"text":"文","choices":["甲","乙"],"label":2}\n');
    const { code, err } = await train(`--train ${at('wrong.jsonl')} --output ${at('no')}`);
    expect(code).toBe(3);
    expect(err).toMatch(/wrong\.jsonl, line 1, column "label": 2 is not the number of a choice, from 0 to 1/);
    const labels = await train(`--train ${at('gaps.jsonl')} --labels a,b --output ${at('no')}`);
    expect([labels.code, labels.err]).toEqual([2, expect.stringContaining('has no labels')]);
    const gap = await train(`--train ${at('gaps.jsonl')} --gap [GAP] --output ${at('no')}`);
    expect([gap.code, gap.err]).toEqual([3, expect.stringMatching(/the gap "\[GAP\]" stands nowhere/)]);
  });
});
