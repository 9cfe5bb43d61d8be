import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testData } from '../text/test-data.fixture.js';
import { openTable } from './open-table.js';
import type { Row } from './types.js';

const folder = mkdtempSync(join(tmpdir(), 'easynlp-conll-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function rowsOf(path: string, options: Parameters<typeof openTable>[1] = {}): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of (await openTable(path, options)).rows()) rows.push(row);
  return rows;
}

describe("CoNLL's columns", () => {
  const text = '-DOCSTART- O\n\n张 B-PER\n三 I-PER\n\n\r\n来\tO\n\u3000\tO\n京 S-LOC';

  it('are read by sentences, with the line of each', async () => {
    const rows = await rowsOf(write('a.bio', text));
    expect(rows).toMatchObject([
      { values: { tokens: ['张', '三'], tags: ['B-PER', 'I-PER'] }, line: 3, itemLines: true },
      { values: { tokens: ['来', '\u3000', '京'], tags: ['O', 'O', 'S-LOC'] }, line: 7 },
    ]);
    const table = await openTable(join(folder, 'a.bio'));
    expect(await table.count()).toBe(2);
    const later: Row[] = [];
    for await (const row of table.rows({ start: 1 })) later.push(row);
    expect(later).toEqual(rows.slice(1));
  });

  it('are known by their content where the name says nothing; tables are not taken for them', async () => {
    expect((await rowsOf(write('train.txt', text)))[0]!.values).toHaveProperty('tags');
    expect((await rowsOf(write('head.txt', 'text\tlabel\n好\tO\n')))[0]!.values).toEqual({
      text: '好',
      label: 'O',
    });
    expect(
      (await rowsOf(write('b.txt', '好\tO\n'), { schema: 'text:str:1,label:str:1' }))[0]!.values,
    ).toEqual({ text: '好', label: 'O' });
  });

  it('may have more columns, or tokens only', async () => {
    const more = write('c.conll', 'EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n');
    expect((await rowsOf(more))[0]!.values).toEqual({
      tokens: ['EU', 'rejects'],
      column2: ['NNP', 'VBZ'],
      column3: ['B-NP', 'B-VP'],
      tags: ['B-ORG', 'O'],
    });
    const named = await rowsOf(more, { schema: 'word:str:1,pos:str:1,chunk:str:1,ner:str:1' });
    expect(named[0]!.values.ner).toEqual(['B-ORG', 'O']);
    expect((await rowsOf(write('d.conll', '张\n三\n')))[0]!.values).toEqual({ tokens: ['张', '三'] });
  });

  it('tell the line of what is wrong', async () => {
    await expect(rowsOf(write('e.bio', '张 O\n三\n'))).rejects.toMatchObject({
      code: 'DATA_COLUMN_COUNT',
      message: expect.stringContaining('e.bio, line 2: 1 columns, expected 2'),
    });
    await expect(rowsOf(write('f.bio', '张\tO\n\tO\n'))).rejects.toThrow(
      /f\.bio, line 2, column "tokens": the token is empty/,
    );
    await expect(rowsOf(write('g.bio', '\n\n'))).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    await expect(rowsOf(write('h.conll', 'a b c\n'), { schema: 'x,y' })).rejects.toMatchObject({
      code: 'DATA_COLUMN_COUNT',
    });
  });
});

describe("CLUENER's JSON", () => {
  const line = (text: string, label: object, more = {}) => JSON.stringify({ ...more, text, label });

  it('becomes spans in UTF-16 code units', async () => {
    const path = write(
      'a.json',
      `${line('😀张三在北京', { name: { 张三: [[1, 2]] }, address: { 北京: [[4, 5]] } }, { id: 7 })}\n${line('无', {})}\n`,
    );
    const rows = await rowsOf(path);
    expect(rows.map(({ values }) => values)).toEqual([
      {
        text: '😀张三在北京',
        entities: JSON.stringify([
          { type: 'name', start: 2, end: 4 },
          { type: 'address', start: 5, end: 7 },
        ]),
        id: 7,
      },
      { text: '无', entities: '[]' },
    ]);
  });

  it('is told from other JSON Lines', async () => {
    expect((await rowsOf(write('b.jsonl', '{"text":"好","label":"a"}\n')))[0]!.values.label).toBe('a');
    expect((await rowsOf(write('c.jsonl', '{"text":"好"}\n')))[0]!.values).toEqual({ text: '好' });
  });

  it('is checked against the names', async () => {
    const path = write('d.json', `${line('张三', {})}\n${line('在北京', { address: { 北京: [[0, 1]] } })}\n`);
    await expect(rowsOf(path)).rejects.toThrow(
      /d\.json, line 2, column "label\.address": at \[0,1\] the text has "在北", not "北京"/,
    );
    const odd = write('e.json', `${line('张', {})}\n{"text": 3}\n`);
    await expect(rowsOf(odd)).rejects.toThrow(/line 2, column "text"/);
  });
});

const data = testData();
describe.skipIf(data === null)('real files (EASYNLP_TEST_DATA or ../shared/data)', () => {
  it.each([
    ['msra_ner/train.bio.gz', 48273],
    ['resume_ner/train.char.bmes', 3821],
    ['cluener/train.json', 10748],
  ])('%s has %d rows', async (name, count) => {
    expect(await (await openTable(join(data!, name))).count()).toBe(count);
    let rows = 0;
    for await (const _ of (await openTable(join(data!, name))).rows()) rows++;
    expect(rows).toBe(count);
  });
});
