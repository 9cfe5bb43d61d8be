/** The shortest decimal number that is this float32 again when it is read. */
export function floatText(value: number): string {
  for (const digits of [6, 7, 8]) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/** Numbers separated by commas. */
export function vectorText(vector: ArrayLike<number>): string {
  return Array.from(vector, floatText).join(',');
}
