import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { jsonObjects } from './json-objects.js';
import { openTable } from './open-table.js';
import type { Row } from './types.js';

const folder = mkdtempSync(join(tmpdir(), 'easynlp-squad-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
async function rowsOf(path: string, start = 0): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of (await openTable(path)).rows({ start })) rows.push(row);
  return rows;
}

type Tree = Record<string, unknown>;
const document = {
  version: 'v2.0',
  data: [
    {
      title: '花',
      paragraphs: [
        {
          context: '梅花在冬天开，菊花在秋天开。{"}[',
          qas: [
            {
              id: 'a',
              question: '梅花何时开？',
              answers: [{ text: '冬天', answer_start: 3 }],
              is_impossible: false,
            },
            {
              id: 'b',
              question: '桃花何时开？',
              answers: [],
              plausible_answers: [{ text: '秋天', answer_start: 10 }],
              is_impossible: true,
            },
          ],
        },
      ],
    },
    {
      title: 'Stars',
      paragraphs: [
        {
          context: '😀 Mars "is" red.',
          qas: [
            {
              id: 3,
              question: 'What is red?',
              answers: [
                { text: 'Mars', answer_start: 2 },
                { text: '😀 Mars', answer_start: 0 },
              ],
            },
          ],
        },
        { context: '', qas: [] },
      ],
    },
  ],
};
const pretty = JSON.stringify(document, null, 2);

