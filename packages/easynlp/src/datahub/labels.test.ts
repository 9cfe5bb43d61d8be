import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableFromArray } from './array-table.js';
import { collectLabels, LabelSet, readLabels } from './labels.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easynlp-labels-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const data = tableFromArray(
  ['10', '9', '好', '差', '9', ' 10 '].map((label) => ({ label })),
  { name: 'train.tsv' },
);

describe('labels', () => {
  it('come from a list', async () => {
    expect((await readLabels('0, 1,好')).labels).toEqual(['0', '1', '好']);
    expect((await readLabels('only')).labels).toEqual(['only']);
  });

  it('come from a file with one label a line', async () => {
    const path = join(folder, 'labels.txt');
    await writeFile(path, '\ufeffnews_story\r\nnews,culture\r\n\r\n');
    expect((await readLabels(path)).labels).toEqual(['news_story', 'news,culture']);
    await expect(readLabels(join(folder, 'lables.txt'))).rejects.toMatchObject({
      code: 'DATA_FILE_NOT_FOUND',
      details: { suggestion: 'labels.txt' },
    });
  });

  it('come from the data, in natural order or by first appearance', async () => {
    expect((await collectLabels(data, 'label')).labels).toEqual(['9', '10', '好', '差'].sort(byNature));
    expect((await collectLabels(data, 'label', { order: 'first' })).labels).toEqual(['10', '9', '好', '差']);
    await expect(collectLabels(data, 'labels')).rejects.toMatchObject({ code: 'DATA_COLUMN_UNKNOWN' });
    await expect(collectLabels(data, 'label', { limit: 2 })).rejects.toMatchObject({ code: 'DATA_LABELS' });
    const several = tableFromArray([{ label: 'b;a' }, { label: '' }, { label: 'c;b' }]);
    expect((await collectLabels(several, 'label', { separator: ';' })).labels).toEqual(['a', 'b', 'c']);
    await expect(collectLabels(several, 'label')).rejects.toMatchObject({
      code: 'DATA_CELL',
      details: { line: 2 },
    });
  });

  it('have ids, also when the column holds numbers', () => {
    const labels = new LabelSet(['0', '1']);
    const row = { values: { label: 1 }, file: 'dev.tsv', line: 7 };
    expect(labels.idIn(row, 'label')).toBe(1);
    expect(labels.idOf(' 0 ', row)).toBe(0);
  });

  it('outside the set are an error that names the row and the set', () => {
    const labels = new LabelSet(['positive', 'negative']);
    const row = { values: { label: 'postive' }, file: 'dev.tsv', line: 7 };
    expect(() => labels.idIn(row, 'label')).toThrow(
      'dev.tsv, line 7, column "label": the label "postive" is not one of the known labels. Did you mean "positive"? Known: "positive", "negative".',
    );
    expect(() => labels.idIn(row, 'lable')).toThrow(/no such column. Did you mean "label"\?/);
  });

  it('must be distinct and not empty', () => {
    for (const wrong of [[], ['a', 'a'], ['a', '']]) {
      expect(() => new LabelSet(wrong)).toThrow(expect.objectContaining({ code: 'DATA_LABELS' }));
    }
  });
});

/** 差 (U+5DEE) comes after 好 (U+597D). */
function byNature(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : 1) : x - y;
}
