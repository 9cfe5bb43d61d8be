import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EasyNlpError } from '../errors/index.js';
import { type OpenTableOptions, openTable } from './open-table.js';
import { splitTsv } from './tsv-table.js';
import type { DataSource, Row } from './types.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easynlp-table-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let serial = 0;
async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, `${serial++}-${name}`);
  await writeFile(path, content);
  return path;
}

async function all(source: DataSource, start = 0): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of source.rows({ start })) rows.push(row);
  return rows;
}

async function values(name: string, content: string | Uint8Array, options?: OpenTableOptions) {
  return (await all(await openTable(await file(name, content), options))).map((row) => row.values);
}

async function failure(name: string, content: string | Uint8Array, options?: OpenTableOptions) {
  const path = await file(name, content);
  try {
    await all(await openTable(path, options));
  } catch (error) {
    const { code, details, message, exitCode, httpStatus } = error as EasyNlpError;
    expect(exitCode).toBe(3);
    expect(httpStatus).toBe(422);
    return { code, message: message.replaceAll(path, 'F'), ...details, file: details.file === path };
  }
  throw new Error('expected a failure');
}

describe('headerless EasyNLP tables', () => {
  const schema = 'label:str:1,score:float:1,n:int:1,logits:float:3,tags:str:2';

  it('reads every type, lists included, and takes quotes as text', async () => {
    const path = await file('a.tsv', '"好\t1.5\t-7\t0.1,2,-3e2\ta,b"\r\n差\t.5\t+12\t1,2,3\tc,d');
    const table = await openTable(path, { schema });
    expect(table.columns?.map(({ name }) => name)).toEqual(['label', 'score', 'n', 'logits', 'tags']);
    expect(await table.count()).toBe(2);
    expect(await all(table)).toEqual([
      {
        values: { label: '"好', score: 1.5, n: -7, logits: [0.1, 2, -300], tags: ['a', 'b"'] },
        file: path,
        line: 1,
      },
      {
        values: { label: '差', score: 0.5, n: 12, logits: [1, 2, 3], tags: ['c', 'd'] },
        file: path,
        line: 2,
      },
    ]);
  });

  it('skips the first line on request, and keeps line numbers', async () => {
    const path = await file('a.tsv', 'label\ttext\n1\t好\n');
    const table = await openTable(path, { schema: 'label:int:1,text:str:1', skipFirstLine: true });
    expect(await table.count()).toBe(1);
    expect(await all(table)).toEqual([{ values: { label: 1, text: '好' }, file: path, line: 2 }]);
  });

  it('keeps empty cells and, in a one-column table, empty lines', async () => {
    expect(await values('a.tsv', '\t\n', { schema: 'a,b' })).toEqual([{ a: '', b: '' }]);
    expect(await values('a.tsv', 'x\n\ny\n', { schema: 'a' })).toEqual([{ a: 'x' }, { a: '' }, { a: 'y' }]);
  });

  it('hands on only the columns asked for', async () => {
    expect(await values('a.tsv', '1\t2\t3\n', { schema: 'a,b,c', columns: ['c', 'a'] })).toEqual([
      { a: '1', c: '3' },
    ]);
  });

  it('names file, line and both counts when columns are missing or too many', async () => {
    const options = { schema: 'a:str:1,b:str:1' };
    expect(await failure('a.tsv', '1\t2\n1\t2\t3\n', options)).toMatchObject({
      code: 'DATA_COLUMN_COUNT',
      file: true,
      line: 2,
      got: 3,
      expected: 2,
      message: 'F, line 2: 3 columns, expected 2 ("a", "b"); the line is "1\\t2\\t3".',
    });
    expect(await failure('a.tsv', '1\t2\n\n1\t2\n', options)).toMatchObject({ line: 2, got: 1 });
  });

  it('names file, line and column of a cell of the wrong type', async () => {
    const cell = (type: string, text: string) =>
      failure('a.tsv', `x\t1\nx\t${text}\n`, { schema: `a,b:${type}` });
    for (const text of ['1.5', 'x', '', '1e3', 'NaN', '9007199254740993', '１']) {
      expect(await cell('int', text)).toMatchObject({ code: 'DATA_CELL', line: 2, column: 'b', got: text });
    }
    for (const text of ['x', '', 'nan', 'inf', '1e999', '0x10', '1,5']) {
      expect(await cell('float', text)).toMatchObject({ code: 'DATA_CELL', line: 2, column: 'b', got: text });
    }
    const message = await failure('a.tsv', '很长\t好\n', { schema: 'a,b:str:512' });
    expect(message).toMatchObject({ code: 'DATA_CELL', hint: expect.stringContaining('b:str:1') });
  });

  it('reads any content back that has neither TAB nor line ends', async () => {
    const cell = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\t\r\n]/g, ' '));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }), async (rows) => {
        const text = rows.map((row) => row.join('\t')).join('\n');
        fc.pre(text !== '' && !text.startsWith('\ufeff'));
        const got = await values('p.tsv', text, { schema: 'a,b' });
        expect(got).toEqual(rows.map(([a, b]) => ({ a, b })));
      }),
      { numRuns: 60 },
    );
  });
});

