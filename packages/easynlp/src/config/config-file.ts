import { readFileSync } from 'node:fs';
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';
import { EasyNlpError } from '../errors/index.js';

/** Where a value stands in a file; lines and columns count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A config file's values, with the means to point at each of them. */
export interface ConfigFile {
  readonly file: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Position of a key (`at: 'key'`) or of its value. */
  position(path: readonly (string | number)[], at?: 'key' | 'value'): Position | undefined;
  /** A scalar as it was typed: `01` stays "01" where a string is wanted. */
  source(path: readonly (string | number)[]): string | undefined;
}

/** Reads a YAML or JSON config file (JSON is read as YAML, of which it is a subset). */
export function loadConfigFile(file: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason =
      code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'it is a folder' : (cause as Error).message;
    throw new EasyNlpError('CONFIG_FILE_UNREADABLE', { file, reason }, { cause });
  }
  return parseConfigText(text, file);
}

/** The same for text that is already in memory; `file` only names it in messages. */
export function parseConfigText(text: string, file: string): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ''), { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const problem = document.errors[0];
  if (problem) {
    throw new EasyNlpError('CONFIG_FILE_SYNTAX', { ...at(problem.pos[0]), reason: problem.message });
  }
  const root = document.contents;
  if (root !== null && !isMap(root)) {
    throw new EasyNlpError('CONFIG_FILE_SYNTAX', {
      ...at(root.range?.[0] ?? 0),
      reason: 'not a mapping of options',
    });
  }
  return {
    file,
    values: (document.toJS() ?? {}) as Record<string, unknown>,
    position(path, where = 'value') {
      const last = path.at(-1);
      const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : root;
      if (isMap(parent)) {
        const pair = parent.items.find(
          (p) => isPair(p) && isScalar(p.key) && String(p.key.value) === String(last),
        );
        const node = where === 'key' || !isNode(pair?.value) ? pair?.key : pair.value;
        if (isNode(node) && node.range) return at(node.range[0]);
      }
      const node = document.getIn(path, true);
      return isNode(node) && node.range ? at(node.range[0]) : undefined;
    },
    source(path) {
      const node = document.getIn(path, true);
      return isScalar(node) ? (node.source ?? undefined) : undefined;
    },
  };
}
