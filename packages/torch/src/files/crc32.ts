import * as zlib from 'node:zlib';

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** The checksum of zip archives, computed here: Node before 20.15 has none. */
export function crc32Plain(bytes: Uint8Array, start = 0): number {
  let value = ~start;
  for (let at = 0; at < bytes.length; at++) {
    value = (value >>> 8) ^ (TABLE[(value ^ (bytes[at] as number)) & 255] as number);
  }
  return ~value >>> 0;
}

/** The checksum of zip archives; `start` is the checksum of what came before. */
export const crc32: (bytes: Uint8Array, start?: number) => number =
  (zlib as { crc32?: typeof crc32Plain }).crc32 ?? crc32Plain;
