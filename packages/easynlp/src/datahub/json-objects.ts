import { EasyNlpError } from '../errors/index.js';
import { readBytes } from './file-bytes.js';

/** An object of a JSON document's list. */
export interface ListedObject {
  readonly value: Readonly<Record<string, unknown>>;
  /** Where it stands in the document, `data[3]`. */
  readonly field: string;
  /** Line of this object, and of every object inside of it. */
  readonly lines: ReadonlyMap<object, number>;
}

/** Longest object: what is not closed would otherwise collect the rest of the file. */
const LONGEST = 256 * 1024 * 1024;

/**
 * The objects of a list in a JSON document, one by one: of the document itself when it is a list, or else of its field
 * of one of these names. Nothing but one object is held in memory.
 *
 * @throws EasyNlpError DATA_ROW_MALFORMED naming file, line and field, also for what is not UTF-8
 */
export async function* jsonObjects(
  path: string,
  names: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<ListedObject, void, undefined> {
  const scanner = new Scanner(path, names);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (block?: Buffer): string => {
    try {
      return block ? decoder.decode(block, { stream: true }) : decoder.decode();
    } catch (cause) {
      const hint = 'Convert the file to UTF-8 first, e.g. `iconv -f GB18030 -t UTF-8 old.json > new.json`.';
      const details = { file: path, line: scanner.line, reason: 'not valid UTF-8', hint };
      throw new EasyNlpError('DATA_ROW_MALFORMED', details, { cause });
    }
  };
  for await (const block of readBytes(path, signal)) yield* scanner.read(decode(block));
  yield* scanner.read(decode());
  scanner.end();
}

/** Cuts the objects out of the text; what is in them is `JSON.parse`'s. */
class Scanner {
  line = 1;
  private depth = 0;
  private inString = false;
  private escaped = false;
  /** Text of the object that is being collected, and the line on which it begins. */
  private held = '';
  private heldLine = 1;
  private collecting = false;
  /** Depth of the list's objects: 2 in a list, 3 in a field of an object. */
  private level = 0;
  /** The last string at depth 1, which may be a field's name. */
  private name = '';
  private list: string | null = null;
  private number = 0;

  constructor(
    private readonly path: string,
    private readonly names: readonly string[],
  ) {}

  *read(text: string): Generator<ListedObject> {
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === 10) this.line++;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (c === 92) this.escaped = true;
        else if (c === 34) this.inString = false;
        if (this.inString && this.depth === 1) this.name += text[i]!;
        continue;
      }
      if (c === 34) {
        this.inString = true;
        if (this.depth === 1) this.name = '';
      } else if (c === 123 || c === 91) {
        this.open(c === 91);
        if (this.collecting && this.depth === this.level) from = i;
      } else if (c === 125 || c === 93) {
        const closes = this.collecting && this.depth === this.level;
        this.depth--;
        if (closes) {
          this.collecting = false;
          const whole = this.held + text.slice(from, i + 1);
          this.held = '';
          yield this.parse(whole);
        } else if (this.depth < this.level - 1) this.list = null;
        if (this.depth < 0) throw this.fail('a bracket closes nothing');
      }
    }
    if (!this.collecting) return;
    this.held += text.slice(from);
    if (this.held.length > LONGEST) throw this.fail('an object of more than 256 MiB');
  }

  private open(isList: boolean): void {
    this.depth++;
    if (
      isList &&
      this.list === null &&
      (this.depth === 1 || (this.depth === 2 && this.names.includes(this.name)))
    ) {
      this.level = this.depth + 1;
      this.list = this.depth === 1 ? '' : this.name;
      this.number = 0;
    } else if (!isList && this.list !== null && this.depth === this.level) {
      this.collecting = true;
      this.heldLine = this.line;
    }
  }

  private parse(text: string): ListedObject {
    const field = `${this.list}[${this.number++}]`;
    let value: Readonly<Record<string, unknown>>;
    try {
      value = JSON.parse(text) as Readonly<Record<string, unknown>>;
    } catch (cause) {
      const { message } = cause as Error;
      const at = Number(/position (\d+)/.exec(message)?.[1] ?? 0);
      throw this.fail(
        `not valid JSON: ${message}`,
        { line: this.heldLine + (text.slice(0, at).match(/\n/g)?.length ?? 0), column: field },
        cause,
      );
    }
    return { value, field, lines: linesOf(value, text, this.heldLine) };
  }

  private fail(reason: string, place: object = {}, cause?: unknown): EasyNlpError {
    return new EasyNlpError(
      'DATA_ROW_MALFORMED',
      { file: this.path, line: this.line, ...place, reason },
      cause === undefined ? {} : { cause },
    );
  }

  /** @throws EasyNlpError DATA_ROW_MALFORMED when the document is cut short */
  end(): void {
    if (this.depth === 0 && !this.inString) return;
    throw this.fail(
      this.collecting
        ? `the file ends within an object that begins on line ${this.heldLine}`
        : 'the file ends too early',
    );
  }
}

/** The line of each object inside, by the order in which they begin: that of the text is that of their keys. */
function linesOf(value: object, text: string, first: number): ReadonlyMap<object, number> {
  const begins: number[] = [];
  let line = first;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10) line++;
    if (inString) {
      if (c === 92) i++;
      else if (c === 34) inString = false;
    } else if (c === 34) inString = true;
    else if (c === 123) begins.push(line);
  }
  const lines = new Map<object, number>();
  let next = 0;
  const visit = (item: unknown): void => {
    if (typeof item !== 'object' || item === null) return;
    if (!Array.isArray(item)) lines.set(item, begins[next++] ?? first);
    for (const inner of Object.values(item)) visit(inner);
  };
  visit(value);
  // A field that is there twice leaves one object out: rather no lines than wrong ones.
  return next === begins.length ? lines : new Map([[value, first]]);
}
