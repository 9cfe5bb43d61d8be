import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectLayout, LONGEST_DOCUMENT, readDocuments } from './documents.js';
import { type DocumentLayout, findSources, sourceName } from './sources.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'easynlp-documents-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const file = (name: string, content: string | Buffer) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

async function read(path: string, layout: DocumentLayout = 'auto') {
  const found: [string, number][] = [];
  for await (const { text, line } of readDocuments({ name: 'x', path, layout })) found.push([text, line]);
  return found;
}

describe('readDocuments', () => {
  it('separates documents by blank lines, or takes one a line', async () => {
    const path = file('a.txt', '\ufeff\n甲一\r\n甲二\r\n \n\n乙\n丙');
    expect(await read(path)).toEqual([
      ['甲一\n甲二', 2],
      ['乙\n丙', 6],
    ]);
    expect((await read(path, 'line')).map(([text]) => text)).toEqual(['甲一', '甲二', '乙', '丙']);
    expect(await read(file('b.txt', '甲\n乙\n丙\n\n'))).toEqual([
      ['甲', 1],
      ['乙', 2],
      ['丙', 3],
    ]);
  });

  it("reads EasyNLP's JSON Lines, and says which line is wrong", async () => {
    const lines = ['{"text": ["今天天气好。", " ", "出门。"]}', '{"text": "一段"}', '', '{"text": []}'];
    expect(await read(file('c.txt', lines.join('\n')))).toEqual([
      ['今天天气好。\n出门。', 1],
      ['一段', 2],
    ]);
    for (const wrong of ['{"text": 3}', '{"sentence": "x"}', '{"text": ["a", 1]}', '{oops', 'null']) {
      await expect(read(file('d.jsonl', `{"text":"a"}\n${wrong}\n`), 'jsonl')).rejects.toMatchObject({
        code: 'DATA_ROW_MALFORMED',
        details: { line: 2 },
      });
    }
  });

  it('reads gzip and xz by content', async () => {
    expect(await read(file('e.txt', gzipSync('甲\n\n乙\n')))).toEqual([
      ['甲', 1],
      ['乙', 3],
    ]);
    await expect(read(file('f.gz', gzipSync('甲'.repeat(1000)).subarray(0, 30)))).rejects.toMatchObject({
      code: 'DATA_COMPRESSED',
    });
    if (spawnSync('xz', ['--version']).status !== 0) return;
    const packed = execFileSync('xz', ['-c'], { input: '甲\n\n乙\n' });
    expect(await read(file('g.txt.xz', packed))).toHaveLength(2);
    await expect(read(file('h.xz', packed.subarray(0, packed.length - 8)))).rejects.toMatchObject({
      code: 'DATA_COMPRESSED',
    });
  });

  it('says what to do where the program xz is missing', async () => {
    const path = file('i.xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0]));
    const before = process.env.PATH;
    process.env.PATH = folder;
    try {
      await expect(read(path, 'line')).rejects.toThrow(/xz is not installed/);
    } finally {
      process.env.PATH = before;
    }
  });

  it('cuts a document that never ends', async () => {
    const line = '长'.repeat(999);
    const found = await read(file('j.txt', `短\n\n${`${line}\n`.repeat(2100)}`));
    expect(found.length).toBeGreaterThan(2);
    for (const [text] of found) expect(text.length).toBeLessThan(LONGEST_DOCUMENT + 5000);
    expect(found.reduce((sum, [text]) => sum + text.replaceAll('\n', '').length, 0)).toBe(1 + 999 * 2100);
  });

  it('tells layouts apart by the beginning of the file', async () => {
    expect(await detectLayout(file('k.txt', '\n\n甲\n乙\n\n'))).toBe('line');
    expect(await detectLayout(file('l.txt', '甲\n\n乙'))).toBe('blank-line');
    expect(await detectLayout(file('m.txt', '{"text": "甲"}\n'))).toBe('jsonl');
    expect(await detectLayout(file('n.txt', '{甲}\n乙'))).toBe('line');
  });
});

describe('findSources', () => {
  it('expands folders and patterns, sorted, named without extensions', async () => {
    const own = mkdtempSync(join(folder, 'sources-'));
    for (const name of ['news_b.txt.xz', 'news_a.txt', 'chat.jsonl.gz', 'README.md'])
      writeFileSync(join(own, name), 'x');
    const names = async (...inputs: string[]) => (await findSources(inputs)).map(({ name }) => name);
    expect(await names(own)).toEqual(['chat', 'news_a', 'news_b']);
    expect(await names(join(own, 'news_*'))).toEqual(['news_a', 'news_b']);
    expect(await names(join(own, 'news_?.txt'), own)).toEqual(['chat', 'news_a', 'news_b']);
    expect(await names(join(own, 'README.md'))).toEqual(['README.md']);
    expect(sourceName('/x/a.b.txt.gz')).toBe('a.b');
    await expect(names(join(own, 'news_a.tx'))).rejects.toMatchObject({
      code: 'DATA_FILE_NOT_FOUND',
      details: { suggestion: 'news_a.txt' },
    });
    await expect(names(join(own, 'old_*'))).rejects.toMatchObject({ code: 'DATA_SOURCE' });
    await expect(names()).rejects.toMatchObject({ code: 'DATA_SOURCE' });
    writeFileSync(join(own, 'chat.txt'), 'x');
    await expect(names(own)).rejects.toThrow(/would both be the source "chat"/);
  });
});
