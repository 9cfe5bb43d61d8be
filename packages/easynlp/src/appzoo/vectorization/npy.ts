/** Bytes of the header that `npyHeader` makes, whatever the number of rows. */
export const NPY_HEADER_BYTES = 128;

/**
 * Header of a `.npy` file of format 1.0 (numpy.lib.format) for a float32 matrix in row-major order: magic, version,
 * length, and a Python dictionary that is filled up with blanks. Its length is always the same, so that it can be
 * written again when the number of rows is known.
 */
export function npyHeader(rows: number, columns: number): Uint8Array {
  const shape = `(${rows}, ${columns})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const space = NPY_HEADER_BYTES - 10;
  const bytes = Buffer.alloc(NPY_HEADER_BYTES);
  bytes.write('\x93NUMPY\x01\x00', 0, 'latin1');
  bytes.writeUInt16LE(space, 8);
  bytes.write(`${dictionary.padEnd(space - 1)}\n`, 10, 'latin1');
  return bytes;
}

/** Little-endian float32 bytes of a vector. */
export function npyRow(vector: ArrayLike<number>): Uint8Array {
  const bytes = Buffer.alloc(4 * vector.length);
  for (let i = 0; i < vector.length; i++) bytes.writeFloatLE(vector[i]!, 4 * i);
  return bytes;
}
