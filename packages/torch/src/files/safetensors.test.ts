import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { TorchError } from '../errors.js';
import { type FileDType, fileDType } from './file-dtype.js';
import { readSafetensorsHeader, SafetensorsFile } from './safetensors.js';
import { encodeSafetensors, type SafetensorsInput, writeSafetensors } from './safetensors-writer.js';

const slow = process.env.EASYNLP_SLOW_TESTS === '1';
const folder = mkdtempSync(join(tmpdir(), 'easynlp-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A file of the given header text and number of data bytes. */
function raw(header: string | Uint8Array, dataBytes = 0, claimed?: bigint): Uint8Array {
  const head = typeof header === 'string' ? Buffer.from(header) : Buffer.from(header);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(claimed ?? BigInt(head.length));
  return Buffer.concat([prefix, head, Buffer.alloc(dataBytes, 7)]);
}

function errorOf(action: () => unknown): TorchError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(TorchError);
    return error as TorchError;
  }
  throw new Error('no error was thrown');
}

const entry = (begin: number, end: number, shape: unknown = [end - begin], dtype = 'U8') =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

describe('attacks on the format', () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty file', new Uint8Array(0), /0 bytes/],
    ['7 bytes', new Uint8Array(7), /7 bytes/],
    ['zero header', raw(''), /does not start with '{'/],
    ['header longer than the file', raw('{}', 0, 3n), /claims 3 bytes, but only 2/],
    ['header over 100 MB', raw('{}', 0, 100_000_001n), /more than the allowed/],
    ['header length 2^63', raw('{}', 0, 2n ** 63n), /more than the allowed/],
    ['header length 2^64 - 1', raw('{}', 0, 2n ** 64n - 1n), /more than the allowed/],
    ['leading space', raw(' {}'), /does not start/],
    ['byte order mark', raw('\ufeff{}'), /does not start/],
    ['array', raw('[]'), /does not start/],
    ['not JSON', raw('{a:1}'), /not valid JSON.*character 1/],
    ['two documents', raw('{}{}'), /unexpected text after the end at character 2/],
    ['NUL padding', raw('{}\0\0'), /unexpected text/],
    ['not UTF-8', raw(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])), /UTF-8/],
    ['overlong UTF-8', raw(Buffer.from([0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d])), /UTF-8/],
    ['lone surrogate', raw(`{"\\ud800":${entry(0, 0)}}`), /lone surrogate/],
    ['deep JSON', raw(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`), /nested deeper/],
    ['deep unclosed JSON', raw(`{"a":${'{"a":'.repeat(100_000)}`), /nested deeper/],
    ['duplicate tensor', raw(`{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, 4), /duplicate key "a"/],
    ['duplicate by escape', raw(`{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, 4), /duplicate key "a"/],
    [
      'duplicate field',
      raw('{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1),
      /duplicate/,
    ],
    ['duplicate metadata', raw('{"__metadata__":{"a":"1","a":"2"}}'), /duplicate/],
    ['metadata number', raw('{"__metadata__":{"a":1}}'), /__metadata__ 'a' is not a string/],
    ['metadata array', raw('{"__metadata__":[]}'), /__metadata__ is not an object/],
    ['entry no object', raw('{"a":5}'), /tensor 'a'.*not an object/],
    ['no dtype', raw('{"a":{"shape":[1],"data_offsets":[0,1]}}', 1), /dtype is missing/],
    ['unknown dtype', raw(`{"a":${entry(0, 4, [4], 'X9')}}`, 4), /dtype 'X9' is unknown/],
    ['prototype dtype', raw(`{"a":${entry(0, 4, [4], 'constructor')}}`, 4), /unknown/],
    ['negative size', raw(`{"a":${entry(0, 4, [-4])}}`, 4), /shape is not a list/],
    [
      'fractional size',
      raw('{"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}}', 4),
      /shape is not a list/,
    ],
    [
      'exponent size',
      raw('{"a":{"dtype":"U8","shape":[4e0],"data_offsets":[0,4]}}', 4),
      /shape is not a list/,
    ],
    [
      'size of minus zero',
      raw('{"a":{"dtype":"U8","shape":[-0],"data_offsets":[0,0]}}'),
      /shape is not a list/,
    ],
    ['text size', raw(`{"a":${entry(0, 4, ['4'])}}`, 4), /shape is not a list/],
    [
      'shape of 2^64',
      raw('{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,0]}}'),
      /shape is/,
    ],
    [
      'overflowing shape',
      raw('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
      /overflows/,
    ],
    [
      'overflow hidden by zero',
      raw('{"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}}'),
      /overflows/,
    ],
    [
      'size in bytes overflows',
      raw('{"a":{"dtype":"F64","shape":[2251799813685248],"data_offsets":[0,0]}}'),
      /overflows/,
    ],
    ['one offset', raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}', 1), /data_offsets/],
    ['three offsets', raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}', 1), /data_offsets/],
    ['backward offsets', raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', 1), /backwards/],
    [
      'huge offsets',
      raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[9007199254740990,9007199254740991]}}', 1),
      /ends at byte/,
    ],
    [
      'offsets over 2^53',
      raw('{"a":{"dtype":"U8","shape":[1],"data_offsets":[9007199254740992,9007199254740993]}}', 1),
      /data_offsets/,
    ],
    ['too few bytes', raw(`{"a":${entry(0, 4, [2], 'F32')}}`, 4), /span 4 bytes.*takes 8/],
    ['beyond the end', raw(`{"a":${entry(0, 8)}}`, 4), /ends at byte 8/],
    ['overlap', raw(`{"a":${entry(0, 4)},"b":${entry(2, 6)}}`, 6), /'b' overlaps/],
    ['same bytes twice', raw(`{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 4), /overlaps/],
    ['hole', raw(`{"a":${entry(0, 4)},"b":${entry(6, 8)}}`, 8), /bytes 4 to 6 before tensor 'b'/],
    ['hole at the start', raw(`{"a":${entry(2, 4)}}`, 4), /bytes 0 to 2/],
    ['trailing bytes', raw(`{"a":${entry(0, 4)}}`, 5), /last 1 bytes/],
    ['data without tensors', raw('{}', 5), /last 5 bytes/],
    ['empty tensor inside another', raw(`{"a":${entry(0, 4)},"b":${entry(2, 2, [0])}}`, 4), /overlaps/],
  ];

  test.each(cases)('%s', (_, bytes, message) => {
    const error = errorOf(() => SafetensorsFile.fromBytes(bytes, 'evil.safetensors'));
    expect(error.code).toBe('SAFETENSORS_INVALID');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('evil.safetensors');
  });

  test('names of prototype members are only names', () => {
    const bytes = raw(
      `{"__proto__":${entry(0, 1)},"constructor":${entry(1, 2)},"__metadata__":{"__proto__":"x"}}`,
      2,
    );
    const file = SafetensorsFile.fromBytes(bytes);
    expect(file.names).toEqual(['__proto__', 'constructor']);
    expect(file.metadata.get('__proto__')).toBe('x');
    expect(({} as Record<string, unknown>).x).toBeUndefined();
    expect(file.has('toString')).toBe(false);
    expect(errorOf(() => file.entry('toString')).code).toBe('ARGUMENT_INVALID');
  });

  test('odd but valid files are read', () => {
    expect(SafetensorsFile.fromBytes(raw('{}')).names).toEqual([]);
    expect(SafetensorsFile.fromBytes(raw('{}      ')).names).toEqual([]);
    const file = SafetensorsFile.fromBytes(
      raw(`{"b":${entry(1, 3)},"空":${entry(1, 1, [0, 5])},"scalar":${entry(0, 1, [])}}`, 3),
    );
    expect(file.entry('空')).toEqual({ dtype: 'uint8', shape: [0, 5], begin: 1, end: 1 });
    expect(file.entry('scalar').shape).toEqual([]);
    expect([...file.readBytes('b')]).toEqual([7, 7]);
  });
});

