import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('..', import.meta.url));
const modules = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const slow = process.env.EASYNLP_SLOW_TESTS === '1';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easynlp-memory-'));
  await symlink(modules, join(folder, 'node_modules'), 'junction');
  for (const area of ['datahub', 'errors', 'text', 'util']) await transpile(area);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'child.js'), CHILD);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Plain JavaScript of one area, so that a bare `node` runs it without the test runner's memory. */
async function transpile(area: string): Promise<void> {
  const compilerOptions: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    verbatimModuleSyntax: true,
  };
  for (const name of await readdir(join(source, area))) {
    if (!name.endsWith('.ts') || /\.(test|fixture)\.ts$/.test(name)) continue;
    const { outputText } = ts.transpileModule(await readFile(join(source, area, name), 'utf8'), {
      compilerOptions,
    });
    const target = join(folder, area, name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
}

/** One epoch over the table; the memory of the first two windows is the measure for the rest. */
const CHILD = `
import { BatchStream, openTable } from './datahub/index.js';
import { Tokenizer } from './text/index.js';
const [, , path, kind] = process.argv;
const tokenizer = Tokenizer.fromVocab(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', '的', '评', '论', '1', '##2']);
const encode = async (rows) => {
  if (kind === 'plain') return rows.map(({ values }) => ({ length: values.text.length % 60, ids: new Int32Array(20) }));
  const texts = rows.map(({ values }) => values.text);
  return (await tokenizer.encodeBatch(texts, { maxLength: 32 })).map(({ ids }) => ({ length: ids.length, ids }));
};
const source = await openTable(path, { schema: 'id:int:1,label:str:1,text:str:1' });
const stream = new BatchStream({ source, encode, batchSize: 64, tokenBudget: 4096, window: 8192 });
let rows = 0, sum = 0, early = 0, late = 0;
for await (const batch of stream.epoch(0)) {
  rows += batch.rows.length;
  for (const index of batch.indices) sum += index;
  const { rss } = process.memoryUsage();
  if (batch.position.window < 3) early = Math.max(early, rss);
  else late = Math.max(late, rss);
}
console.log(JSON.stringify({ rows, sum, count: await source.count(), early, late }));
`;

async function generate(rows: number): Promise<string> {
  const path = join(folder, `${rows}.tsv`);
  const out = createWriteStream(path);
  for (let from = 0; from < rows; from += 10_000) {
    let text = '';
    for (let id = from; id < Math.min(rows, from + 10_000); id++) {
      text += `${id}\t${id % 15}\t第${id}条评论：${'味道不错，'.repeat(id % 7)}下次再来\n`;
    }
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
  return path;
}

describe('a file larger than the window is read in flat memory', () => {
  const cases: [number, string, number][] = slow
    ? [
        [300_000, 'plain', 120_000],
        [1_000_000, 'tokenizer', 1_200_000],
        [10_000_000, 'plain', 1_200_000],
      ]
    : [[300_000, 'plain', 120_000]];

  it.each(cases)(
    '%d rows (%s)',
    async (rows, kind, timeout) => {
      const path = await generate(rows);
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--max-old-space-size=64', join(folder, 'child.js'), path, kind],
        { timeout },
      );
      const result = JSON.parse(stdout) as Record<'rows' | 'sum' | 'count' | 'early' | 'late', number>;
      expect(result.rows).toBe(rows);
      expect(result.count).toBe(rows);
      expect(result.sum).toBe((rows * (rows - 1)) / 2);
      // JavaScript's own heap is limited to 64 MB, which keeping the rows would exceed; what libraries and
      // typed arrays take outside of it wavers with garbage collection, but does not grow with the file.
      expect((result.late - result.early) / 2 ** 20).toBeLessThan(150);
      expect(Math.max(result.late, result.early) / 2 ** 20).toBeLessThan(450);
    },
    3_000_000,
  );
});
