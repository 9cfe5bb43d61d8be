/** Whether a strided view is row-major without gaps (strides of axes of size 1 do not matter). */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

/** Copies a strided view, which starts at the first byte, into row-major order. Bounds are the caller's care. */
export function gatherContiguous(
  bytes: Uint8Array,
  shape: readonly number[],
  strides: readonly number[],
  itemSize: number,
): Uint8Array {
  // Axes that continue the inner ones are copied as one run.
  let run = itemSize;
  let axes = shape.length;
  while (axes > 0 && (shape[axes - 1] === 1 || (strides[axes - 1] as number) * itemSize === run)) {
    run *= shape[axes - 1] as number;
    axes--;
  }
  const outer = shape.slice(0, axes);
  const steps = strides.slice(0, axes).map((stride) => stride * itemSize);
  const rows = outer.reduce((product, size) => product * size, 1);
  const result = new Uint8Array(rows * run);
  const index = new Array<number>(axes).fill(0);
  let from = 0;
  for (let row = 0; row < rows; row++) {
    const to = row * run;
    if (run <= 16) for (let at = 0; at < run; at++) result[to + at] = bytes[from + at] as number;
    else result.set(bytes.subarray(from, from + run), to);
    for (let axis = axes - 1; axis >= 0; axis--) {
      from += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (outer[axis] as number)) break;
      from -= (steps[axis] as number) * (outer[axis] as number);
      index[axis] = 0;
    }
  }
  return result;
}

/** Reverses the bytes of each unit in place: big-endian files to little-endian memory. */
export function swapBytes(bytes: Uint8Array, unit: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (unit === 2) buffer.swap16();
  else if (unit === 4) buffer.swap32();
  else if (unit === 8) buffer.swap64();
}
