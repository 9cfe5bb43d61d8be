const view = new DataView(new ArrayBuffer(4));

/** The number that a bfloat16 bit pattern stands for: the upper half of a float32. */
export function bfloat16ToNumber(bits: number): number {
  view.setUint32(0, (bits & 0xffff) << 16);
  return view.getFloat32(0);
}

/** The number that an IEEE 754 half-precision bit pattern stands for. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
