import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { files, type Tensor } from '@easynlp/torch';

/** Folder of the fixtures that `scripts/oracle/bert_parity.py` (or `bert_reference.py`) wrote. */
export const FIXTURES = fileURLToPath(new URL('./fixtures/', import.meta.url));

export const fixtureNames = (): string[] => readdirSync(FIXTURES).sort();

export interface Fixture {
  readonly folder: string;
  readonly expected: ReadonlyMap<string, Tensor>;
  get(name: string): Tensor;
}

export function readFixture(name: string): Fixture {
  const folder = `${FIXTURES}${name}`;
  const expected = files.loadSafetensors(`${folder}/expected.safetensors`, { copy: true });
  return {
    folder,
    expected,
    get(key) {
      const found = expected.get(key);
      if (!found) throw new Error(`${folder} has no ${key}`);
      return found;
    },
  };
}

export const largest = (tensor: Tensor): number => tensor.detach().abs().max().item();

/** Largest difference over the largest expected value, or over `scale`. */
export function relativeError(actual: Tensor, expected: Tensor, scale = largest(expected)): number {
  const a = actual.detach().reshape([-1]);
  const e = expected.detach().reshape([-1]);
  if (a.numel !== e.numel) return Number.POSITIVE_INFINITY;
  const error = largest(a.sub(e)) / scale;
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
