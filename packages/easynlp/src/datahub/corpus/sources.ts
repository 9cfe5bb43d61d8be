import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';

/**
 * How a file holds its documents: `blank-line` – paragraphs on lines, documents separated by blank lines;
 * `line` – one document a line; `jsonl` – EasyNLP's JSON Lines, `{"text": ["sentence", …]}` (or one string);
 * `auto` – found out from the beginning of the file.
 */
export type DocumentLayout = 'auto' | 'blank-line' | 'line' | 'jsonl';
export const DOCUMENT_LAYOUTS: readonly DocumentLayout[] = ['auto', 'blank-line', 'line', 'jsonl'];

/** One file of documents; its name identifies it in weights, reports and evaluation. */
export interface CorpusSource {
  readonly name: string;
  readonly path: string;
  readonly layout: DocumentLayout;
}

const DATA_FILE = /\.(txt|text|jsonl|json|ndjson)(\.(gz|xz))?$/i;

/**
 * The files that `inputs` stand for, sorted by name: files as they are, folders for their `.txt`, `.jsonl` and
 * `.json` files (`.gz` and `.xz` too, sub-folders not), patterns with `*` and `?` in the last part of the path.
 * A source is named by its file without extensions. Throws DATA_FILE_NOT_FOUND, DATA_SOURCE.
 */
export async function findSources(
  inputs: readonly string[],
  options: { readonly layout?: DocumentLayout } = {},
): Promise<CorpusSource[]> {
  const paths: string[] = [];
  for (const input of inputs) paths.push(...(await expand(input)));
  const byName = new Map<string, string>();
  for (const path of paths) {
    const name = sourceName(path);
    const other = byName.get(name);
    if (other === path) continue;
    if (other !== undefined) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `${other} and ${path} would both be the source "${name}"`,
        hint: 'Rename one of them: a source is named by its file without extensions.',
      });
    }
    byName.set(name, path);
  }
  if (byName.size === 0) throw new EasyNlpError('DATA_SOURCE', { reason: 'no input was given' });
  const layout = options.layout ?? 'auto';
  return Array.from(byName, ([name, path]) => ({ name, path, layout })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}

export function sourceName(path: string): string {
  return basename(path).replace(DATA_FILE, '') || basename(path);
}

async function expand(input: string): Promise<string[]> {
  const info = await stat(input).catch(() => null);
  if (info?.isDirectory()) {
    const names = (await readdir(input)).filter((name) => DATA_FILE.test(name)).sort();
    if (names.length === 0) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `the folder ${input} holds no text or JSON Lines file`,
      });
    }
    return names.map((name) => join(input, name));
  }
  if (info !== null) return [input];
  const pattern = basename(input);
  const folder = dirname(input);
  const names = await readdir(folder).catch((): string[] => []);
  if (/[*?]/.test(pattern)) {
    const matcher = new RegExp(
      `^${pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replace(/\*/g, '.*')
        .replace(/\?/g, '.')}$`,
      'u',
    );
    const found = names.filter((name) => matcher.test(name)).sort();
    if (found.length === 0) throw new EasyNlpError('DATA_SOURCE', { reason: `no file matches ${input}` });
    return found.map((name) => join(folder, name));
  }
  throw new EasyNlpError('DATA_FILE_NOT_FOUND', { file: input, suggestion: nearest(pattern, names) });
}
