import type { PickleCursor } from './pickle-cursor.js';
import { PickleError, PickleGlobal, PickleTuple } from './pickle-values.js';

/** What a pickle may name and refer to. Whatever `resolve` does not know is refused. */
export interface UnpickleOptions {
  /** Looks up a global of the allow-list; undefined refuses it. */
  resolve(module: string, name: string): PickleGlobal | undefined;
  /** Answers a persistent id (torch: a storage). Without it such ids are refused. */
  persistentLoad?(id: unknown): unknown;
  /** Largest nesting of open marks. Default 1,000. */
  readonly maxMarks?: number;
}

const MARK_LIMIT = 1_000;
// 256-bit integers are more than any checkpoint holds; converting huge ones costs quadratic time.
const MAX_INTEGER_BYTES = 1_024;

/**
 * Reads one pickle (protocols 0 to 5) from the cursor and leaves it behind the STOP opcode.
 *
 * Python's unpickler is a small machine that imports and calls what the file names; this one has no way to reach
 * anything but the entries of `resolve`. Lists become arrays, tuples `PickleTuple`, dictionaries Maps, sets Sets,
 * bytes Uint8Arrays; integers beyond 2⁵³ are bigints. The machine does not recurse, and each opcode creates at most
 * one value, so work and memory stay proportional to the pickle's length.
 *
 * @throws PickleError with `refused` set for forbidden globals and opcodes, else for malformed input.
 */
export function unpickle(cursor: PickleCursor, options: UnpickleOptions): unknown {
  return new Unpickler(cursor, options).run();
}

