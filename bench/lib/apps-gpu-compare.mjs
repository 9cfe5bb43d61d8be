// Comparing what two devices computed, and saying all that is known of an error.

/** Stack, code and details of an error and of everything that caused it. */
export function explain(error) {
  const parts = [];
  for (let e = error, depth = 0; e != null && depth < 8; e = e.cause, depth++) {
    const facts = ['code', 'details', 'syscall', 'path', 'exitCode', 'hint']
      .filter((key) => e?.[key] !== undefined)
      .map((key) => `  ${key}: ${JSON.stringify(e[key])}`);
    parts.push([`${depth ? 'caused by ' : ''}${e?.stack ?? String(e)}`, ...facts].join('\n'));
  }
  return parts.length ? parts.join('\n') : `thrown: ${String(error)}`;
}

export function assert(ok, message) {
  if (!ok) throw new Error(message);
}

/** Checks losses step by step. @returns the largest difference, relative to losses of at least `floor` */
export function compareLosses(expected, actual, { tolerance, floor = 0.1, what }) {
  const show = (list) => `[${list.map((x) => x?.toPrecision(6)).join(', ')}]`;
  const both = () => `\n  expected ${show(expected)}\n  got      ${show(actual)}`;
  assert(
    expected.length === actual.length,
    `${what}: ${actual.length} steps, expected ${expected.length}${both()}`,
  );
  let worst = 0;
  for (const [i, loss] of actual.entries()) {
    assert(Number.isFinite(loss), `${what}: the loss of step ${i + 1} is ${loss}${both()}`);
    const off = Math.abs(loss - expected[i]) / Math.max(floor, Math.abs(expected[i]));
    assert(
      off <= tolerance,
      `${what}: step ${i + 1} is off by ${off.toExponential(2)} > ${tolerance}${both()}`,
    );
    worst = Math.max(worst, off);
  }
  return Number(worst.toExponential(2));
}

/** Texts are equal, numbers near. @returns the largest difference of numbers */
export function compareResults(expected, actual, tolerance, where = 'result') {
  if (typeof expected === 'number' && typeof actual === 'number') {
    if (Object.is(expected, actual)) return 0;
    const off = Math.abs(expected - actual) / Math.max(1, Math.abs(expected));
    assert(off <= tolerance, `${where}: ${actual}, expected ${expected}`);
    return off;
  }
  if (typeof expected !== 'object' || expected === null || typeof actual !== 'object' || actual === null) {
    assert(expected === actual, `${where}: ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
    return 0;
  }
  const keys = Object.keys(expected);
  const same = keys.length === Object.keys(actual).length && keys.every((key) => key in actual);
  const short = (value) => JSON.stringify(value).slice(0, 600);
  assert(same, `${where}: ${short(actual)}, expected ${short(expected)}`);
  return keys.reduce(
    (worst, key) => Math.max(worst, compareResults(expected[key], actual[key], tolerance, `${where}.${key}`)),
    0,
  );
}
