import { EasyNlpError } from '../errors/index.js';
import { requireColumns } from './columns.js';
import { readBytes } from './file-bytes.js';
import { jsonObjects } from './json-objects.js';
import type { Cell, Column, DataSource, Row } from './types.js';

/** EasyNLP's names of the columns. */
const COLUMNS = [
  'qas_id',
  'context_text',
  'question_text',
  'answer_text',
  'start_position_character',
  'title',
];

/** Text that is looked at to see whether a file is of this kind. */
const LOOKED_AT = 64 * 1024;

/** Whether a JSON file begins as SQuAD, CMRC 2018 or DRCD do, and not as JSON Lines. */
export async function looksLikeSquad(path: string): Promise<boolean> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const block of readBytes(path)) {
    text += decoder.decode(block, { stream: true });
    if (text.length >= LOOKED_AT) break;
  }
  const begin = text.replace(/^\ufeff/, '').trimStart();
  if (begin.startsWith('{')) return /^\{\s*(?:"version"\s*:\s*[^,{[]*,\s*)?"data"\s*:\s*\[\s*\{/.test(begin);
  return /^\[\s*\{/.test(begin) && /"(?:qas|paragraphs)"\s*:\s*\[/.test(begin);
}

/**
 * Questions about texts in one JSON document: `{"data": [{"title", "paragraphs": [{"context", "qas": [{"id",
 * "question", "answers": [{"text", "answer_start"}], "is_impossible"}]}]}]}` (SQuAD 1.1 and 2, DRCD, CMRC 2018), or CMRC
 * 2018's older list `[{"context_id", "context_text", "title", "qas": [{"query_id", "query_text", "answers": […]}]}]`.
 *
 * Each question is a row with EasyNLP's columns; `answer_text` and `start_position_character` are lists, empty for a
 * question without an answer. A row's line is the one on which its question begins. The document is read article by
 * article, so that files may be larger than memory.
 */
export function squadTable(path: string, options: { columns: readonly string[] | undefined }): DataSource {
  if (options.columns) requireColumns(options.columns, COLUMNS, { file: path });
  return new SquadTable(path, options.columns ?? COLUMNS);
}

class SquadTable implements DataSource {
  readonly name: string;
  readonly columns: readonly Column[];
  #count: Promise<number> | undefined;

  constructor(path: string, wanted: readonly string[]) {
    this.name = path;
    this.columns = wanted.map((name) => ({ name, type: 'str', length: 1 }));
  }

  async *rows(options: { start?: number; signal?: AbortSignal } = {}): AsyncGenerator<Row, void, undefined> {
    let skip = options.start ?? 0;
    let found = false;
    for await (const { value, lines, field } of jsonObjects(this.name, ['data'], options.signal)) {
      for (const row of questionsOf(value, field, { file: this.name, lines })) {
        found = true;
        if (skip-- > 0) continue;
        const values = Object.fromEntries(this.columns.map(({ name }) => [name, row.values[name]!]));
        yield { ...row, values };
      }
    }
    if (!found) throw new EasyNlpError('DATA_EMPTY', { file: this.name, reason: 'it holds no questions' });
  }

  count(): Promise<number> {
    this.#count ??= (async () => {
      let count = 0;
      for await (const _ of this.rows()) count++;
      return count;
    })();
    this.#count.catch(() => {
      this.#count = undefined;
    });
    return this.#count;
  }
}

interface Place {
  readonly file: string;
  /** Lines of the objects inside of the one that is read. */
  readonly lines: ReadonlyMap<object, number>;
}

type Json = Readonly<Record<string, unknown>>;

/** Walks through one object, and knows where it is for messages. */
class Node {
  constructor(
    readonly json: Json,
    readonly field: string,
    readonly line: number,
    private readonly place: Place,
  ) {}

  fail(name: string, reason: string): EasyNlpError {
    return new EasyNlpError('DATA_ROW_MALFORMED', {
      file: this.place.file,
      line: this.line,
      column: name === '' ? this.field : `${this.field}.${name}`,
      reason,
      hint: 'Expected SQuAD’s layout: data → paragraphs → context and qas → question, id, answers → text, answer_start.',
    });
  }

  /** The first of these fields that is there. */
  key(names: readonly string[]): string | undefined {
    return names.find((name) => this.json[name] !== undefined && this.json[name] !== null);
  }

  text(names: readonly string[], fallback?: string): string {
    const key = this.key(names);
    const value = key === undefined ? fallback : this.json[key];
    if (typeof value === 'string') return value;
    if (typeof value === 'number') return String(value);
    throw this.fail(key ?? names[0]!, key === undefined ? 'the field is missing' : 'not a text');
  }

  list(name: string): readonly unknown[] {
    const value = this.json[name];
    if (Array.isArray(value)) return value;
    throw this.fail(name, value === undefined ? 'the field is missing' : 'not a list');
  }

  children(name: string): Node[] {
    return this.list(name).map((item, i) => {
      if (typeof item !== 'object' || item === null || Array.isArray(item)) {
        throw this.fail(`${name}[${i}]`, 'not an object');
      }
      const line = this.place.lines.get(item) ?? this.line;
      return new Node(item as Json, `${this.field}.${name}[${i}]`, line, this.place);
    });
  }
}

function* questionsOf(article: Json, field: string, place: Place): Generator<Row> {
  const root = new Node(article, field, place.lines.get(article) ?? 1, place);
  const title = root.text(['title'], '');
  const paragraphs = root.key(['paragraphs']) === undefined ? [root] : root.children('paragraphs');
  for (const paragraph of paragraphs) {
    const context = paragraph.text(['context', 'context_text']);
    for (const question of paragraph.children('qas')) {
      const { texts, starts } = answersOf(question);
      const values: Record<string, Cell> = {
        qas_id: question.text(['id', 'query_id'], String(question.line)),
        context_text: context,
        question_text: question.text(['question', 'query_text']),
        answer_text: texts,
        start_position_character: starts,
        title,
      };
      yield { values, file: place.file, line: question.line };
    }
  }
}

/** Texts and places; −1 where a file has texts only. Test data without answers have none. */
function answersOf(question: Node): { texts: string[]; starts: number[] } {
  const texts: string[] = [];
  const starts: number[] = [];
  if (question.json.is_impossible === true || question.key(['answers']) === undefined)
    return { texts, starts };
  for (const [i, answer] of question.list('answers').entries()) {
    const field = `answers[${i}]`;
    if (typeof answer === 'string') {
      texts.push(answer);
      starts.push(-1);
      continue;
    }
    if (typeof answer !== 'object' || answer === null) throw question.fail(field, 'not an answer');
    const { text, answer_start: start = -1 } = answer as Json;
    if (typeof text !== 'string') throw question.fail(`${field}.text`, 'not a text');
    if (!Number.isSafeInteger(start)) throw question.fail(`${field}.answer_start`, 'not a whole number');
    texts.push(text);
    starts.push(start as number);
  }
  return { texts, starts };
}
