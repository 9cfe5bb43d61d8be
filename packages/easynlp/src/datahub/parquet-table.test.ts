import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenTableOptions, openTable } from './open-table.js';
import { type ParquetColumn, writeParquet } from './parquet.fixture.js';
import type { Row } from './types.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easynlp-parquet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let serial = 0;
async function open(bytes: Uint8Array, options?: OpenTableOptions) {
  const path = join(folder, `${serial++}.parquet`);
  await writeFile(path, bytes);
  return openTable(path, options);
}

async function rows(bytes: Uint8Array, options?: OpenTableOptions, start = 0): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of (await open(bytes, options)).rows({ start })) all.push(row);
  return all;
}

const COLUMNS: ParquetColumn[] = [
  { name: 'text', type: 'string', values: ['今天😀', null, 'a\tb\n', '', '好'] },
  { name: 'label', type: 'int64', values: [1n, -2n, null, 3n, 4n] },
  { name: 'score', type: 'double', values: [0.5, 1, -1.5, null, 2] },
  { name: 'flag', type: 'boolean', values: [true, false, null, true, false] },
];

describe('Parquet', () => {
  for (const codec of ['none', 'gzip', 'brotli'] as const) {
    it(`reads every type over several row groups (${codec})`, async () => {
      const got = await rows(writeParquet(COLUMNS, { groupRows: 2, codec }));
      expect(got.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
      expect(got.map(({ values }) => Object.values(values))).toEqual([
        ['今天😀', 1, 0.5, true],
        [null, -2, 1, false],
        ['a\tb\n', null, -1.5, null],
        ['', 3, null, true],
        ['好', 4, 2, false],
      ]);
    });
  }

  it('knows its columns and rows from the footer, and starts anywhere', async () => {
    const bytes = writeParquet(COLUMNS, { groupRows: 2 });
    const table = await open(bytes);
    expect(await table.count()).toBe(5);
    expect(table.columns?.map(({ name, type }) => `${name}:${type}`)).toEqual([
      'text:str',
      'label:int',
      'score:float',
      'flag:str',
    ]);
    for (const start of [0, 1, 2, 3, 5, 9]) {
      expect((await rows(bytes, {}, start)).map(({ line }) => line)).toEqual([1, 2, 3, 4, 5].slice(start));
    }
  });

  it('selects and converts columns', async () => {
    const bytes = writeParquet(COLUMNS);
    expect((await rows(bytes, { columns: ['score'] })).map(({ values }) => values)[0]).toEqual({
      score: 0.5,
    });
    expect((await rows(bytes, { schema: 'label:str:1' })).map(({ values }) => values)[1]).toEqual({
      label: '-2',
    });
    await expect(rows(bytes, { schema: 'score:int:1' })).rejects.toMatchObject({
      code: 'DATA_CELL',
      message: expect.stringMatching(/record 1, column "score": "0.5" is not an integer/),
    });
    await expect(open(bytes, { columns: ['lable'] })).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
      details: { suggestion: 'label' },
    });
  });

  it('refuses integers beyond 2^53 rather than round them', async () => {
    const bytes = writeParquet([{ name: 'id', type: 'int64', values: [2n ** 60n] }]);
    await expect(rows(bytes)).rejects.toMatchObject({
      code: 'DATA_CELL',
      details: { column: 'id', line: 1 },
    });
  });

  it('reports damaged files, empty ones and codecs that it lacks', async () => {
    const bytes = writeParquet(COLUMNS);
    await expect(open(bytes.subarray(0, bytes.length - 3))).rejects.toMatchObject({
      code: 'DATA_ROW_MALFORMED',
    });
    await expect(open(Buffer.from('PAR1 no footer at all'))).rejects.toMatchObject({
      code: 'DATA_ROW_MALFORMED',
    });
    await expect(open(Buffer.alloc(0))).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    const none = writeParquet(COLUMNS.map((column) => ({ ...column, values: [] })));
    await expect(open(none)).rejects.toMatchObject({ code: 'DATA_EMPTY' });
    await expect(rows(writeParquet(COLUMNS, { codec: 'lzo' }))).rejects.toMatchObject({
      code: 'DATA_ROW_MALFORMED',
      hint: expect.stringContaining('Snappy'),
    });
  });
});
