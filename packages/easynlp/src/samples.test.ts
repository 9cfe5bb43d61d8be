import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Review {
  label: string;
  text: string;
  domain: string;
}

const folder = fileURLToPath(new URL('../samples/reviews/', import.meta.url));

function read(name: string): { raw: string; rows: Review[] } {
  const raw = readFileSync(`${folder}${name}.tsv`, 'utf8');
  const lines = raw.trimEnd().split('\n');
  expect(lines[0]).toBe('label\ttext\tdomain');
  const rows = lines.slice(1).map((line, index) => {
    const fields = line.split('\t');
    expect(fields, `${name}.tsv line ${index + 2}`).toHaveLength(3);
    return { label: fields[0]!, text: fields[1]!, domain: fields[2]! };
  });
  return { raw, rows };
}

/** The text without marks and spaces: changing only these must not hide a duplicate. */
const bare = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, '');

function pieces(text: string, size = 5): Set<string> {
  const characters = [...bare(text)];
  const count = Math.max(1, characters.length - size + 1);
  return new Set(Array.from({ length: count }, (_, i) => characters.slice(i, i + size).join('')));
}

function jaccard(a: Set<string>, b: Set<string>): number {
  let shared = 0;
  for (const piece of a) if (b.has(piece)) shared++;
  return shared / (a.size + b.size - shared);
}

function nearDuplicates(texts: readonly string[], limit = 0.6): string[] {
  const sets = texts.map((text) => pieces(text));
  const found: string[] = [];
  for (let i = 0; i < sets.length; i++) {
    for (let j = 0; j < i; j++) {
      if (jaccard(sets[i]!, sets[j]!) > limit) found.push(`${texts[j]} | ${texts[i]}`);
    }
  }
  return found;
}

const files = { train: read('train'), dev: read('dev') };
const all = [...files.train.rows, ...files.dev.rows];

describe('the review sample', () => {
  it.each([
    ['train', 480],
    ['dev', 120],
  ] as const)('%s.tsv has %i rows, balanced over labels and domains', (name, size) => {
    const { raw, rows } = files[name];
    expect(rows).toHaveLength(size);
    expect(raw.startsWith('\uFEFF')).toBe(false);
    expect(raw).not.toMatch(/[\r"\uFFFD]/);
    expect(raw.endsWith('\n')).toBe(true);
    for (const domain of ['餐饮', '酒店', '数码']) {
      for (const label of ['好评', '差评']) {
        const count = rows.filter((row) => row.domain === domain && row.label === label).length;
        expect(count, `${name} ${domain} ${label}`).toBe(size / 6);
      }
    }
  });

  it('has texts of 6 to 120 characters, mostly Chinese, of varied length', () => {
    for (const { text } of all) {
      expect(text).toBe(text.trim());
      expect([...text].length, text).toBeGreaterThanOrEqual(6);
      expect([...text].length, text).toBeLessThanOrEqual(120);
      expect(text).toMatch(/\p{Script=Han}/u);
    }
    const lengths = all.map(({ text }) => [...text].length);
    expect(lengths.filter((length) => length <= 12).length).toBeGreaterThan(20);
    expect(lengths.filter((length) => length >= 60).length).toBeGreaterThan(30);
  });

  it('has no duplicates and no near-duplicates, within a file or from train to dev', () => {
    expect(new Set(all.map(({ text }) => bare(text))).size).toBe(all.length);
    expect(nearDuplicates(all.map(({ text }) => text))).toEqual([]);
  });

  it('would notice a near-duplicate', () => {
    const text = all.find((row) => row.text.length > 30)!.text;
    expect(nearDuplicates([text, `${text}推荐`])).toHaveLength(1);
    expect(nearDuplicates([text, text.replaceAll('，', ' ')])).toHaveLength(1);
  });

  it('does not start or end its reviews alike, as filled-in templates would', () => {
    for (const cut of [(t: string) => t.slice(0, 4), (t: string) => t.slice(-4)]) {
      const counts = new Map<string, number>();
      for (const { text } of all) counts.set(cut(bare(text)), (counts.get(cut(bare(text))) ?? 0) + 1);
      expect(Math.max(...counts.values())).toBeLessThanOrEqual(4);
    }
  });
});
