import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workFolder } from '../../predictor/models.fixture.js';
import { testData } from '../../text/test-data.fixture.js';
import {
  type DomainRow,
  readDomainData,
  readUnlabelledData,
  restRows,
  sampleRows,
  splitRows,
} from './domain-data.js';
import { domainReviews, writeRows } from './metakd.fixture.js';

const folder = workFolder('metakd-data');
const options = {
  ...{ format: 'auto', schema: undefined, skipFirstLine: false, labelName: undefined },
  ...{ domainColumn: undefined, domains: undefined, ignoredLabels: ['-'] },
} as const;
const counts = (rows: readonly DomainRow[]) => {
  const out: Record<string, number> = {};
  for (const { domain, label } of rows) out[`${domain}/${label}`] = (out[`${domain}/${label}`] ?? 0) + 1;
  return out;
};

describe('rows of several domains', () => {
  it('come from a table with a column of domains, under one name', async () => {
    const path = join(folder, 'rows.csv');
    writeFileSync(path, 'cat,label,review\n书籍,1,好看\n水果,0,"坏的，差"\n水果,-,说不清\n');
    const rows = await readDomainData(path, options);
    expect(rows).toEqual([
      { domain: '书籍', label: '1', values: { domain: '书籍', label: '1', review: '好看' } },
      { domain: '水果', label: '0', values: { domain: '水果', label: '0', review: '坏的，差' } },
    ]);
  });

  it('come from a folder a domain with a file a label', async () => {
    const path = join(folder, 'folders');
    for (const domain of ['books', 'dvd']) {
      mkdirSync(join(path, domain), { recursive: true });
      writeFileSync(join(path, domain, 'review_positive.txt'), 'good\n\nfine\n');
      writeFileSync(join(path, domain, 'review_negative'), 'bad\n');
    }
    const rows = await readDomainData(path, options);
    expect(counts(rows)).toEqual({
      ...{ 'books/positive': 2, 'books/negative': 1, 'dvd/positive': 2, 'dvd/negative': 1 },
    });
    expect(rows[0]!.values).toEqual({ text: 'bad', label: 'negative', domain: 'books' });
  });

  it('say what is wrong with them', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty, { recursive: true });
    await expect(readDomainData(empty, options)).rejects.toMatchObject({ code: 'DATA_FORMAT' });
    const rows = writeRows(join(folder, 'rows.jsonl'), [
      ...domainReviews(4),
      { domain: '', label: '好', text: '无' },
    ]);
    await expect(readDomainData(rows, options)).rejects.toMatchObject({
      code: 'DATA_CELL',
      message: expect.stringMatching(/line 5, column "domain"/),
    });
    const good = writeRows(join(folder, 'good.jsonl'), domainReviews(4));
    await expect(readDomainData(good, { ...options, domainColumn: 'gener' })).rejects.toMatchObject({
      code: 'DATA_COLUMN_UNKNOWN',
    });
    await expect(readDomainData(good, { ...options, domains: ['书籍'] })).rejects.toMatchObject({
      code: 'DATA_LABELS',
      message: expect.stringContaining('"书籍"'),
    });
  });

  it('are split without loss, each group alike, and the same way every time', () => {
    const rows = fc.array(
      fc.record({ domain: fc.constantFrom('a', 'b'), label: fc.constantFrom('x', 'y') }),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(rows, fc.nat(1000), (list, seed) => {
        const given: DomainRow[] = list.map((row, i) => ({ ...row, values: { id: i } }));
        const fractions = { dev: 0.1, test: 0.2, seed };
        const split = splitRows(given, fractions);
        const ids = [...split.train, ...split.dev, ...split.test].map((row) => Number(row.values.id));
        expect(ids.sort((a, b) => a - b)).toEqual(given.map((_, i) => i));
        for (const [group, size] of Object.entries(counts(given))) {
          expect(counts(split.train)[group] ?? 0).toBeGreaterThan(0);
          const tests = counts(split.test)[group] ?? 0;
          expect(Math.abs(tests - 0.2 * size)).toBeLessThanOrEqual(size < 3 ? 0.4 : 1);
        }
        expect(splitRows(given, fractions)).toEqual(split);
      }),
      { numRuns: 50 },
    );
  });

  it('are drawn with the labels of their domain', () => {
    const rows = Array.from(
      { length: 100 },
      (_, i): DomainRow => ({ domain: i < 60 ? 'a' : 'b', label: i % 4 ? 'x' : 'y', values: {} }),
    );
    expect(counts(sampleRows(rows, 20, 1))).toEqual({ 'a/x': 15, 'a/y': 5, 'b/x': 15, 'b/y': 5 });
    expect(sampleRows(rows, 1000, 1)).toHaveLength(100);
    // What is left over, the same rows for the same seed and none of those drawn.
    const drawn = sampleRows(rows, 20, 1);
    const rest = restRows(rows, drawn, 30, 1);
    expect(rest.filter((row) => row.domain === 'a')).toHaveLength(30);
    expect(rest.filter((row) => row.domain === 'b')).toHaveLength(20);
    expect(rest.some((row) => drawn.includes(row))).toBe(false);
    expect(restRows(rows, drawn, 30, 1)).toEqual(rest);
    expect(restRows(rows, drawn, 0, 1)).toEqual([]);
  });

  it('may lack labels, but not domains', async () => {
    const path = join(folder, 'more.csv');
    writeFileSync(path, 'cat,review\n书籍,好看\n电脑,快\n水果,新鲜\n');
    const lines: string[] = [];
    const rows = await readUnlabelledData(path, { ...options, domains: ['书籍', '水果'] }, (l) =>
      lines.push(l),
    );
    expect(rows.map((row) => row.values)).toEqual([
      { domain: '书籍', review: '好看' },
      { domain: '水果', review: '新鲜' },
    ]);
    expect(lines).toEqual([expect.stringMatching(/^1 rows of .*more\.csv of other domains are left out$/)]);
    writeFileSync(path, 'review\n好看\n');
    await expect(readUnlabelledData(path, { ...options, domains: ['书籍'] })).rejects.toThrow(/domain/);
  });
});

const data = testData();

describe.skipIf(data === null)('real data (EASYNLP_TEST_DATA or ../shared/data)', () => {
  it('shopping reviews: ten categories', async () => {
    const rows = await readDomainData(
      join(data!, 'shopping_domains', 'online_shopping_10_cats.csv.gz'),
      options,
    );
    expect(rows).toHaveLength(62774);
    expect(new Set(rows.map((row) => row.domain)).size).toBe(10);
    expect(counts(rows)['书籍/1']).toBe(2100);
  });

  it('Amazon reviews: four domains', async () => {
    const rows = await readDomainData(join(data!, 'amazon_domains'), options);
    expect(new Set(rows.map((row) => row.domain))).toEqual(
      new Set(['books', 'dvd', 'electronics', 'kitchen']),
    );
    expect(counts(rows)['dvd/negative']).toBe(2700);
  });

  it('OCNLI: five genres, without the rows that nobody agreed on', async () => {
    const lines: string[] = [];
    const rows = await readDomainData(join(data!, 'ocnli', 'train.50k.json.gz'), options, (l) =>
      lines.push(l),
    );
    // Three of the 50,437 labelled rows have no genre.
    expect(rows).toHaveLength(50434);
    expect(lines.join()).toMatch(/3 rows of .* without a domain.*49 rows with ignored labels/);
    expect(new Set(rows.map((row) => row.domain))).toEqual(new Set(['news', 'lit', 'gov', 'tv', 'phone']));
    expect(new Set(rows.map((row) => row.label)).size).toBe(3);
  });
});
