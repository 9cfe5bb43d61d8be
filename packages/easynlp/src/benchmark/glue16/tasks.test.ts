import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { testData } from '../../text/test-data.fixture.js';
import { GLUE16_SPLITS, GLUE16_TASKS } from './tasks.js';

const data = mkdtempSync(join(tmpdir(), 'easynlp-glue16-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

const taskOf = (name: string) => GLUE16_TASKS.find((t) => t.name === name)!;
const load = (name: string, folder = data, split = '13') =>
  taskOf(name).load({ data: folder, split, evaluateOn: 'auto', view: 'rows' });

/** The same lines as train and dev. */
function write(folder: string, extension: string, lines: readonly string[], files = ['train', 'dev']): void {
  mkdirSync(join(data, folder, '16-13'), { recursive: true });
  for (const name of files) {
    writeFileSync(join(data, folder, '16-13', `${name}.${extension}`), `${lines.join('\n')}\n`);
  }
}

describe('16-shot GLUE', () => {
  it('has single sentences with a header, quotes being text', async () => {
    write('SST-2', 'tsv', ['sentence\tlabel', '"so" good\t1', 'a "bore\t0']);
    const { train, labels, words } = await load('sst-2');
    expect(train.rows).toEqual([
      { text: '"so" good', label: '1' },
      { text: 'a "bore', label: '0' },
    ]);
    expect([labels, words]).toEqual([['0', '1'], { 0: 'terrible', 1: 'great' }]);
  });

  it('has label and text without a header', async () => {
    write('cr', 'csv', ['1,"great , cheap"', '0,broke in a week']);
    expect((await load('cr')).train.rows).toEqual([
      { text: 'great , cheap', label: '1' },
      { text: 'broke in a week', label: '0' },
    ]);
    write('cr', 'csv', ['1,good', '0,one,two']);
    await expect(load('cr')).rejects.toThrow(/train\.csv, line 2: 3 columns, expected 2/);
    write('mr', 'csv', ['2,good']);
    await expect(load('mr')).rejects.toThrow(/line 1, column "label": the label "2" is not one of/);
  });

  it('has pairs', async () => {
    write('MRPC', 'tsv', [
      '\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String',
      '1\t7\t8\tIt rains .\tRain falls .',
    ]);
    expect((await load('mrpc')).train.rows).toEqual([
      { sentence1: 'It rains .', sentence2: 'Rain falls .', label: '1' },
    ]);
    expect(taskOf('mrpc')).toMatchObject({ app: 'text_match', metric: 'f1' });
    write('QNLI', 'tsv', ['index\tquestion\tsentence\tlabel', '3\tWho ?\tAnn .\tnot_entailment']);
    expect((await load('qnli')).train.rows[0]).toMatchObject({ sentence1: 'Who ?', label: 'not_entailment' });
  });

  it('is measured on test where it is there', async () => {
    write(
      'RTE',
      'tsv',
      ['index\tsentence1\tsentence2\tlabel', '0\ta\tb\tentailment'],
      ['train', 'dev', 'test'],
    );
    const { evaluation, selection } = await load('rte');
    expect([evaluation.file, selection?.file].map((file) => file?.replace(/.*[\\/]/, ''))).toEqual([
      'test.tsv',
      'dev.tsv',
    ]);
  });
});

const real = testData();
const folder = real === null ? null : join(real, 'glue_16shot');

describe.skipIf(folder === null || !existsSync(folder))(
  'real 16-shot GLUE (EASYNLP_TEST_DATA or ../shared/data)',
  () => {
    it.each(GLUE16_TASKS.map((t) => t.name))('%s has 16 rows a class in every split', async (name) => {
      for (const split of GLUE16_SPLITS) {
        const { train, evaluation, labels } = await load(name, folder!, split);
        for (const { rows } of [train, evaluation]) {
          for (const label of labels) expect(rows.filter((row) => row.label === label)).toHaveLength(16);
        }
      }
    });
  },
);
