/**
 * Element types that weight files may hold: those of the tensor class, and a few more that only pass through
 * (a tensor of such a type can be read as bytes even where the linked libtorch lacks it).
 */
export type FileDType =
  | 'bool'
  | 'uint8'
  | 'int8'
  | 'float8_e5m2'
  | 'float8_e4m3fn'
  | 'int16'
  | 'uint16'
  | 'float16'
  | 'bfloat16'
  | 'int32'
  | 'uint32'
  | 'float32'
  | 'complex64'
  | 'float64'
  | 'int64'
  | 'uint64'
  | 'complex128';

interface FileDTypeInfo {
  readonly dtype: FileDType;
  /** Bytes of one element. */
  readonly size: number;
  /** Bytes of the unit whose order depends on endianness (a complex number consists of two). */
  readonly unit: number;
  /** Name in safetensors headers; null where that format has none. */
  readonly safetensors: string | null;
}

// In the order of the reference implementation's enumeration, because its writer sorts tensors by it.
const TABLE: readonly FileDTypeInfo[] = [
  { dtype: 'bool', size: 1, unit: 1, safetensors: 'BOOL' },
  { dtype: 'uint8', size: 1, unit: 1, safetensors: 'U8' },
  { dtype: 'int8', size: 1, unit: 1, safetensors: 'I8' },
  { dtype: 'float8_e5m2', size: 1, unit: 1, safetensors: 'F8_E5M2' },
  { dtype: 'float8_e4m3fn', size: 1, unit: 1, safetensors: 'F8_E4M3' },
  { dtype: 'int16', size: 2, unit: 2, safetensors: 'I16' },
  { dtype: 'uint16', size: 2, unit: 2, safetensors: 'U16' },
  { dtype: 'float16', size: 2, unit: 2, safetensors: 'F16' },
  { dtype: 'bfloat16', size: 2, unit: 2, safetensors: 'BF16' },
  { dtype: 'int32', size: 4, unit: 4, safetensors: 'I32' },
  { dtype: 'uint32', size: 4, unit: 4, safetensors: 'U32' },
  { dtype: 'float32', size: 4, unit: 4, safetensors: 'F32' },
  { dtype: 'complex64', size: 8, unit: 4, safetensors: 'C64' },
  { dtype: 'float64', size: 8, unit: 8, safetensors: 'F64' },
  { dtype: 'int64', size: 8, unit: 8, safetensors: 'I64' },
  { dtype: 'uint64', size: 8, unit: 8, safetensors: 'U64' },
  { dtype: 'complex128', size: 16, unit: 8, safetensors: null },
];

const byName = new Map(TABLE.map((info) => [info.dtype as string, info]));
const bySafetensors = new Map(TABLE.flatMap((info) => (info.safetensors ? [[info.safetensors, info]] : [])));

/** Facts about an element type, or undefined for a name that is none. */
export function fileDType(name: string): FileDTypeInfo | undefined {
  return byName.get(name);
}

/** The element type that safetensors calls `name` (`F32`, `BF16`, …). */
export function fileDTypeFromSafetensors(name: string): FileDTypeInfo | undefined {
  return bySafetensors.get(name);
}

/** Position in the reference writer's order; tensors with a larger one are written first. */
export function fileDTypeOrder(name: FileDType): number {
  return TABLE.findIndex((info) => info.dtype === name);
}

/** Number of elements of a shape, or null if a size is no whole non-negative number or the product exceeds 2⁵³ − 1. */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return null;
    count *= size;
    if (!Number.isSafeInteger(count)) return null;
  }
  return count;
}

/** A shape for messages; long ones (from damaged files) are cut. */
export function showShape(shape: readonly number[]): string {
  return shape.length <= 16
    ? `[${shape.join(', ')}]`
    : `[${shape.slice(0, 16).join(', ')}, … ${shape.length} sizes]`;
}
