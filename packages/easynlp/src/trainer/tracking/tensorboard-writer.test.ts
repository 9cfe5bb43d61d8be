import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { crc32c } from './crc32c.js';
import { TensorBoardWriter } from './tensorboard-writer.js';

const root = mkdtempSync(join(tmpdir(), 'easynlp-tensorboard-'));
afterAll(() => rmSync(root, { recursive: true }));
let folders = 0;
const folder = () => join(root, String(folders++), 'board');

/** CRC-32C bit by bit, so that the reader shares nothing with the writer's table. */
function slowCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let i = 0; i < 8; i++) crc = crc & 1n ? (crc >> 1n) ^ 0x82f63b78n : crc >> 1n;
  }
  return Number(crc ^ 0xffffffffn);
}
function unmask(masked: number): number {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    expect(unmask(file.readUInt32LE(at + 8))).toBe(slowCrc(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(unmask(file.readUInt32LE(at + 12 + length))).toBe(slowCrc(data));
    found.push(data);
    at += 16 + length;
    expect(at).toBeLessThanOrEqual(file.length);
  }
  return found;
}

type Field = { field: number; value: number | bigint | Buffer };

/** Any protocol buffers message as a list of fields. */
function decode(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = Number(varint());
    const field = key >> 3;
    if ((key & 7) === 0) fields.push({ field, value: BigInt.asIntN(64, varint()) });
    else if ((key & 7) === 1) {
      fields.push({ field, value: message.readDoubleLE(at) });
      at += 8;
    } else if ((key & 7) === 5) {
      fields.push({ field, value: message.readFloatLE(at) });
      at += 4;
    } else {
      expect(key & 7).toBe(2);
      const length = Number(varint());
      fields.push({ field, value: message.subarray(at, at + length) });
      at += length;
    }
  }
  expect(at).toBe(message.length);
  return fields;
}
const all = (message: Field['value'] | undefined, field: number) =>
  decode(message as Buffer)
    .filter((f) => f.field === field)
    .map((f) => f.value);
const one = (message: Field['value'] | undefined, field: number) => all(message, field)[0];
const text = (value: Field['value'] | undefined) => (value as Buffer).toString('utf8');

const scalarsOf = (event: Buffer) =>
  all(one(event, 5), 1).map((value) => ({
    tag: text(one(value, 1)),
    value: one(value, 2),
    step: one(event, 2) ?? 0n,
  }));

describe('crc32c', () => {
  it.each([
    ['123456789', Buffer.from('123456789'), 0xe3069283],
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['nothing', Buffer.alloc(0), 0],
  ])('of %s is as in RFC 3720', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('equals the bitwise definition', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32c(bytes) === slowCrc(bytes)));
  });
});

describe('TensorBoardWriter', () => {
  it('begins with the file version, exactly as TensorFlow frames it', () => {
    const board = new TensorBoardWriter(folder(), { now: () => 1_700_000_000.25, host: 'node 1' });
    expect(basename(board.path)).toBe(`events.out.tfevents.1700000000.node_1.${process.pid}.0`);
    board.close();
    const file = readFileSync(board.path);
    // The first twelve bytes of every event file there is: length 24 and its masked checksum.
    expect(file.subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
    const [event, ...rest] = records(file);
    expect(rest).toEqual([]);
    expect(one(event, 1)).toBe(1_700_000_000.25);
    expect(text(one(event, 3))).toBe('brain.Event:2');
  });

  it('writes scalars that an independent reader gets back', () => {
    const tag = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((name) => name !== '__proto__' && !/^\d+$/.test(name));
    const values = fc.dictionary(tag, fc.float({ noDefaultInfinity: false }), { minKeys: 1, maxKeys: 5 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: Number.MAX_SAFE_INTEGER }), values), { maxLength: 10 }),
        (steps) => {
          const board = new TensorBoardWriter(folder());
          for (const [step, scalars] of steps) board.scalars(scalars, step);
          board.close();
          const [, ...events] = records(readFileSync(board.path));
          expect(events.flatMap(scalarsOf)).toEqual(
            steps.flatMap(([step, scalars]) =>
              Object.entries(scalars).map(([name, value]) => ({ tag: name, value, step: BigInt(step) })),
            ),
          );
        },
      ),
      { numRuns: 40 },
    );
  });

  it('writes text as a string tensor for the text plugin', () => {
    const board = new TensorBoardWriter(folder());
    board.text('预测', '**好评** 味道不错', 3);
    board.close();
    const value = one(one(records(readFileSync(board.path))[1], 5), 1);
    expect(text(one(value, 1))).toBe('预测');
    const tensor = one(value, 8);
    expect(one(tensor, 1)).toBe(7n);
    expect(one(one(one(tensor, 2), 2), 1)).toBe(1n);
    expect(text(one(tensor, 8))).toBe('**好评** 味道不错');
    expect(text(one(one(one(value, 9), 1), 1))).toBe('text');
  });

  it('marks a resumed run so that TensorBoard drops later values of earlier files', () => {
    const board = new TensorBoardWriter(folder(), { resumeStep: 120 });
    board.close();
    const event = records(readFileSync(board.path))[1];
    expect(one(event, 2)).toBe(121n);
    expect(one(one(event, 7), 1)).toBe(1n);
  });

  it('never overwrites: a second writer in the same second gets a file of its own', () => {
    const where = folder();
    const options = { now: () => 5, host: 'h' };
    const first = new TensorBoardWriter(where, options);
    const second = new TensorBoardWriter(where, options);
    first.scalar('a', 1, 1);
    first.close();
    second.close();
    expect(readdirSync(where).sort()).toEqual(
      [0, 1].map((n) => `events.out.tfevents.0000000005.h.${process.pid}.${n}`),
    );
    expect(records(readFileSync(first.path))).toHaveLength(2);
    expect(records(readFileSync(second.path))).toHaveLength(1);
  });

  it('buffers until flush, 64 KiB or ten seconds, and closes twice without complaint', () => {
    let seconds = 0;
    const board = new TensorBoardWriter(folder(), { now: () => seconds });
    const written = () => records(readFileSync(board.path)).length;
    board.scalar('loss', 1, 1);
    expect(written()).toBe(1);
    board.flush();
    expect(written()).toBe(2);
    seconds = 11;
    board.scalar('loss', 1, 2);
    expect(written()).toBe(3);
    board.text('long', 'x'.repeat(70_000), 2);
    expect(written()).toBe(4);
    board.scalar('loss', 1, 3);
    board.close();
    board.close();
    expect(written()).toBe(5);
    expect(() => {
      board.scalar('loss', 1, 4);
      board.flush();
    }).toThrow(/closed/);
  });
});