class Unpickler {
  #stack: unknown[] = [];
  /** Stack heights at the open marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  readonly #maxMarks: number;

  constructor(
    private readonly cursor: PickleCursor,
    private readonly options: UnpickleOptions,
  ) {
    this.#maxMarks = options.maxMarks ?? MARK_LIMIT;
  }

  run(): unknown {
    for (;;) {
      const opcode = this.cursor.u8();
      if (opcode === 0x2e) return this.#pop(); // STOP
      if (!(this.#literal(opcode) || this.#container(opcode) || this.#machine(opcode))) {
        throw this.#malformed(`unknown opcode 0x${opcode.toString(16).padStart(2, '0')}`);
      }
    }
  }

  /** Opcodes that push a constant. */
  #literal(opcode: number): boolean {
    const { cursor } = this;
    switch (opcode) {
      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4b: // BININT1
        return this.#push(cursor.u8());
      case 0x4d: // BININT2
        return this.#push(cursor.u16());
      case 0x4a: // BININT
        return this.#push(cursor.i32());
      case 0x8a: // LONG1
        return this.#push(this.#long(cursor.u8()));
      case 0x8b: // LONG4
        return this.#push(this.#long(cursor.i32()));
      case 0x47: // BINFLOAT
        return this.#push(cursor.f64());
      case 0x49: // INT
      case 0x4c: // LONG
        return this.#push(this.#decimal(cursor.line()));
      case 0x46: // FLOAT
        return this.#push(this.#float(cursor.line()));
      case 0x53: // STRING
        return this.#push(this.#quoted(cursor.line()));
      case 0x55: // SHORT_BINSTRING
        return this.#push(latinOrUtf8(cursor.bytes(cursor.u8())));
      case 0x54: // BINSTRING
        return this.#push(latinOrUtf8(cursor.bytes(cursor.i32())));
      case 0x56: // UNICODE
        return this.#push(this.#rawUnicode(cursor.line()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(this.#utf8(cursor.bytes(cursor.u8())));
      case 0x58: // BINUNICODE
        return this.#push(this.#utf8(cursor.bytes(cursor.u32())));
      case 0x8d: // BINUNICODE8
        return this.#push(this.#utf8(cursor.bytes(cursor.u64())));
      case 0x43: // SHORT_BINBYTES
        return this.#push(cursor.bytes(cursor.u8()));
      case 0x42: // BINBYTES
        return this.#push(cursor.bytes(cursor.u32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#push(cursor.bytes(cursor.u64()));
      default:
        return false;
    }
  }

  /** Opcodes that build lists, tuples, dictionaries and sets. */
  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x5d: // EMPTY_LIST
        return this.#push([]);
      case 0x6c: // LIST
        return this.#push(this.#popMark());
      case 0x29: // EMPTY_TUPLE
        return this.#push(new PickleTuple([]));
      case 0x85: // TUPLE1
        return this.#push(new PickleTuple([this.#pop()]));
      case 0x86: // TUPLE2
        return this.#push(new PickleTuple(this.#popMany(2)));
      case 0x87: // TUPLE3
        return this.#push(new PickleTuple(this.#popMany(3)));
      case 0x74: // TUPLE
        return this.#push(new PickleTuple(this.#popMark()));
      case 0x7d: // EMPTY_DICT
        return this.#push(new Map());
      case 0x64: {
        // DICT
        const items = this.#popMark();
        this.#push(new Map());
        return this.#setItems(items);
      }
      case 0x8f: // EMPTY_SET
        return this.#push(new Set());
      case 0x91: // FROZENSET
        return this.#push(new Set(this.#popMark()));
      case 0x61: // APPEND
        return this.#append(this.#popMany(1));
      case 0x65: // APPENDS
        return this.#append(this.#popMark());
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark());
      case 0x90: {
        // ADDITEMS
        const items = this.#popMark();
        const set = this.#top();
        if (!(set instanceof Set)) throw this.#malformed('ADDITEMS on something that is no set');
        for (const item of items) set.add(item);
        return true;
      }
      default:
        return false;
    }
  }

  /** Opcodes that steer the machine: stack, memo, globals, calls. */
  #machine(opcode: number): boolean {
    const { cursor } = this;
    switch (opcode) {
      case 0x80: {
        // PROTO
        const version = cursor.u8();
        if (version > 5) throw this.#malformed(`protocol ${version} is newer than 5`);
        return true;
      }
      case 0x95: // FRAME
        cursor.require(cursor.u64());
        return true;
      case 0x28: // MARK
        if (this.#marks.length >= this.#maxMarks)
          throw this.#malformed(`nested deeper than ${this.#maxMarks}`);
        this.#marks.push(this.#stack.length);
        return true;
      case 0x30: // POP
        if (this.#stack.length > this.#floor()) this.#stack.pop();
        else this.#popMark();
        return true;
      case 0x31: // POP_MARK
        this.#popMark();
        return true;
      case 0x32: // DUP
        return this.#push(this.#top());
      case 0x71: // BINPUT
        return this.#remember(cursor.u8());
      case 0x72: // LONG_BINPUT
        return this.#remember(cursor.u32());
      case 0x70: // PUT
        return this.#remember(this.#index(cursor.line()));
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.size);
      case 0x68: // BINGET
        return this.#recall(cursor.u8());
      case 0x6a: // LONG_BINGET
        return this.#recall(cursor.u32());
      case 0x67: // GET
        return this.#recall(this.#index(cursor.line()));
      case 0x63: // GLOBAL
        return this.#push(this.#global(ascii(cursor.line()), ascii(cursor.line())));
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.#popMany(2);
        if (typeof module !== 'string' || typeof name !== 'string') {
          throw this.#malformed('STACK_GLOBAL without two strings');
        }
        return this.#push(this.#global(module, name));
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.#popMany(2);
        return this.#push(this.#call(callee, args));
      }
      case 0x92: {
        // NEWOBJ_EX
        const [callee, args, named] = this.#popMany(3);
        if (!(named instanceof Map) || named.size > 0)
          throw this.#malformed('NEWOBJ_EX with named arguments');
        return this.#push(this.#call(callee, args));
      }
      case 0x69: {
        // INST
        const callee = this.#global(ascii(cursor.line()), ascii(cursor.line()));
        return this.#push(this.#call(callee, new PickleTuple(this.#popMark())));
      }
      case 0x6f: {
        // OBJ
        const [callee, ...args] = this.#popMark();
        return this.#push(this.#call(callee, new PickleTuple(args)));
      }
      case 0x62: {
        // BUILD: attributes of an OrderedDict (`_metadata` of a state dict) are not needed; nothing else has any.
        this.#pop();
        if (!(this.#top() instanceof Map)) throw this.#refused('setting the attributes of an object (BUILD)');
        return true;
      }
      case 0x50: // PERSID
        return this.#persistent(ascii(cursor.line()));
      case 0x51: // BINPERSID
        return this.#persistent(this.#pop());
      case 0x82: // EXT1
      case 0x83: // EXT2
      case 0x84: // EXT4
        throw this.#refused('an object from the extension registry (EXT)');
      case 0x97: // NEXT_BUFFER
      case 0x98: // READONLY_BUFFER
        throw this.#refused('an out-of-band buffer');
      default:
        return false;
    }
  }

  #global(module: string, name: string): PickleGlobal {
    const found = this.options.resolve(module, name);
    if (found !== undefined) return found;
    const full = `${module}.${name}`;
    throw new PickleError(`the global ${printable(full)}`, this.cursor.position, full);
  }

  #call(callee: unknown, args: unknown): unknown {
    if (!(callee instanceof PickleGlobal)) throw this.#malformed('a call of something that is no global');
    if (!(args instanceof PickleTuple)) throw this.#malformed(`arguments of ${callee.name} are no tuple`);
    if (callee.call === undefined) {
      throw new PickleError(`a call of ${callee.name}`, this.cursor.position, callee.name);
    }
    return callee.call(args.items);
  }

  #persistent(id: unknown): boolean {
    if (this.options.persistentLoad === undefined) throw this.#refused('a persistent id');
    return this.#push(this.options.persistentLoad(id));
  }

  #append(items: unknown[]): boolean {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#malformed('APPEND on something that is no list');
    for (const item of items) list.push(item);
    return true;
  }

  #setItems(items: unknown[]): boolean {
    const map = this.#top();
    if (!(map instanceof Map)) throw this.#malformed('SETITEM on something that is no dictionary');
    if (items.length % 2 !== 0) throw this.#malformed('a dictionary key without a value');
    for (let at = 0; at < items.length; at += 2) map.set(items[at], items[at + 1]);
    return true;
  }

  #remember(index: number): boolean {
    this.#memo.set(index, this.#top());
    return true;
  }

  #recall(index: number): boolean {
    if (!this.#memo.has(index)) throw this.#malformed(`memo entry ${index} was never set`);
    return this.#push(this.#memo.get(index));
  }

  /** Height below which pops may not reach: that of the innermost open mark. */
  #floor(): number {
    return this.#marks.at(-1) ?? 0;
  }

  #push(value: unknown): true {
    this.#stack.push(value);
    return true;
  }

  #top(): unknown {
    if (this.#stack.length <= this.#floor()) throw this.#malformed('stack underflow');
    return this.#stack.at(-1);
  }

  #pop(): unknown {
    if (this.#stack.length <= this.#floor()) throw this.#malformed('stack underflow');
    return this.#stack.pop();
  }

  #popMany(count: number): unknown[] {
    if (this.#stack.length - count < this.#floor()) throw this.#malformed('stack underflow');
    return this.#stack.splice(this.#stack.length - count);
  }

  #popMark(): unknown[] {
    const start = this.#marks.pop();
    if (start === undefined) throw this.#malformed('no open mark');
    return this.#stack.splice(start);
  }

  #long(length: number): number | bigint {
    if (length < 0 || length > MAX_INTEGER_BYTES) throw this.#malformed(`an integer of ${length} bytes`);
    if (length === 0) return 0;
    const bytes = this.cursor.bytes(length);
    const hex = Buffer.from(bytes).reverse().toString('hex');
    return shrink(BigInt.asIntN(8 * length, BigInt(`0x${hex}`)));
  }

  #decimal(line: Uint8Array): number | bigint | boolean {
    const text = ascii(line);
    if (text === '00') return false;
    if (text === '01') return true;
    const match = /^\s*([+-]?)(\d+)L?\s*$/.exec(text);
    if (match === null || text.length > MAX_INTEGER_BYTES) throw this.#malformed('a malformed integer');
    const value = BigInt(match[2] as string);
    return shrink(match[1] === '-' ? -value : value);
  }

  #index(line: Uint8Array): number {
    const value = this.#decimal(line);
    return typeof value === 'number' && value >= 0 ? value : Number(value === true);
  }

  #float(line: Uint8Array): number {
    const text = ascii(line).trim();
    if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
    const special = /^([+-]?)(inf|nan)$/.exec(text);
    if (special === null) throw this.#malformed('a malformed number');
    if (special[2] === 'nan') return Number.NaN;
    return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }

  #quoted(line: Uint8Array): string {
    const text = ascii(line).trim();
    const quote = text[0];
    if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) {
      throw this.#malformed('a string without quotes');
    }
    const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', '\\': '\\', "'": "'", '"': '"' };
    return text
      .slice(1, -1)
      .replace(/\\(x[0-9a-fA-F]{2}|.)/g, (all, code: string) =>
        code.length > 1 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (escapes[code] ?? all),
      );
  }

  #rawUnicode(line: Uint8Array): string {
    return ascii(line).replace(
      /\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g,
      (_, short?: string, long?: string) => {
        const code = Number.parseInt((short ?? long) as string, 16);
        if (code > 0x10ffff) throw this.#malformed('a character beyond Unicode');
        return String.fromCodePoint(code);
      },
    );
  }

  #utf8(bytes: Uint8Array): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#malformed('a string that is not UTF-8');
    }
  }

  #malformed(reason: string): PickleError {
    return new PickleError(reason, this.cursor.position);
  }

  #refused(what: string): PickleError {
    return new PickleError(what, this.cursor.position, what);
  }
}

function shrink(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Strings of Python 2 have no encoding; torch reads them as UTF-8 where that works. */
function latinOrUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return ascii(bytes);
  }
}

function printable(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: names come from the file and go to a terminal.
  const clean = name.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
  return clean.length > 120 ? `${clean.slice(0, 120)}…` : clean;
}
