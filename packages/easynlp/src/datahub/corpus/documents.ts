import { EasyNlpError } from '../../errors/index.js';
import { readLines } from '../line-reader.js';
import type { CorpusSource, DocumentLayout } from './sources.js';

/** A longer document is cut between lines, so that a file in the wrong layout cannot fill the memory. */
export const LONGEST_DOCUMENT = 1_000_000;
/** Characters at the beginning of a file that decide on its layout. */
const SAMPLE = 4_000_000;

export interface CorpusDocument {
  /** Lines or sentences, joined by a line end. */
  readonly text: string;
  /** Line of the file where it begins, from 1. */
  readonly line: number;
}

/**
 * The documents of one file (plain, gzip or xz) in flat memory, empty ones left out.
 * Throws DATA_FILE_NOT_FOUND, DATA_ENCODING, DATA_COMPRESSED, and DATA_ROW_MALFORMED for wrong JSON Lines.
 */
export async function* readDocuments(
  source: CorpusSource,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<CorpusDocument, void, undefined> {
  const layout = source.layout === 'auto' ? await detectLayout(source.path) : source.layout;
  const blocks = readLines(source.path, { blankIsRow: true, signal: options.signal });
  let paragraphs: string[] = [];
  let characters = 0;
  let begin = 1;
  for await (const { lines, first } of blocks) {
    for (let i = 0; i < lines.length; i++) {
      const raw = lines[i]!;
      const line = first + i;
      const text = raw.trim();
      if (layout === 'line') {
        if (text !== '') yield { text, line };
      } else if (layout === 'jsonl') {
        if (text === '') continue;
        const content = parseJsonLine(text, source.path, line);
        if (content !== '') yield { text: content, line };
      } else {
        if (text !== '') {
          if (paragraphs.length === 0) begin = line;
          paragraphs.push(text);
          characters += text.length;
        }
        if ((text === '' || characters >= LONGEST_DOCUMENT) && paragraphs.length > 0) {
          yield { text: paragraphs.join('\n'), line: begin };
          paragraphs = [];
          characters = 0;
        }
      }
    }
  }
  if (paragraphs.length > 0) yield { text: paragraphs.join('\n'), line: begin };
}

/**
 * `jsonl` when the first line that is not blank is a JSON object; else `blank-line` when a blank line stands
 * between others in the first four million characters; else `line`.
 */
export async function detectLayout(path: string): Promise<Exclude<DocumentLayout, 'auto'>> {
  let seen = 0;
  let started = false;
  let blank = false;
  for await (const { lines } of readLines(path, { blankIsRow: true })) {
    for (const raw of lines) {
      const text = raw.trim();
      if (!started && text !== '') {
        started = true;
        if (isJsonObject(text)) return 'jsonl';
      }
      if (text === '') blank ||= started;
      else if (blank) return 'blank-line';
      seen += raw.length + 1;
      if (seen > SAMPLE) return 'line';
    }
  }
  return 'line';
}

function isJsonObject(text: string): boolean {
  if (!text.startsWith('{')) return false;
  try {
    return typeof JSON.parse(text) === 'object';
  } catch {
    return false;
  }
}

function parseJsonLine(text: string, file: string, line: number): string {
  const wrong = (reason: string) =>
    new EasyNlpError('DATA_ROW_MALFORMED', {
      file,
      line,
      reason,
      hint: 'Expected {"text": ["sentence", "sentence"]} or {"text": "document"} on each line.',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(`not valid JSON (${(error as Error).message})`);
  }
  const content = (value as { text?: unknown } | null)?.text;
  if (typeof content === 'string') return content.trim();
  if (Array.isArray(content) && content.every((part) => typeof part === 'string')) {
    return content
      .map((part: string) => part.trim())
      .filter((part) => part !== '')
      .join('\n');
  }
  throw wrong('no field "text" that is a string or a list of strings');
}
