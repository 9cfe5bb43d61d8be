import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';

/** One part of a prompt, in the order of the text. */
export type PromptPiece =
  /** Text of the prompt itself. */
  | { readonly kind: 'text'; readonly text: string }
  /** The text that a row has in a column. */
  | { readonly kind: 'column'; readonly column: string }
  /** The block of [MASK] in the place of the label's word. */
  | { readonly kind: 'label' }
  /** A trainable token; they are numbered from 0. */
  | { readonly kind: 'pseudo'; readonly index: number }
  /** [SEP]; what follows is the second segment. */
  | { readonly kind: 'sep' };

/** A parsed pattern; plain JSON, stored with a trained model. */
export interface PromptPattern {
  /** As it was written. */
  readonly source: string;
  readonly pieces: readonly PromptPiece[];
  /** Columns that it reads, in the order of the table. */
  readonly columns: readonly string[];
  /** Number of pseudo tokens. */
  readonly pseudoTokens: number;
}

export interface ParsePatternOptions {
  /** Columns of the table. */
  readonly columns: readonly string[];
  /** The label's column: its name stands for the [MASK] block. */
  readonly label: string;
  /** Columns that must be in the pattern. */
  readonly required?: readonly string[];
}

interface Item {
  readonly text: string;
  readonly quoted: boolean;
  /** Where it begins, counted from 1. */
  readonly at: number;
}

const LABEL = '<label>';
const SEPARATOR = '<sep>';
const PSEUDO = /^<pseudo(?::(\d+))?>$/;
const SPECIAL = ['<label>', '<pseudo>', '<sep>'];

/**
 * Reads a pattern, EasyNLP's language with additions:
 *
 *     pattern = item, item, …            between ASCII commas; white space around an item does not count
 *     item    = a column's name          the text of that column
 *             | the label column's name  the [MASK] block; also <label>
 *             | <pseudo>                 one trainable token; <pseudo:3> three of them
 *             | <sep>                    [SEP], the rest is the second segment
 *             | "…"                      text of the prompt in which every character is allowed, commas, white space
 *                                        and names of columns too; \" is a quote, \\ a backslash
 *             | anything else            text of the prompt
 *
 * A bare item that looks like a name (letters, digits and `_` of ASCII) but is none is an error and not text, since it
 * mostly is a mistyped column.
 *
 * @example
 * parsePattern('sent1,label,用,sent2,概括。', { columns: ['sent1', 'sent2', 'label'], label: 'label' });
 * parsePattern('"It was ",label,". ",text', { columns: ['text', 'label'], label: 'label' });
 *
 * @throws EasyNlpError PROMPT_PATTERN with the place in the pattern
 */
export function parsePattern(source: string, options: ParsePatternOptions): PromptPattern {
  const { columns, label, required = [] } = options;
  const fail = (problem: string, at?: number, hint?: string): never => {
    throw new EasyNlpError('PROMPT_PATTERN', { pattern: source, column: at, problem, hint });
  };
  const texts = columns.filter((name) => name !== label);
  const known = `Columns: ${columns.join(', ')}. Text of the prompt that looks like a name goes into quotes: "…".`;
  const pieces: PromptPiece[] = [];
  let pseudoTokens = 0;
  let labelAt: number | null = null;

  for (const { text, quoted, at } of itemsOf(source, fail)) {
    const pseudo = quoted ? null : PSEUDO.exec(text);
    if (quoted) {
      if (text.trim() !== '') pieces.push({ kind: 'text', text });
    } else if (text === label || text === LABEL) {
      if (labelAt !== null) {
        fail(
          `the label stands here a second time, it was at character ${labelAt} already`,
          at,
          'A pattern has exactly one place for the label.',
        );
      }
      labelAt = at;
      pieces.push({ kind: 'label' });
    } else if (texts.includes(text)) {
      pieces.push({ kind: 'column', column: text });
    } else if (pseudo) {
      const count = Number(pseudo[1] ?? 1);
      if (count < 1 || count > 512) fail(`${text} is not between 1 and 512 tokens`, at);
      for (let i = 0; i < count; i++) pieces.push({ kind: 'pseudo', index: pseudoTokens++ });
    } else if (text === SEPARATOR) {
      pieces.push({ kind: 'sep' });
    } else if (/^<[A-Za-z_:0-9-]*>$/.test(text)) {
      const similar = nearest(text, SPECIAL);
      fail(
        `${text} is unknown`,
        at,
        `${similar ? `Did you mean ${similar}? ` : ''}There are ${SPECIAL.join(', ')}.`,
      );
    } else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) {
      const similar = nearest(text, [...columns]);
      const hint = text === 'label' ? `The label's column is ${label}: write ${label}, or ${LABEL}.` : known;
      fail(`there is no column "${text}"`, at, similar ? `Did you mean ${similar}? ${hint}` : hint);
    } else {
      pieces.push({ kind: 'text', text });
    }
  }
  if (labelAt === null) {
    fail(
      `the label is missing: nothing says where its word goes`,
      undefined,
      `Put ${label} (or ${LABEL}) between two commas, as in "sent1,${label},用,sent2,概括。".`,
    );
  }
  const used = new Set(pieces.flatMap((piece) => (piece.kind === 'column' ? [piece.column] : [])));
  if (used.size === 0) fail('it reads no column', undefined, known);
  const absent = required.find((name) => !used.has(name));
  if (absent !== undefined) {
    fail(`the column "${absent}" is not in it`, undefined, `Put ${absent} between two commas.`);
  }
  return { source, pieces, columns: texts.filter((name) => used.has(name)), pseudoTokens };
}

function itemsOf(source: string, fail: (problem: string, at?: number, hint?: string) => never): Item[] {
  const items: Item[] = [];
  let at = 0;
  const skip = () => {
    while (at < source.length && /\s/.test(source[at]!)) at++;
  };
  for (;;) {
    skip();
    const start = at;
    if (source[at] === '"') {
      let text = '';
      at++;
      while (source[at] !== '"') {
        if (at >= source.length) fail('the quote " is never closed', start + 1);
        if (source[at] === '\\') {
          at++;
          if (source[at] !== '"' && source[at] !== '\\') {
            fail(
              'a backslash stands before neither " nor \\',
              at,
              'Inside of quotes write \\" for a quote and \\\\ for a backslash.',
            );
          }
        }
        text += source[at++];
      }
      at++;
      skip();
      if (at < source.length && source[at] !== ',') {
        fail(
          'expected a comma after the closing "',
          at + 1,
          'Between two items stands a comma: "It was ",label.',
        );
      }
      items.push({ text, quoted: true, at: start + 1 });
    } else {
      while (at < source.length && source[at] !== ',') at++;
      const text = source.slice(start, at).trim();
      if (text === '') {
        fail(
          source.trim() === '' ? 'it is empty' : 'nothing stands between two commas here',
          start + 1,
          'A comma that belongs to the text is quoted: ",".',
        );
      }
      items.push({ text, quoted: false, at: start + 1 });
    }
    if (at >= source.length) return items;
    at++;
  }
}
