// As much of vitest as the tests for CUDA need, for machines without it.
import { isDeepStrictEqual } from 'node:util';
import { explain } from './apps-gpu-compare.mjs';

let block = { name: '', skipped: false, before: [], after: [], beforeAll: [], afterAll: [], parent: null };
const tests = [];

function title(text, values) {
  let next = 0;
  return text.replace(/%[sidfjo]/g, () => String(values[next++]));
}

/** A function of tests or of blocks with `skipIf`, `runIf`, `skip` and `each`, as vitest has them. */
function chain(add, skipped = false) {
  const fn = (name, body, last) => add(name, typeof body === 'function' ? body : last, skipped);
  fn.skipIf = (condition) => chain(add, skipped || Boolean(condition));
  fn.runIf = (condition) => chain(add, skipped || !condition);
  Object.defineProperty(fn, 'skip', { get: () => chain(add, true) });
  fn.each = (rows) => (name, body) => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      add(title(name, values), () => body(...values), skipped);
    }
  };
  return fn;
}

export const describe = chain((name, body, skipped) => {
  const parent = block;
  const none = { before: [], after: [], beforeAll: [], afterAll: [] };
  block = { name, skipped: parent.skipped || skipped, parent, ...none };
  body();
  block = parent;
});
export const it = chain((name, body, skipped) => {
  tests.push({ name, body, block, skipped: skipped || block.skipped });
});
export const test = it;
export const beforeEach = (fn) => void block.before.push(fn);
export const afterEach = (fn) => void block.after.push(fn);
export const beforeAll = (fn) => void block.beforeAll.push(fn);
export const afterAll = (fn) => void block.afterAll.push(fn);

const show = (value) => {
  const text = typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? String(value));
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
};

function threw(fn) {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return null;
}

const MATCHERS = {
  toBe: (a, b) => Object.is(a, b),
  toEqual: (a, b) => isDeepStrictEqual(a, b),
  toBeLessThan: (a, b) => a < b,
  toBeLessThanOrEqual: (a, b) => a <= b,
  toBeGreaterThan: (a, b) => a > b,
  toBeGreaterThanOrEqual: (a, b) => a >= b,
  toBeCloseTo: (a, b, digits = 2) => Math.abs(a - b) < 10 ** -digits / 2,
  toHaveLength: (a, b) => a.length === b,
  toThrow: (fn, expected) => {
    const error = threw(fn);
    if (error === null || expected === undefined) return error !== null;
    const { message } = error;
    return expected instanceof RegExp ? expected.test(message) : message.includes(expected);
  },
};

/** @param {unknown} actual @param {string} [message] what is said where it does not hold */
export function expect(actual, message = '') {
  const matchers = (wanted) =>
    Object.fromEntries(
      Object.entries(MATCHERS).map(([name, holds]) => [
        name,
        (...args) => {
          if (holds(actual, ...args) === wanted) return;
          const what = `${wanted ? '' : 'not.'}${name}(${args.map(show).join(', ')})`;
          throw new Error(`${message ? `${message}: ` : ''}expected ${show(actual)} ${what}`);
        },
      ]),
    );
  return { ...matchers(true), not: matchers(false) };
}

const path = (b) => (b === null ? [] : [...path(b.parent), b]);

/** Runs what has been declared so far. @param {(result: object) => void} report gets { name, ok, skipped, ms, note } */
export async function runTests(file, report) {
  const begun = new Set();
  const ending = [];
  for (const { name, body, block: own, skipped } of tests.splice(0)) {
    const blocks = path(own);
    const full = [file, ...blocks.map((b) => b.name).filter(Boolean), name].join(' > ');
    if (skipped) {
      report({ name: full, ok: true, skipped: true, ms: 0, note: null });
      continue;
    }
    const start = performance.now();
    let error = null;
    const attempt = async (fn) => {
      try {
        await fn();
      } catch (thrown) {
        error ??= thrown;
      }
    };
    for (const b of blocks) {
      if (begun.has(b)) continue;
      begun.add(b);
      ending.unshift(...b.afterAll);
      for (const fn of b.beforeAll) await attempt(fn);
    }
    for (const fn of blocks.flatMap((b) => b.before)) await attempt(fn);
    if (!error) await attempt(body);
    for (const fn of blocks.reverse().flatMap((b) => b.after)) await attempt(fn);
    const note = error ? explain(error) : null;
    report({ name: full, ok: error === null, skipped: false, ms: performance.now() - start, note });
  }
  for (const fn of ending) await fn();
  // Hooks outside of any block are this file's alone.
  for (const list of [block.before, block.after, block.beforeAll, block.afterAll]) list.length = 0;
}
