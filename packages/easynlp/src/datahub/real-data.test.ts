import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testData } from '../text/test-data.fixture.js';
import { collectLabels } from './labels.js';
import { type OpenTableOptions, openTable } from './open-table.js';

const data = testData();

const TABLES: [string, OpenTableOptions, number, string, string][] = [
  ['chnsenticorp/train.tsv', { format: 'tsv' }, 9600, 'label', '0 1'],
  [
    'chnsenticorp/train.tsv',
    { schema: 'label:int:1,text_a:str:1', skipFirstLine: true },
    9600,
    'label',
    '0 1',
  ],
  ['afqmc/train.txt', { schema: 'a:str:1,b:str:1,label:str:1' }, 34334, 'label', '0 1'],
  ['tnews/train.json.gz', { columns: ['label', 'sentence'] }, 50580, 'label', ''],
  ['waimai/waimai_10k.csv', {}, 11987, 'label', '0 1'],
  ['shopping_domains/online_shopping_10_cats.csv.gz', {}, 62774, 'label', '0 1'],
  ['sst2/train.tsv.gz', {}, 60614, 'label', '0 1'],
  ['fewclue/cluewsc/train_0.json', { columns: ['target.span1_text', 'label'] }, 32, 'label', 'false true'],
];

// Real files hold what invented ones do not: stray quotes, CRLF inside of cells, long lines.
describe.skipIf(data === null)('real tables (EASYNLP_TEST_DATA or ../shared/data)', () => {
  it.each(TABLES)('%s %j has %d rows', async (name, options, rows, column, labels) => {
    const table = await openTable(join(data!, name), options);
    const found = await collectLabels(table, column);
    if (labels !== '') expect(found.labels.join(' ')).toBe(labels);
    else expect(found.size).toBe(15);
    expect(await table.count()).toBe(rows);
  });
});
