/**
 * The few messages of TensorFlow's event.proto and summary.proto that TensorBoard needs, encoded by hand
 * (protocol buffers' wire format: a key of field number and wire type, then the value).
 */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value)); // negative int64 takes ten bytes
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const key = (field: number, wire: number) => varint((field << 3) | wire);

function integer(field: number, value: number): Buffer {
  return Buffer.concat([key(field, VARINT), varint(value)]);
}

function double(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, FIXED64), bytes]);
}

function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, FIXED32), bytes]);
}

function bytes(field: number, value: Buffer | string): Buffer {
  const content = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([key(field, BYTES), varint(content.length), content]);
}

/** Summary.Value with `simple_value`: what the scalars page reads. Stored as float32. */
export function scalarValue(tag: string, value: number): Buffer {
  return Buffer.concat([bytes(1, tag), float(2, value)]);
}

/** Summary.Value with a string tensor of shape [1] and the text plugin's metadata. */
export function textValue(tag: string, text: string): Buffer {
  const DT_STRING = 7;
  const DATA_CLASS_TENSOR = 2;
  const shape = bytes(2, integer(1, 1)); // one dimension of size 1
  const tensor = Buffer.concat([integer(1, DT_STRING), bytes(2, shape), bytes(8, text)]);
  const metadata = Buffer.concat([bytes(1, bytes(1, 'text')), integer(4, DATA_CLASS_TENSOR)]);
  return Buffer.concat([bytes(1, tag), bytes(8, tensor), bytes(9, metadata)]);
}

/** What an Event carries besides its time and step. */
export type EventContent =
  | { readonly fileVersion: string }
  | { readonly values: readonly Buffer[] }
  /** TensorBoard forgets earlier files' values from this step on. */
  | { readonly sessionStart: true };

/** Event; `wallTime` in seconds since 1970. */
export function encodeEvent(wallTime: number, step: number, content: EventContent): Buffer {
  const head = [double(1, wallTime), ...(step === 0 ? [] : [integer(2, step)])];
  if ('fileVersion' in content) return Buffer.concat([...head, bytes(3, content.fileVersion)]);
  if ('values' in content)
    return Buffer.concat([...head, bytes(5, Buffer.concat(content.values.map((v) => bytes(1, v))))]);
  return Buffer.concat([...head, bytes(7, integer(1, 1))]);
}