const dtypes: FileDType[] = [
  'bool',
  'uint8',
  'int8',
  'int16',
  'float16',
  'bfloat16',
  'int32',
  'float32',
  'complex64',
  'float64',
  'int64',
  'uint64',
  'float8_e5m2',
];
const tensor = fc
  .record({ dtype: fc.constantFrom(...dtypes), shape: fc.array(fc.nat(4), { maxLength: 3 }) })
  .chain(({ dtype, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1) * fileDType(dtype)!.size;
    return fc.record({
      dtype: fc.constant(dtype),
      shape: fc.constant(shape),
      bytes: fc.uint8Array({ minLength: size, maxLength: size }),
    });
  });
const name = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('0', '10', '权重', '__proto__', 'a"b\\', ''))
  .filter((text) => text !== '__metadata__' && !/\p{Surrogate}/u.test(text));
const content = fc
  .array(fc.tuple(name, tensor), { maxLength: 6 })
  .map((pairs) => new Map<string, SafetensorsInput>(pairs));
const notes = fc.array(fc.tuple(name, name), { maxLength: 3 }).map((pairs) => new Map(pairs));

describe('round trip', () => {
  test('what is written is read, through memory and disk', () => {
    let run = 0;
    const property = fc.property(content, notes, (tensors, metadata) => {
      const encoded = encodeSafetensors(tensors, metadata);
      const path = join(folder, 'round.safetensors');
      const onDisk = run++ % 20 === 0;
      if (onDisk) {
        writeSafetensors(path, tensors, metadata);
        expect(readFileSync(path).equals(encoded)).toBe(true);
      }
      using file = onDisk ? SafetensorsFile.open(path) : SafetensorsFile.fromBytes(encoded);
      expect(file.header.dataStart % 8).toBe(0);
      expect(new Set(file.names)).toEqual(new Set(tensors.keys()));
      expect(new Map(file.metadata)).toEqual(metadata);
      for (const [key, { dtype, shape, bytes }] of tensors) {
        const found = file.entry(key);
        expect(found.dtype).toBe(dtype);
        expect(found.shape).toEqual(shape);
        expect((file.header.dataStart + found.begin) % Math.min(8, fileDType(dtype)!.size)).toBe(0);
        expect(Buffer.compare(file.readBytes(key), bytes as Uint8Array)).toBe(0);
      }
      // Reading and writing again gives the same file: the layout depends on the content only.
      const again = new Map(
        [...file.names]
          .reverse()
          .map((key) => [key, { ...file.entry(key), bytes: () => file.readBytes(key) }]),
      );
      expect(Buffer.compare(encodeSafetensors(again, file.metadata), encoded)).toBe(0);
    });
    fc.assert(property, { numRuns: slow ? 5_000 : 400 });
  });

  test('the layout is that of the reference writer', () => {
    const bytes = encodeSafetensors(
      new Map<string, SafetensorsInput>([
        ['b', { dtype: 'uint8', shape: [2], bytes: Uint8Array.of(1, 2) }],
        ['z', { dtype: 'float32', shape: [], bytes: new Uint8Array(4) }],
        ['a', { dtype: 'float32', shape: [1], bytes: new Uint8Array(4).fill(9) }],
      ]),
      { format: 'pt' },
    );
    const json =
      '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"z":{"dtype":"F32","shape":[],"data_offsets":[4,8]},"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}';
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
    expect(Buffer.from(bytes).toString('latin1')).toBe(
      `${String.fromCharCode(padded.length)}${'\0'.repeat(7)}${padded}${'\x09'.repeat(4)}${'\0'.repeat(4)}\x01\x02`,
    );
  });

  const data =
    process.env.EASYNLP_TEST_DATA ?? fileURLToPath(new URL('../../../../../shared/data', import.meta.url));
  const misc = join(data, 'checkpoints/misc');
  test.skipIf(!existsSync(misc))(
    'files of the reference writer come out byte for byte (skipped without the test data)',
    () => {
      for (const path of ['candle_csm_voices.safetensors', 'candle_jfk-codes.safetensors'].map((file) =>
        join(misc, file),
      )) {
        using file = SafetensorsFile.open(path);
        const tensors = new Map(
          file.names.map((key) => [key, { ...file.entry(key), bytes: () => file.readBytes(key) }]),
        );
        expect(readSafetensorsHeader(path)).toEqual(file.header);
        expect(readFileSync(path).equals(encodeSafetensors(tensors, file.metadata))).toBe(true);
      }
    },
  );

  test('wrong input is refused, and nothing is left behind', () => {
    const path = join(folder, 'wrong.safetensors');
    const write = (key: string, input: unknown, metadata?: Record<string, string>) =>
      errorOf(() => writeSafetensors(path, new Map([[key, input as SafetensorsInput]]), metadata));
    const good = { dtype: 'float32', shape: [1], bytes: new Uint8Array(4) };
    expect(write('a', { ...good, bytes: new Uint8Array(5) }).message).toMatch(/'a': got 5 bytes.*take 4/);
    expect(write('a', { ...good, bytes: () => new Uint8Array(3) }).message).toMatch(/got 3 bytes/);
    expect(write('a', { ...good, shape: [-1] }).message).toMatch(/shape \[-1\]/);
    expect(write('a', { ...good, shape: [2 ** 40, 2 ** 40] }).message).toMatch(/too large/);
    expect(write('a', { ...good, dtype: 'complex128' }).message).toMatch(/complex128/);
    expect(write('a', { ...good, dtype: 'nope' }).message).toMatch(/nope/);
    expect(write('__metadata__', good).message).toMatch(/reserved/);
    expect(write('\ud800', good).message).toMatch(/surrogate/);
    expect(write('a', good, { n: 1 as unknown as string }).message).toMatch(/must be strings/);
    expect(readdirSync(folder).filter((file) => file.includes('wrong'))).toEqual([]);
  });
});

