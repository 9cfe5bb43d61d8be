import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';

/** How the sources of a corpus are mixed; the file format (YAML or JSON) has these names. */
export interface WeightRecipe {
  /** Share ∝ size ^ exponent: 1 samples in proportion, 0 equally. Default 1. */
  readonly exponent?: number;
  /** Factors by source (names may end with `*`); sources that are not named have 1, and 0 leaves one out. */
  readonly multipliers?: Readonly<Record<string, number>>;
  /** No source is repeated more than this many times as often as under sampling in proportion. Default 4. */
  readonly maxRate?: number;
}

/**
 * The share of each source in what is sampled, adding up to 1: p ∝ size^exponent × multiplier, then the rate
 * p / (share of the size) is capped at `maxRate` and what that frees is given to the others in proportion.
 * `sizes` are tokens (or bytes). Throws DATA_SOURCE for an unknown name or a number out of range.
 */
export function sourceWeights(
  sizes: Readonly<Record<string, number>>,
  recipe: WeightRecipe = {},
): Record<string, number> {
  const { exponent = 1, multipliers = {}, maxRate = 4 } = recipe;
  const names = Object.keys(sizes);
  const bad = (what: string, value: unknown, expected: string) =>
    new EasyNlpError('DATA_SOURCE', { reason: `${what} is ${JSON.stringify(value)}, expected ${expected}` });
  if (!(exponent >= 0 && exponent <= 1))
    throw bad('the exponent of the weights', exponent, 'a number from 0 to 1');
  if (!(maxRate >= 1)) throw bad('maxRate of the weights', maxRate, 'a number of at least 1');
  const factor = new Map<string, number>(names.map((name) => [name, 1]));
  for (const [pattern, value] of Object.entries(multipliers)) {
    if (typeof value !== 'number' || !(value >= 0 && value < Infinity)) {
      throw bad(`the multiplier of "${pattern}"`, value, 'a number of at least 0');
    }
    const hit = names.filter((name) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    );
    if (hit.length === 0) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `the weights name the source "${pattern}", which is not there`,
        suggestion: nearest(pattern, names) ?? undefined,
        hint: `The sources are: ${names.join(', ')}.`,
      });
    }
    for (const name of hit) factor.set(name, value);
  }

  const total = names.reduce((sum, name) => sum + sizes[name]!, 0);
  const raw = new Map(names.map((name) => [name, sizes[name]! ** exponent * factor.get(name)!]));
  const used = names.filter((name) => raw.get(name)! > 0 && sizes[name]! > 0);
  if (used.length === 0) throw new EasyNlpError('DATA_SOURCE', { reason: 'every source has the weight 0' });
  const share: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]));
  const capped = new Set<string>();
  for (;;) {
    const left = 1 - Array.from(capped).reduce((sum, name) => sum + share[name]!, 0);
    const free = used.filter((name) => !capped.has(name));
    const sum = free.reduce((s, name) => s + raw.get(name)!, 0);
    for (const name of free) share[name] = (left * raw.get(name)!) / sum;
    const over = free.filter((name) => share[name]! > (maxRate * sizes[name]!) / total + 1e-12);
    // When all are capped (some left out, the rest too small), the cap cannot hold: proportions stay.
    if (over.length === 0 || over.length === free.length) return share;
    for (const name of over) {
      share[name] = (maxRate * sizes[name]!) / total;
      capped.add(name);
    }
  }
}

/** A recipe from parsed YAML or JSON; `file` is for messages. Throws DATA_SOURCE. */
export function parseWeightRecipe(value: unknown, file: string): WeightRecipe {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EasyNlpError('DATA_SOURCE', { reason: `${file} does not hold a mapping of names to values` });
  }
  const known = ['exponent', 'multipliers', 'maxRate'];
  for (const [key, content] of Object.entries(value)) {
    if (!known.includes(key)) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `${file} has the unknown name "${key}"`,
        suggestion: nearest(key, known) ?? undefined,
      });
    }
    const right =
      key === 'multipliers'
        ? typeof content === 'object' && content !== null && !Array.isArray(content)
        : typeof content === 'number';
    if (!right) {
      throw new EasyNlpError('DATA_SOURCE', {
        reason: `${file}: ${key} must be a ${key === 'multipliers' ? 'mapping of sources to numbers' : 'number'}`,
      });
    }
  }
  return value as WeightRecipe;
}
