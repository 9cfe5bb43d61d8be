function checked(x: ArrayLike<number>, y: ArrayLike<number>): void {
  if (x.length !== y.length) throw new RangeError(`${x.length} values against ${y.length}`);
}

/**
 * Pearson's correlation coefficient in [−1, 1]; null where it is undefined (fewer than two values, or all values of a
 * side equal). Equal to `scipy.stats.pearsonr`.
 */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number | null {
  checked(x, y);
  const n = x.length;
  if (n < 2) return null;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i++) {
    meanX += x[i]! / n;
    meanY += y[i]! / n;
  }
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < n; i++) {
    const dx = x[i]! - meanX;
    const dy = y[i]! - meanY;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  // Rounding of the mean leaves a trace in a constant column: it is no variance.
  const constant = (sum: number, mean: number) => !(sum > n * (1e-13 * Math.abs(mean)) ** 2);
  if (constant(xx, meanX) || constant(yy, meanY)) return null;
  const r = xy / Math.sqrt(xx) / Math.sqrt(yy);
  return Number.isFinite(r) ? Math.min(1, Math.max(-1, r)) : null;
}

/** Ranks from 1; equal values share the mean of their ranks. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const out = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) out[order[i]!] = (from + 1 + to) / 2;
    from = to;
  }
  return out;
}

/** Spearman's rank correlation; null where it is undefined. Equal to `scipy.stats.spearmanr`. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number | null {
  checked(x, y);
  for (let i = 0; i < x.length; i++) if (Number.isNaN(x[i]!) || Number.isNaN(y[i]!)) return null;
  return pearson(ranks(x), ranks(y));
}