describe('tables with a header', () => {
  it('reads TSV with a byte-order mark, CRLF, blank lines and quoted cells', async () => {
    const text = '\ufefflabel\ttext\r\n1\t"a ""b""\tc"\r\n\r\n0\t"开头"的引号\r\n1\t"没有结束\r\n';
    const path = await file('a.tsv', text);
    const table = await openTable(path);
    expect(await table.count()).toBe(3);
    expect((await all(table)).map(({ line, values }) => [line, values.label, values.text])).toEqual([
      [2, '1', 'a "b"\tc'],
      [4, '0', '"开头"的引号'],
      [5, '1', '"没有结束'],
    ]);
    expect((await all(table, 1)).map(({ line }) => line)).toEqual([4, 5]);
  });

  it('reads CSV as RFC 4180 says, with the line on which each record begins', async () => {
    const path = await file('a.csv', '\ufefflabel,text\r\n1,"a, ""b""\r\nc"\r\n\r\n0,好\r\n');
    const table = await openTable(path);
    expect(await table.count()).toBe(2);
    expect((await all(table)).map(({ line, values }) => [line, values.label, values.text])).toEqual([
      [2, '1', 'a, "b"\r\nc'],
      [5, '0', '好'],
    ]);
    expect((await all(table, 1)).map(({ line }) => line)).toEqual([5]);
  });

  it('reads back any CSV content', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('"', '\n', '\r\n', ',', '""', ' x '),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 12 }), async (rows) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = [['a', 'b'], ...rows].map((row) => row.map(quote).join(',')).join('\n');
        expect(await values('p.csv', text)).toEqual(rows.map(([a, b]) => ({ a, b })));
      }),
      { numRuns: 60 },
    );
  });

  it('applies a schema by name, as types and as a selection', async () => {
    const options = { format: 'tsv', schema: 'n:int:1' } as const;
    expect(await values('a.tsv', 'x\tn\n好\t3\n', options)).toEqual([{ n: 3 }]);
    expect(await values('a.csv', 'x,n\n好,3\n', { columns: ['x'] })).toEqual([{ x: '好' }]);
  });

  it('suggests the column that was probably meant', async () => {
    expect(await failure('a.csv', 'label,text\n1,好\n', { columns: ['txet'] })).toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
      column: 'txet',
      suggestion: 'text',
      line: 1,
    });
    expect(await failure('a.tsv', 'a\ta\n1\t2\n')).toMatchObject({ code: 'DATA_COLUMN_DUPLICATE' });
    expect(await failure('a.tsv', 'a\t\n1\t2\n')).toMatchObject({ code: 'DATA_ROW_MALFORMED', line: 1 });
  });

  it('names the line of wrong counts and of quotes gone wrong', async () => {
    expect(await failure('a.csv', 'a,b\n1,2\n1\n')).toMatchObject({
      code: 'DATA_COLUMN_COUNT',
      line: 3,
      got: 1,
    });
    expect(await failure('a.csv', 'a,b\n1,"2\n3,4\n')).toMatchObject({ code: 'DATA_ROW_MALFORMED' });
    expect(await failure('a.csv', 'a,b\n1,"2"x\n')).toMatchObject({ code: 'DATA_ROW_MALFORMED', line: 2 });
    expect(await failure('a.tsv', 'a\tb\n1\t2\t3\n')).toMatchObject({ code: 'DATA_COLUMN_COUNT', line: 2 });
  });

  it('reads multi-line cells of TSV when told so', async () => {
    const options = { quotes: 'rfc4180' } as const;
    expect(await values('a.tsv', 'a\tb\n1\t"x\ny"\n', options)).toEqual([{ a: '1', b: 'x\ny' }]);
    expect(await values('a.tsv', 'a\tb\n"1"\t2\n', { quotes: 'none' })).toEqual([{ a: '"1"', b: '2' }]);
  });

  it('splits lines without quotes as a plain split does', () => {
    fc.assert(
      fc.property(fc.string(), (line) => {
        fc.pre(!line.includes('"'));
        expect(splitTsv(line)).toEqual(line.split('\t'));
      }),
    );
    expect(splitTsv('"a"\t"b""c"\t"')).toEqual(['a', 'b"c', '"']);
    expect(splitTsv('""\t')).toEqual(['', '']);
  });
});