describe('damaged files (R14)', () => {
  const sample = encodeSafetensors(
    new Map<string, SafetensorsInput>([
      [
        'encoder.weight',
        { dtype: 'float32', shape: [2, 3], bytes: Uint8Array.from({ length: 24 }, (_, i) => i) },
      ],
      [
        'encoder.bias',
        { dtype: 'bfloat16', shape: [3], bytes: Uint8Array.from({ length: 6 }, (_, i) => 50 + i) },
      ],
      ['ids', { dtype: 'int64', shape: [1, 2], bytes: new Uint8Array(16).fill(3) }],
      ['empty', { dtype: 'bool', shape: [0], bytes: new Uint8Array(0) }],
    ]),
    { format: 'pt' },
  );

  /** Accepted content must agree with an independent reading of the header by JSON.parse. */
  function check(bytes: Uint8Array): boolean {
    let file: SafetensorsFile;
    try {
      file = SafetensorsFile.fromBytes(bytes);
    } catch (error) {
      if (!(error instanceof TorchError) || error.code !== 'SAFETENSORS_INVALID') throw error;
      return false;
    }
    const buffer = Buffer.from(bytes);
    const start = 8 + Number(buffer.readBigUInt64LE(0));
    const { __metadata__, ...entries } = JSON.parse(buffer.toString('utf8', 8, start)) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: number[] }
    >;
    if (Object.keys(entries).length !== file.names.length) throw new Error('other names');
    let covered = 0;
    for (const key of file.names) {
      const { dtype, shape, begin, end } = file.entry(key);
      const [from, to] = entries[key]!.data_offsets;
      const info = fileDType(dtype)!;
      if (
        from !== begin ||
        to !== end ||
        String(shape) !== String(entries[key]!.shape) ||
        info.safetensors !== entries[key]!.dtype
      )
        throw new Error('other entry');
      if (shape.reduce((a, b) => a * b, 1) * info.size !== end - begin) throw new Error('other size');
      if (!buffer.subarray(start + begin, start + end).equals(file.readBytes(key)))
        throw new Error('other bytes');
      covered += end - begin;
    }
    if (start + covered !== bytes.length) throw new Error('not covered');
    return true;
  }

  test('every truncation and every extension is an error', () => {
    for (let length = 0; length < sample.length; length++)
      expect(check(sample.subarray(0, length))).toBe(false);
    expect(check(sample)).toBe(true);
    expect(check(Buffer.concat([sample, Buffer.alloc(1)]))).toBe(false);
  });

  test('every single bit flip gives a typed error or what the header says', () => {
    const bytes = Uint8Array.from(sample);
    for (let bit = 0; bit < sample.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      check(bytes);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
  });

  test('random mutations give a typed error or what the header says', () => {
    const outcomes = { accepted: 0, refused: 0 };
    const words = [
      '{',
      '}',
      '[',
      ']',
      ',',
      '0',
      '9',
      '"',
      '\\',
      '-',
      '1e9',
      '"dtype"',
      '"F64"',
      '9007199254740993',
      '__metadata__',
      'null',
      ' ',
      '"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},',
    ];
    const mutation = fc.record({
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      word: fc.oneof(
        fc.constantFrom(...words).map((text) => Buffer.from(text)),
        fc.uint8Array({ minLength: 1, maxLength: 4 }),
      ),
      kind: fc.constantFrom('overwrite', 'insert', 'remove'),
      fixLength: fc.boolean(),
    });
    const property = fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      let bytes: Buffer = Buffer.from(sample);
      for (const { at, word, kind, fixLength } of mutations) {
        const index = Math.floor(at * bytes.length);
        const tail = kind === 'insert' ? index : Math.min(bytes.length, index + word.length);
        const before = bytes.length;
        bytes = Buffer.concat([
          bytes.subarray(0, index),
          ...(kind === 'remove' ? [] : [word]),
          bytes.subarray(tail),
        ]);
        // Repairing the length lets changes of the header get past the first checks.
        if (fixLength && bytes.length >= 8 && index >= 8) {
          bytes.writeBigUInt64LE(
            BigInt.asUintN(64, bytes.readBigUInt64LE(0) + BigInt(bytes.length - before)),
          );
        }
      }
      outcomes[check(bytes) ? 'accepted' : 'refused']++;
    });
    fc.assert(property, { numRuns: slow ? 120_000 : 20_000 });
    expect(outcomes.accepted).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  }, 300_000);

  test('files on disk: a folder, a missing file, truncation while open, use after close', () => {
    const path = join(folder, 'open.safetensors');
    writeFileSync(path, sample);
    expect(errorOf(() => SafetensorsFile.open(folder)).message).toMatch(/it is a folder/);
    expect(errorOf(() => SafetensorsFile.open(join(folder, 'none'))).message).toMatch(/none.*no such file/);
    const file = SafetensorsFile.open(path);
    expect(file.readBytes('encoder.bias')[0]).toBe(50);
    truncateSync(path, sample.length - 20);
    expect(errorOf(() => file.readBytes('encoder.bias')).message).toMatch(/truncated/);
    file.close();
    expect(errorOf(() => file.readBytes('ids')).message).toMatch(/closed/);
    const error = errorOf(() => readSafetensorsHeader(path));
    expect(error.code).toBe('SAFETENSORS_INVALID');
    expect(error.details.file).toBe(path);
  });
});
