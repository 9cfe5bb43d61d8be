import { describe, expect, test } from 'vitest';
import { ERRORS, EXIT } from '../packages/easynlp/src/errors/index.js';
import { read } from './repository.js';

interface ErrorDocs {
  renderErrorDocs(errors: unknown, exit: unknown): string;
}
interface Figures {
  fill(markdown: string, results: Record<string, unknown>): string;
  pages(): string[];
  readResults(): Record<string, unknown>;
}
type Section = { title: [string, string]; rows: unknown[][] };
interface Features {
  problems(sections?: readonly Section[]): string[];
  render(language: string, options?: { sections?: readonly Section[]; run?: unknown }): string;
  readTitles(source: string): string[];
  readRun(...reports: unknown[]): unknown;
  checkRun(
    run: unknown,
    options: { sections: readonly Section[]; page: (file: string) => string },
  ): { wrong: string[]; skipped: string[] };
}
// Plain JavaScript, which runs before anything is compiled.
const script = <T>(name: string): Promise<T> =>
  import(new URL(`../scripts/${name}`, import.meta.url).href) as Promise<T>;

describe('docs/errors.md', () => {
  test('is what the registry says (else: node scripts/generate-error-docs.mjs)', async () => {
    const { renderErrorDocs } = await script<ErrorDocs>('generate-error-docs.mjs');
    const page = renderErrorDocs(ERRORS, EXIT);
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`| \`${code}\` |`);
    expect(page).not.toMatch(/undefined|\[object|NaN/);
    expect(read('docs/errors.md')).toBe(page);
  });
});

describe('figures', () => {
  test('of all pages are those of bench/results (else: node scripts/insert-figures.mjs)', async () => {
    const { fill, pages, readResults } = await script<Figures>('insert-figures.mjs');
    const results = readResults();
    for (const page of pages()) expect(fill(read(page), results), page).toBe(read(page));
  });

  test('are replaced, chosen and rounded', async () => {
    const { fill } = await script<Figures>('insert-figures.mjs');
    const results = {
      step: {
        machine: { cpu: 'A CPU', commit: 'abc' },
        rows: [
          { size: 'tiny', jsMs: 1.23456, peakGiB: null, detail: [1] },
          { size: 'base', jsMs: 2345.6, peakGiB: 2 },
        ],
      },
    };
    const text = fill('a\n<!-- figures:step -->\nold 99\n<!-- /figures -->\nb', results);
    expect(text).toContain('| size | js (ms) | peak (GiB) |');
    expect(text).toContain('| tiny | 1.23 | – |\n| base | 2,346 | 2 |');
    expect(text).toContain('A CPU, commit abc');
    expect(text).not.toContain('99');
    expect(fill(text, results)).toBe(text);
    const nested = { a: { rows: [{ samplesPerSecond: { ours: 12.5 } }] } };
    expect(fill('<!-- figures:a --><!-- /figures -->', nested)).toContain(
      '| samples/s: ours |\n|---:|\n| 12.5 |',
    );
    const some = fill('<!-- figures:step columns=jsMs where=size:tiny --><!-- /figures -->', results);
    expect(some).toContain('| 1.23 |');
    expect(some).not.toContain('2,346');
    expect(fill('<!-- figures:none -->5<!-- /figures -->', results)).toMatch(/Not recorded yet/);
  });
});

describe('docs/features.md', () => {
  const file = 'text/tokenizer.test.ts';
  const sections = (...proofs: string[]): Section[] => [
    { title: ['Part', '部分'], rows: [['A', '甲', proofs]] },
  ];

  test('names tests that exist (in scripts/features)', async () => {
    const { problems } = await script<Features>('generate-features.mjs');
    expect(problems()).toEqual([]);
  });

  test.each([
    ['en', 'docs/features.md'],
    ['zh', 'docs/features.zh.md'],
  ])('is what the tables say (%s; else: node scripts/generate-features.mjs)', async (language, page) => {
    const { render } = await script<Features>('generate-features.mjs');
    expect(read(page)).toBe(render(language));
  });

  test('finds tests by file and title, and refuses what proves nothing', async () => {
    const { problems, readTitles } = await script<Features>('generate-features.mjs');
    expect(problems(sections(`${file} > asks for more room`))).toEqual([]);
    expect(problems(sections(`${file} > flies to the moon`))).toHaveLength(1);
    expect(problems(sections('text/no-such.test.ts'))).toHaveLength(1);
    expect(problems(sections())).toEqual(['A: neither tests nor a reason']);
    const source = "describe('d', () => { it('a', f); test.each([1])('b %i', f); it(`c`, f); }); // it('no')";
    expect(readTitles(source)).toEqual(['a', 'b %i', 'c']);
  });

  const report = (...statuses: string[]) => ({
    testResults: [
      {
        name: `C:\\a\\packages\\easynlp\\src\\${file.replace('/', '\\')}`,
        assertionResults: statuses.map((status, i) => ({ title: `t ${i}`, status })),
      },
    ],
  });

  test('counts as done only what passed in the run that is given', async () => {
    const { readRun, render } = await script<Features>('generate-features.mjs');
    const state = (...statuses: string[]): string => {
      const run = readRun(report(...statuses));
      const page = render('en', { sections: sections(file, `${file} > t 0`), run });
      return /^\| A \| ([a-z ]+?)(?::| \|)/m.exec(page)![1]!;
    };
    expect(state('passed', 'passed')).toBe('done');
    expect(state('passed', 'skipped')).toBe('done');
    expect(state('passed', 'failed')).toBe('partly');
    expect(state('failed', 'failed')).toBe('not yet');
    expect(state('skipped', 'skipped')).toBe('not yet');
    expect(state()).toBe('not yet');
  });

  test('is compared with the results of all tests, slow ones included', async () => {
    const { checkRun, readRun, render } = await script<Features>('generate-features.mjs');
    const mine = sections(file, `${file} > t 0`);
    const page = (name: string) => render(name.includes('.zh.') ? 'zh' : 'en', { sections: mine });
    const check = (...reports: unknown[]) => checkRun(readRun(...reports), { sections: mine, page });
    expect(check(report('passed', 'passed'))).toEqual({ wrong: [], skipped: [] });
    // What could not be tried here is named and believed, until it is tried: slow tests have a report of their own.
    expect(check(report('skipped', 'passed'))).toEqual({ wrong: [], skipped: [`${file} > t 0`] });
    expect(check(report('skipped', 'passed'), report('passed'))).toEqual({ wrong: [], skipped: [] });
    expect(check(report('skipped', 'passed'), report('failed')).wrong[0]).toBe(`${file}: failed`);
    expect(check(report('failed', 'passed')).wrong).toEqual([
      ...[`${file}: failed`, `${file} > t 0: failed`],
      ...['docs/features.md', 'docs/features.zh.md'].map((name) => expect.stringContaining(name)),
    ]);
    expect(check({ testResults: [] }).wrong[0]).toBe(`${file}: did not run`);
    const other = (name: string) => `${page(name)}by hand\n`;
    const { wrong } = checkRun(readRun(report('passed')), { sections: mine, page: other });
    expect(wrong).toHaveLength(2);
  });
});
