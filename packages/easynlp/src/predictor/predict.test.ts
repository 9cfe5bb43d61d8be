import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@easynlp/torch';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PredictOptions } from '../config/index.js';
import { EasyNlpError, EXIT } from '../errors/index.js';
import { reviews, trainTiny, workFolder, writeTsv } from './models.fixture.js';
import { pipeline } from './pipeline.js';
import { predict } from './predict.js';

const folder = workFolder('predict');
let model = '';
beforeAll(async () => {
  model = await trainTiny(folder, 'text-cnn');
});

const run = (options: Omit<PredictOptions, 'model'>, signal?: AbortSignal) =>
  predict({ model, device: 'cpu', numThreads: 2, ...options }, signal ? { signal } : {});
const table = (path: string) =>
  readFileSync(path, 'utf8')
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => line.split('\t'));

/** Nothing may be left of a run that failed. */
const halfWritten = (where = folder) => readdirSync(where).filter((name) => name.includes('.tmp'));
afterEach(() => expect(halfWritten()).toEqual([]));

async function failure(work: Promise<unknown>): Promise<EasyNlpError> {
  const error = await work.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!EasyNlpError.isInstance(error)) throw error;
  return error;
}

describe('predict', () => {
  it('writes the columns of output_schema, then those of append_cols, row by row', async () => {
    const rows = reviews(50).map((row, i) => ({ id: `n${i}`, ...row }));
    const input = writeTsv(join(folder, 'in.tsv'), rows);
    const output = join(folder, 'new/folder/out.tsv');
    const result = await run({
      input: [input],
      output,
      outputSchema: ['predictions', 'probabilities', 'logits', 'output'],
      appendCols: ['id', 'label'],
      header: true,
    });
    expect(result).toEqual({ rows: 50, output });
    const [header, ...lines] = table(output);
    expect(header).toEqual(['predictions', 'probabilities', 'logits', 'output', 'id', 'label']);
    const classify = await pipeline('text_classify', model, { device: 'cpu' });
    const expected = await classify(rows.map((row) => row.text));
    expect(lines).toHaveLength(50);
    for (const [i, [label, probabilities, logits, json, id, gold]] of lines.entries()) {
      expect([id, gold]).toEqual([`n${i}`, rows[i]!.label]);
      expect(label).toBe(expected[i]!.label);
      const [p, l] = [probabilities!, logits!].map((text) => text.split(',').map(Number));
      // Values stand in the order of the labels, JSON in the order of the scores.
      const labels = (classify.spec as { labels: string[] }).labels;
      for (const score of expected[i]!.scores) {
        expect(p![labels.indexOf(score.label)]).toBeCloseTo(score.probability, 5);
        expect(l![labels.indexOf(score.label)]).toBeCloseTo(score.logit, 5);
      }
      const sorted = JSON.parse(json!) as { pred: string; prob: number; logit: number }[];
      expect(sorted.map((s) => s.pred)).toEqual(expected[i]!.scores.map((s) => s.label));
      expect(sorted[0]!.prob).toBeGreaterThanOrEqual(sorted[1]!.prob);
    }
    classify.dispose();
  });

  it.each([1, 31, 32, 33, 65])('writes %i rows, whatever is left for the last batch', async (count) => {
    const input = writeTsv(join(folder, 'few.tsv'), reviews(count));
    const output = join(folder, 'few.out.tsv');
    expect((await run({ input: [input], output, batchSize: 32 })).rows).toBe(count);
    expect(table(output)).toHaveLength(count);
    expect(table(output)[0]).toHaveLength(2);
  });

  it('keeps the order over chunks and over files', async () => {
    const rows = reviews(9000).map((row, i) => ({ id: String(i), text: row.text.slice(0, 1 + (i % 9)) }));
    const first = writeTsv(join(folder, 'many-1.tsv'), rows.slice(0, 8500));
    const second = writeTsv(join(folder, 'many-2.tsv'), rows.slice(8500));
    const output = join(folder, 'many.out.tsv');
    const options = { output, appendCols: ['id'], outputSchema: ['predictions'], tokenBudget: 8192 };
    expect((await run({ input: [first, second], ...options })).rows).toBe(9000);
    expect(table(output).map(([, id]) => id)).toEqual(rows.map((row) => row.id));
  });

  it('keeps a table of values with TABs, line ends and quotes', async () => {
    const input = join(folder, 'odd.jsonl');
    const texts = ['a\tb', 'c\nd\r\ne', '"quoted", \'too\'', 'f\u2028g\u0085h\u000bi', ''];
    writeFileSync(input, texts.map((text) => JSON.stringify({ text, tags: ['x', 'y'] })).join('\n'));
    const output = join(folder, 'odd.out.tsv');
    await run({ input: [input], output, appendCols: ['text', 'tags'] });
    expect(table(output).map((line) => line.slice(2))).toEqual([
      ['a b', 'x,y'],
      ['c d e', 'x,y'],
      ['"quoted", \'too\'', 'x,y'],
      ['f g h i', 'x,y'],
      ['', 'x,y'],
    ]);
  });

  it('needs no label column', async () => {
    const input = writeTsv(join(folder, 'bare.tsv'), [{ text: '好吃' }, { text: '太差了' }]);
    expect((await run({ input: [input], output: join(folder, 'bare.out.tsv') })).rows).toBe(2);
  });

  it('reads another column than the model was trained on when told so', async () => {
    const input = writeTsv(join(folder, 'renamed.tsv'), [{ content: '好吃' }]);
    const output = join(folder, 'renamed.out.tsv');
    expect((await failure(run({ input: [input], output }))).code).toBe('DATA_COLUMN_UNKNOWN');
    expect((await run({ input: [input], output, firstSequence: 'content' })).rows).toBe(1);
  });

  it('refuses unknown result columns and unknown input columns with a suggestion, writing nothing', async () => {
    const input = writeTsv(join(folder, 'ok.tsv'), reviews(3));
    const output = join(folder, 'refused.tsv');
    const schema = await failure(run({ input: [input], output, outputSchema: ['prediction'] }));
    expect([schema.code, schema.exitCode, schema.hint]).toEqual([
      'CONFIG_INVALID_VALUE',
      EXIT.usage,
      'Did you mean predictions?',
    ]);
    const column = await failure(run({ input: [input], output, appendCols: ['lable'] }));
    expect([column.code, column.exitCode]).toEqual(['DATA_COLUMN_UNKNOWN', EXIT.data]);
    expect(column.message).toMatch(/ok\.tsv, column "lable".*Did you mean "label"/);
    const absent = await failure(run({ input: [join(folder, 'nope.tsv')], output }));
    expect(absent.code).toBe('DATA_FILE_NOT_FOUND');
    writeFileSync(join(folder, 'empty.tsv'), 'text\n');
    expect((await failure(run({ input: [join(folder, 'empty.tsv')], output }))).code).toBe('DATA_EMPTY');
    expect(existsSync(output)).toBe(false);
  });

  it('leaves an earlier output alone when a later row fails', async () => {
    const input = join(folder, 'late.jsonl');
    const good = JSON.stringify({ text: '好', id: 1 });
    writeFileSync(input, `${Array(9000).fill(good).join('\n')}\n{"text": "坏"}\n`);
    const output = join(folder, 'late.out.tsv');
    writeFileSync(output, 'earlier\n');
    const error = await failure(run({ input: [input], output, appendCols: ['id'], tokenBudget: 8192 }));
    expect(error.message).toMatch(/late\.jsonl, line 9001, column "id"/);
    expect(readFileSync(output, 'utf8')).toBe('earlier\n');
  });

  it('replaces an output only when it may, and never its own input', async () => {
    const input = writeTsv(join(folder, 'same.tsv'), reviews(3));
    const before = readFileSync(input, 'utf8');
    const same = await failure(run({ input: [input], output: join(folder, '.', 'new', '..', 'same.tsv') }));
    expect(same.code).toBe('CONFIG_CONFLICT');
    expect(readFileSync(input, 'utf8')).toBe(before);
    const output = join(folder, 'kept.tsv');
    writeFileSync(output, 'mine\n');
    expect((await failure(run({ input: [input], output, overwrite: false }))).code).toBe(
      'TRAIN_OUTPUT_EXISTS',
    );
    expect(readFileSync(output, 'utf8')).toBe('mine\n');
    await run({ input: [input], output });
    expect(table(output)).toHaveLength(3);
  });

  it('says where it cannot write', async () => {
    const input = writeTsv(join(folder, 'w.tsv'), reviews(3));
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    const below = await failure(run({ input: [input], output: join(file, 'x.tsv') }));
    expect([below.code, below.exitCode]).toEqual(['TRAIN_OUTPUT', EXIT.io]);
    mkdirSync(join(folder, 'dir'));
    const isFolder = await failure(run({ input: [input], output: join(folder, 'dir') }));
    expect(isFolder.message).toMatch(/a folder has this name/);
  });

  it.skipIf(process.platform !== 'linux')('ends where no folder can ever be made', async () => {
    const input = writeTsv(join(folder, 'p.tsv'), reviews(3));
    expect((await failure(run({ input: [input], output: '/proc/easynlp/x.tsv' }))).code).toBe('TRAIN_OUTPUT');
  });

  // Root may write anywhere.
  it.skipIf(process.getuid?.() === 0)('leaves a read-only folder alone', async () => {
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o555);
    const input = writeTsv(join(folder, 'l.tsv'), reviews(3));
    const error = await failure(run({ input: [input], output: join(locked, 'x.tsv') }));
    expect([error.code, error.exitCode]).toEqual(['TRAIN_OUTPUT', EXIT.io]);
    expect(readdirSync(locked)).toEqual([]);
    chmodSync(locked, 0o755);
  });

  it.skipIf(!existsSync('/dev/full'))('reports a full disk', async () => {
    // The device answers every write with ENOSPC; the run writes beside its output, so the folder must be full itself.
    const { OutputFile } = await import('./output-file.js');
    const target = join(folder, 'full.tsv');
    const file = await OutputFile.create(target);
    const temporary = readdirSync(folder).find((name) => name.startsWith('full.tsv.'))!;
    expect(temporary).toMatch(/\.tmp$/);
    const handle = file as unknown as { handle: { close(): Promise<void> } };
    await handle.handle.close();
    const { open } = await import('node:fs/promises');
    handle.handle = await open('/dev/full', 'w');
    const error = await failure(file.write('x'.repeat(1000)));
    expect([error.code, error.exitCode]).toEqual(['TRAIN_OUTPUT', EXIT.io]);
    expect(error.message).toContain('the disk is full');
    await file.discard();
  });

  it('stops at a signal, writing nothing and giving its memory back', async () => {
    const input = writeTsv(join(folder, 's.tsv'), reviews(3000));
    const stop = new AbortController();
    const output = join(folder, 's.out.tsv');
    const before = memory().tensors;
    const work = run({ input: [input], output, batchSize: 4 }, stop.signal);
    setTimeout(() => stop.abort(), 60);
    await expect(work).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(output)).toBe(false);
    expect(memory().tensors).toBe(before);
  });

  it('reads gzip when its name says so', async () => {
    const input = writeTsv(join(folder, 'z.tsv'), reviews(4));
    execFileSync('gzip', ['-kf', input]);
    expect((await run({ input: [`${input}.gz`], output: join(folder, 'z.out.tsv') })).rows).toBe(4);
  });
});