describe('JSON Lines', () => {
  it('keeps types, flattens objects and keeps lists', async () => {
    const text =
      '{"t":"好","n":1,"b":true,"z":null,"l":["a","b"],"d":[1,2.5],"o":{"x":{"y":1}},"m":[1,"a"]}\n\n{"t":"x"}\n';
    const path = await file('a.jsonl', text);
    const table = await openTable(path);
    expect(table.columns).toBeNull();
    expect(await table.count()).toBe(2);
    expect((await all(table)).map(({ line, values }) => [line, values])).toEqual([
      [1, { t: '好', n: 1, b: true, z: null, l: ['a', 'b'], d: [1, 2.5], 'o.x.y': 1, m: '[1,"a"]' }],
      [3, { t: 'x' }],
    ]);
  });

  it('applies a schema', async () => {
    const schema = 'n:int:1,d:float:2';
    expect(await values('a.json', '{"n":"3","d":[1,2],"x":0}\n', { schema })).toEqual([{ n: 3, d: [1, 2] }]);
    expect(await failure('a.json', '{"n":3.5,"d":[1,2]}\n', { schema })).toMatchObject({
      code: 'DATA_CELL',
      column: 'n',
    });
    expect(await failure('a.json', '{"n":3,"d":[1]}\n', { schema })).toMatchObject({
      code: 'DATA_CELL',
      column: 'd',
    });
  });

  it('names the line of what is not an object, lacks a column or loses digits', async () => {
    expect(await failure('a.jsonl', '{"a":1}\n{"a":\n')).toMatchObject({
      code: 'DATA_ROW_MALFORMED',
      line: 2,
    });
    expect(await failure('a.jsonl', '[1]\n')).toMatchObject({ code: 'DATA_ROW_MALFORMED', line: 1 });
    expect(await failure('a.jsonl', '{"text":1}\n', { columns: ['test'] })).toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
      suggestion: 'text',
    });
    expect(await failure('a.jsonl', '{"id":12345678901234567890}\n')).toMatchObject({
      code: 'DATA_CELL',
      column: 'id',
    });
  });
});

