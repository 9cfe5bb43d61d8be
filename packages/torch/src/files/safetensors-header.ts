import { TorchError } from '../errors.js';
import type { ByteSource } from './byte-source.js';
import { elementCount, type FileDType, fileDTypeFromSafetensors, showShape } from './file-dtype.js';
import { parseStrictJson, type StrictJson, StrictJsonError } from './strict-json.js';

/** The format's own limit on the header. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Where one tensor lies. `begin` and `end` count bytes from the start of the data section, as in the file. */
export interface SafetensorsEntry {
  readonly dtype: FileDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  /** Offset of the data section in the file. */
  readonly dataStart: number;
  readonly fileSize: number;
}

/**
 * Reads and checks a safetensors header: length, UTF-8, JSON without duplicate keys, known dtypes, sizes that match
 * shapes, and offsets that cover the data section without holes or overlaps. Nothing is allocated on the word of
 * the file: every length is compared with the file's size first.
 *
 * @throws TorchError SAFETENSORS_INVALID naming the file and, where there is one, the tensor.
 */
export function parseSafetensorsHeader(source: ByteSource): SafetensorsHeader {
  const { name: file, size: fileSize } = source;
  const fail = (reason: string, details: Record<string, unknown> = {}, cause?: unknown): never => {
    throw new TorchError(
      'SAFETENSORS_INVALID',
      `${file} is not a valid safetensors file: ${reason}. It is damaged, incomplete or of another format; fetch or write it again`,
      { file, reason, ...details },
      { cause },
    );
  };

  if (fileSize < 8) fail(`it has ${fileSize} bytes, the length of the header alone takes 8`);
  const prefix = source.read(0, 8);
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    fail(`the header claims ${length} bytes, more than the allowed ${MAX_HEADER_BYTES}`);
  }
  const headerBytes = Number(length);
  if (headerBytes > fileSize - 8) {
    fail(`the header claims ${headerBytes} bytes, but only ${fileSize - 8} follow`);
  }
  const raw = source.read(8, headerBytes);
  if (raw[0] !== 0x7b) fail("the header does not start with '{'");
  const json = parseHeaderJson(raw, fail);

  const entries = new Map<string, SafetensorsEntry>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of json) {
    if (name === '__metadata__') {
      metadata = parseMetadata(value, fail);
    } else {
      entries.set(
        name,
        parseEntry(value, (reason) => fail(`tensor '${name}': ${reason}`, { tensor: name })),
      );
    }
  }
  const dataStart = 8 + headerBytes;
  checkCoverage(entries, fileSize - dataStart, fail);
  return { entries, metadata, dataStart, fileSize };
}

type Fail = (reason: string, details?: Record<string, unknown>, cause?: unknown) => never;

function parseHeaderJson(raw: Uint8Array, fail: Fail): Map<string, StrictJson> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch (cause) {
    return fail('the header is not valid UTF-8', {}, cause);
  }
  try {
    const json = parseStrictJson(text);
    return json instanceof Map ? json : fail('the header is not a JSON object');
  } catch (cause) {
    if (!(cause instanceof StrictJsonError)) throw cause;
    return fail(`the header is not valid JSON (${cause.message})`, { position: cause.position }, cause);
  }
}

function parseMetadata(value: StrictJson, fail: Fail): ReadonlyMap<string, string> {
  if (!(value instanceof Map)) return fail('__metadata__ is not an object');
  const metadata = new Map<string, string>();
  for (const [key, text] of value) {
    if (typeof text !== 'string') return fail(`__metadata__ '${key}' is not a string`);
    metadata.set(key, text);
  }
  return metadata;
}

function parseEntry(value: StrictJson, fail: (reason: string) => never): SafetensorsEntry {
  if (!(value instanceof Map)) return fail('its entry is not an object');
  const dtype = value.get('dtype');
  if (typeof dtype !== 'string') return fail('dtype is missing or no string');
  const info = fileDTypeFromSafetensors(dtype);
  if (info === undefined) return fail(`dtype '${dtype.slice(0, 40)}' is unknown`);

  const shape = value.get('shape');
  if (!isSizes(shape)) return fail('shape is not a list of whole numbers from 0 to 2^53 - 1');
  const count = elementCount(shape);
  if (count === null || !Number.isSafeInteger(count * info.size))
    return fail(`shape ${showShape(shape)} overflows`);

  const offsets = value.get('data_offsets');
  if (!isSizes(offsets) || offsets.length !== 2)
    return fail('data_offsets is not a pair of whole numbers ≥ 0');
  const [begin, end] = offsets as [number, number];
  if (end < begin) return fail(`data_offsets [${begin}, ${end}] run backwards`);
  const expected = count * info.size;
  if (end - begin !== expected) {
    return fail(
      `data_offsets span ${end - begin} bytes, ${dtype} of shape ${showShape(shape)} takes ${expected}`,
    );
  }
  return { dtype: info.dtype, shape, begin, end };
}

function isSizes(value: StrictJson | undefined): value is number[] {
  // Larger integers arrive as bigint and fractions as JsonReal, so `number` means a safe integer here.
  return Array.isArray(value) && value.every((item) => typeof item === 'number' && item >= 0);
}

function checkCoverage(entries: ReadonlyMap<string, SafetensorsEntry>, dataBytes: number, fail: Fail): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [tensor, { begin, end }] of sorted) {
    if (end > dataBytes) {
      fail(`tensor '${tensor}' ends at byte ${end} of the data, which has ${dataBytes}`, { tensor });
    }
    if (begin < covered) fail(`tensor '${tensor}' overlaps the one before it at byte ${begin}`, { tensor });
    if (begin > covered) {
      fail(`bytes ${covered} to ${begin} before tensor '${tensor}' belong to no tensor`, { tensor });
    }
    covered = end;
  }
  if (covered !== dataBytes) fail(`the last ${dataBytes - covered} bytes belong to no tensor`);
}