describe('questions in one JSON document', () => {
  it.each([
    ['pretty', pretty],
    ['in one line', JSON.stringify(document)],
    [
      'with the version behind, and a mark at the beginning',
      `\ufeff${JSON.stringify({ data: document.data, version: 1 })}`,
    ],
    ['compressed', gzipSync(pretty)],
  ])('%s', async (name, content) => {
    const path = file(`${name}.json${Buffer.isBuffer(content) ? '.gz' : ''}`, content);
    const rows = await rowsOf(path);
    expect(rows.map(({ values }) => values)).toEqual([
      {
        qas_id: 'a',
        context_text: '梅花在冬天开，菊花在秋天开。{"}[',
        question_text: '梅花何时开？',
        answer_text: ['冬天'],
        start_position_character: [3],
        title: '花',
      },
      expect.objectContaining({ qas_id: 'b', answer_text: [], start_position_character: [] }),
      expect.objectContaining({
        qas_id: '3',
        answer_text: ['Mars', '😀 Mars'],
        start_position_character: [2, 0],
        title: 'Stars',
      }),
    ]);
    const table = await openTable(path);
    expect(await table.count()).toBe(3);
    expect(table.columns!.map((c) => c.name)).toContain('answer_text');
    expect((await rowsOf(path, 2)).map((r) => r.values.qas_id)).toEqual(['3']);
  });

  it('name the line of each question', async () => {
    const rows = await rowsOf(file('lines.json', pretty));
    const lines = pretty.split('\n');
    for (const { line, values } of rows) {
      expect(lines[line - 1]!.trim()).toBe('{');
      expect(lines[line]).toMatch(new RegExp(`"id": "?${String(values.qas_id)}"?,`));
    }
  });

  it('are read in CMRC 2018’s older layout', async () => {
    const old = [
      {
        context_id: 'D',
        context_text: '甲乙丙',
        title: 't',
        qas: [{ query_id: 'Q', query_text: '谁', answers: ['乙', '乙丙'] }],
      },
    ];
    const [row] = await rowsOf(file('old.json', JSON.stringify(old)));
    expect(row!.values).toMatchObject({
      qas_id: 'Q',
      answer_text: ['乙', '乙丙'],
      start_position_character: [-1, -1],
      title: 't',
    });
  });

  it('are not mistaken for JSON Lines, nor these for them', async () => {
    const lines = file('lines.jsonl', '{"data": "x", "context": "c"}\n{"data": "y", "context": "d"}\n');
    expect((await rowsOf(lines)).map((r) => r.values.data)).toEqual(['x', 'y']);
    const hub =
      '{"id": "1", "question": "q", "context": "c", "answers": {"text": ["c"], "answer_start": [0]}}\n';
    expect((await rowsOf(file('hub.json', hub)))[0]!.values['answers.text']).toEqual(['c']);
  });

  const FIRST = 'data.0.paragraphs.0.qas.0';
  it.each<[path: string, value: unknown, message: RegExp | null]>([
    ['data.1.paragraphs.0.context', undefined, /data\[1\]\.paragraphs\[0\]\.context.*missing/],
    ['data.0.paragraphs.0.qas.1.question', 5, null],
    ['data.0.paragraphs.0.qas.1.question', {}, /data\[0\]\.paragraphs\[0\]\.qas\[1\]\.question.*not a text/],
    ['data.0.paragraphs.0.qas', 'x', /paragraphs\[0\]\.qas.*not a list/],
    [FIRST, 7, /qas\[0\].*not an object/],
    [`${FIRST}.answers.0.answer_start`, '3', /answers\[0\]\.answer_start.*not a whole number/],
    [`${FIRST}.answers.0.text`, null, /answers\[0\]\.text.*not a text/],
    [`${FIRST}.answers`, { text: 'x' }, /qas\[0\]\.answers.*not a list/],
  ])('say what is wrong, and where: %s', async (path, value, message) => {
    const changed = structuredClone(document);
    const names = path.split('.');
    const owner = names
      .slice(0, -1)
      .reduce((object, name) => object[name] as Tree, changed as unknown as Tree);
    owner[names.at(-1)!] = value;
    const text = JSON.stringify(changed, null, 2);
    const target = file('wrong.json', text);
    if (message === null) {
      expect((await rowsOf(target))[1]!.values.question_text).toBe('5');
      return;
    }
    const error = await rowsOf(target).catch((e: unknown) => e as { code: string; message: string });
    expect(error).toMatchObject({ code: 'DATA_ROW_MALFORMED', message: expect.stringMatching(message) });
    expect((error as { message: string }).message).toMatch(/wrong\.json, line [1-9]\d*, column/);
  });

  it('must be complete, valid and UTF-8', async () => {
    const at = pretty.indexOf('"Mars"');
    await expect(rowsOf(file('cut.json', pretty.slice(0, at)))).rejects.toThrow(
      /cut\.json, line \d+: the file ends within an object that begins on line \d+/,
    );
    const broken = pretty.replace('"answer_start": 2', '"answer_start": 2 2');
    const line = broken.slice(0, broken.indexOf('2 2')).split('\n').length;
    await expect(rowsOf(file('broken.json', broken))).rejects.toThrow(
      new RegExp(`line ${line}, column "data\\[1\\]": not valid JSON`),
    );
    const bytes = Buffer.from(pretty);
    bytes[bytes.indexOf(Buffer.from('冬天'))] = 0xff;
    await expect(rowsOf(file('bytes.json', bytes))).rejects.toThrow(/not valid UTF-8/);
    await expect(rowsOf(file('empty.json', '{"data": [{"paragraphs": []}]}'))).rejects.toMatchObject({
      code: 'DATA_EMPTY',
    });
  });

  it('are cut at the same places however the file comes in blocks', async () => {
    const long = {
      data: Array.from({ length: 2000 }, (_, i) => ({ i, text: `"\\{[${'汉😀'.repeat(i % 90)}` })),
    };
    const path = file('long.json', JSON.stringify(long));
    const found: unknown[] = [];
    for await (const { value, field } of jsonObjects(path, ['data'])) {
      expect(field).toBe(`data[${found.length}]`);
      found.push(value);
    }
    expect(found).toEqual(long.data);
  });

  const data =
    process.env.EASYNLP_TEST_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
  it.skipIf(!existsSync(join(data, 'cmrc2018')))('the trial questions of CMRC 2018', async () => {
    const rows = await rowsOf(join(data, 'cmrc2018/trial.json.gz'));
    expect(rows).toHaveLength(1002);
    expect(rows[0]!.values).toMatchObject({ qas_id: 'TRIAL_800_QUERY_0', answer_text: ['踢爆'] });
    for (const { values } of rows) {
      expect(String(values.context_text)).toContain((values.answer_text as string[])[0]);
    }
  });
});
