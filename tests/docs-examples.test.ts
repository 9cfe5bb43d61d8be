import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as torch from '@easynlp/torch';
import { afterAll, describe, expect, test } from 'vitest';
import type { TrainOptions, TrainRunOptions } from '../packages/easynlp/src/index.js';
import { agrees, type Example, examplesOf, expectedOutput, runExample, typeErrors } from './doc-examples.js';
import { read, root } from './repository.js';

const scratch = mkdtempSync(join(tmpdir(), 'easynlp-docs-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let examples = 0;
/** Folders named `out/…` go to a temporary place, each example's to one of its own. */
const redirect = (path: string): string =>
  path.startsWith('out/') ? join(scratch, String(examples), path) : path;

async function load(specifier: string): Promise<unknown> {
  if (specifier === '@easynlp/torch') return torch;
  if (specifier === 'easynlp') {
    const easynlp = await import('../packages/easynlp/src/index.js');
    return {
      ...easynlp,
      // A few steps show that the example runs; what a whole training reaches is the quick start's matter.
      train: (options: TrainOptions, run?: TrainRunOptions) =>
        easynlp.train({ ...options, maxSteps: 3, output: redirect(options.output) }, run),
      pipeline: (task: 'text_classify', folder: string) =>
        easynlp.pipeline(task, redirect(folder), { device: 'cpu' }),
      search: (options: Parameters<typeof easynlp.search>[0]) =>
        easynlp.search({ ...options, model: redirect(options.model), device: 'cpu' }),
      evaluate: (options: Parameters<typeof easynlp.evaluate>[0]) =>
        easynlp.evaluate({ ...options, model: redirect(options.model) }),
    };
  }
  if (specifier.startsWith('node:')) return import(specifier);
  throw new Error(`the examples may not import ${specifier}`);
}

async function check({ code, page, line }: Example): Promise<void> {
  examples++;
  torch.manualSeed(0);
  torch.numThreads(2);
  const scope = torch.scope();
  let printed: string[];
  try {
    printed = await runExample(code, load);
  } finally {
    scope.close();
  }
  const expected = expectedOutput(code);
  const where = `${page}, the example on line ${line}`;
  expect(printed, where).toHaveLength(expected.length);
  for (const [i, text] of expected.entries()) {
    if (!agrees(text, printed[i]!)) expect(printed[i], where).toBe(text);
  }
}

const cases = (page: string): [string, Example][] =>
  examplesOf(page, read(page)).map((example, i) => [`${i + 1}: ${example.title}`, example]);

describe('docs/torch.md', () => {
  const found = cases('docs/torch.md');
  test('has examples', () => expect(found.length).toBeGreaterThan(8));
  test.each(found)('%s', (_, example) => check(example));
});

const PAGES = [
  ...['README.md', 'README.zh.md', 'packages/torch/README.md', 'packages/easynlp/README.md'],
  ...[
    'docs/text-classify.md',
    'docs/text-match.md',
    'docs/multiple-choice.md',
    'docs/fewshot.md',
    'docs/k-bert.md',
    'docs/language-modeling.md',
    'docs/data-formats.md',
    'docs/extending.md',
  ],
];
describe.each(PAGES)('%s', (page) => {
  const found = cases(page);
  test('has an example', () => expect(found.length).toBeGreaterThan(0));
  test.each(found)('%s', (_, example) => check(example));
});

test('all examples type-check', () => {
  const all = ['docs/torch.md', ...PAGES].flatMap((page) => examplesOf(page, read(page)));
  const paths = {
    '@easynlp/torch': [join(root, 'packages/torch/src/index.ts')],
    easynlp: [join(root, 'packages/easynlp/src/index.ts')],
  };
  const types = (list: readonly Example[]) =>
    typeErrors(list, join(root, 'packages/easynlp'), paths, [join(root, 'node_modules/@types')]);
  const wrong: Example = {
    page: 'x.md',
    line: 7,
    title: 'x',
    code: 'const n: number = 1;\nconst s: string = n;',
  };
  const found = types([...all, wrong]);
  expect(found.filter((error) => !error.startsWith('x.md'))).toEqual([]);
  expect(found).toEqual([expect.stringMatching(/^x\.md:8: .*not assignable/)]);
});

describe('the checker', () => {
  const block = (body: string) => examplesOf('x.md', `# T\n\`\`\`ts\n${body}\n\`\`\`\n`)[0]!;
  const tensorCode =
    "import { tensor } from '@easynlp/torch';\nconsole.log(tensor([1, 2]).sum().item()); // → ";

  test('accepts what is right and refuses what is wrong', async () => {
    await check(block(`${tensorCode}3`));
    await expect(check(block(`${tensorCode}4`))).rejects.toThrow(/line 3/);
    await expect(check(block('console.log(1);'))).rejects.toThrow();
    await expect(check(block('throw new Error("broken");'))).rejects.toThrow('broken');
  });

  test('reads comments over several lines, and … as anything', () => {
    expect(expectedOutput('f(); // → a\n// → [1,\n//    2]\ng();')).toEqual(['a', '[1, 2]']);
    expect(agrees('0.69…', '0.6931')).toBe(true);
    expect(agrees('0.69', '0.6931')).toBe(false);
    expect(agrees('a(b)', 'a(b)')).toBe(true);
  });
});