describe('files', () => {
  it('decompresses whatever is gzip, by content', async () => {
    const text = gzipSync('a\tb\n1\t2\n');
    expect(await values('a.tsv.gz', text)).toEqual([{ a: '1', b: '2' }]);
    expect(await values('a.tsv', text)).toEqual([{ a: '1', b: '2' }]);
    expect(await values('a.csv.gz', gzipSync('a,b\n1,2\n'))).toEqual([{ a: '1', b: '2' }]);
  });

  it('reports a damaged gzip file', async () => {
    const whole = gzipSync(Buffer.from(Array.from({ length: 5000 }, (_, i) => `${i}\t${i * 7}\n`).join('')));
    for (const bytes of [
      whole.subarray(0, whole.length - 9),
      Buffer.concat([whole.subarray(0, 2000), Buffer.alloc(500)]),
    ]) {
      expect(await failure('a.tsv.gz', bytes, { schema: 'a,b' })).toMatchObject({ code: 'DATA_COMPRESSED' });
    }
  });

  it('names line and byte of invalid UTF-8, in any format', async () => {
    const bad = (prefix: string) =>
      Buffer.concat([Buffer.from(prefix), Buffer.from([0xc4, 0xe3, 0xba, 0xc3, 10])]);
    const expected = { code: 'DATA_ENCODING', file: true, line: 3, got: '0xc4' };
    expect(await failure('a.tsv', bad('a\tb\n好\t2\n好\t'))).toMatchObject({ ...expected, byte: 5 });
    expect(await failure('a.csv', bad('a,b\n好,2\n好,'))).toMatchObject({ ...expected, byte: 5 });
    expect(await failure('a.jsonl', bad('{}\n{}\n'))).toMatchObject({ ...expected, byte: 1 });
    expect(await failure('a.tsv', bad('x\nx\nx'), { schema: 'a' })).toMatchObject({ ...expected, byte: 2 });
    expect(await failure('a.tsv', Buffer.from('\ufeffa\tb\n', 'utf16le'))).toMatchObject({
      code: 'DATA_ENCODING',
      got: 'a UTF-16 byte-order mark',
    });
  });

  it('keeps characters whole whose bytes fall on two blocks', async () => {
    const line = `${'好😀'.repeat(40_000)}\t1`;
    const rows = await values('a.tsv', `${line}\n${line}\n`, { schema: 'a,b' });
    expect(rows.map(({ a }) => a)).toEqual(['好😀'.repeat(40_000), '好😀'.repeat(40_000)]);
  });

  it('refuses empty files, files without rows, missing files and folders', async () => {
    expect(await failure('a.tsv', '', { schema: 'a' })).toMatchObject({ code: 'DATA_EMPTY' });
    expect(await failure('a.csv', '')).toMatchObject({ code: 'DATA_EMPTY' });
    expect(await failure('a.csv', 'a,b\n')).toMatchObject({ code: 'DATA_EMPTY' });
    expect(await failure('a.tsv', 'a\tb\n')).toMatchObject({ code: 'DATA_EMPTY' });
    expect(await failure('a.tsv', '\n\n')).toMatchObject({ code: 'DATA_EMPTY' });
    expect(await failure('a.tsv.gz', gzipSync(''), { schema: 'a' })).toMatchObject({ code: 'DATA_EMPTY' });
    await writeFile(join(folder, 'train.tsv'), 'a\n1\n');
    await expect(openTable(join(folder, 'trian.tsv'))).rejects.toMatchObject({
      code: 'DATA_FILE_NOT_FOUND',
      message: expect.stringContaining('Did you mean "train.tsv"?'),
    });
    await mkdir(join(folder, 'sub'), { recursive: true });
    await expect(openTable(join(folder, 'sub'))).rejects.toMatchObject({ code: 'DATA_FILE_UNREADABLE' });
  });

  it.skipIf(process.getuid?.() === 0)('reports a file that may not be read', async () => {
    const path = await file('a.tsv', 'a\n1\n');
    await chmod(path, 0);
    await expect(openTable(path)).rejects.toMatchObject({ code: 'DATA_FILE_UNREADABLE' });
  });

  it('asks for a schema, and knows its formats', async () => {
    expect(await failure('a.tsv', 'x\n', { format: 'easynlp' })).toMatchObject({ code: 'DATA_FORMAT' });
    const wrong = { format: 'parket' } as unknown as OpenTableOptions;
    expect(await failure('a.tsv', 'x\n', wrong)).toMatchObject({
      message: expect.stringContaining('did you mean "parquet"?'),
    });
  });

  it('stops when the signal aborts', async () => {
    const table = await openTable(await file('a.tsv', 'a\n'.repeat(300_000)), { schema: 'a' });
    const controller = new AbortController();
    const run = async () => {
      for await (const row of table.rows({ signal: controller.signal })) {
        if (row.line === 10) controller.abort(new Error('enough'));
      }
    };
    await expect(run()).rejects.toThrow('enough');
  });

  it('starts at any row, for every format', async () => {
    const lines = Array.from({ length: 50 }, (_, i) => i);
    const paths: [string, OpenTableOptions][] = [
      [await file('a.tsv', lines.map((i) => `${i}\n`).join('')), { schema: 'n:int:1' }],
      [
        await file('a.tsv', `n\n${lines.map((i) => `${i}\n`).join('\n')}`),
        { format: 'tsv', schema: 'n:int:1' },
      ],
      [await file('a.csv', `n\n${lines.map((i) => `${i}\n`).join('\n')}`), { schema: 'n:int:1' }],
      [await file('a.jsonl', lines.map((i) => `{"n":${i}}\n`).join('\n')), {}],
    ];
    for (const [path, options] of paths) {
      const table = await openTable(path, options);
      expect(await table.count()).toBe(50);
      for (const start of [0, 1, 17, 49, 50, 60]) {
        expect((await all(table, start)).map(({ values }) => values.n)).toEqual(lines.slice(start));
      }
    }
  });
});
