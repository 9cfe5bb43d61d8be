import { PickleError, PickleTuple } from './pickle-values.js';
import { malformed, TensorRef } from './torch-globals.js';

/** Where training scripts commonly put the weights, in the order in which they are looked for. */
const WRAPPERS = ['state_dict', 'model_state_dict', 'model', 'module'];
const MAX_DEPTH = 64;
// One list reached over and over through the memo can be visited exponentially often.
const MAX_ENTRIES = 1_000_000;

/** Picks the state dict out of a checkpoint's top value and flattens it to names with dots. */
export function selectStateDict(
  value: unknown,
  key: string | readonly string[] | undefined,
): { tensors: Map<string, TensorRef>; skipped: string[] } {
  let root = value;
  if (key !== undefined) {
    for (const part of typeof key === 'string' ? [key] : key) {
      if (!(root instanceof Map) || !root.has(part)) {
        const names = root instanceof Map ? [...root.keys()].slice(0, 8).map(String).join(', ') : 'no names';
        throw malformed(`there is no entry '${part}'; found: ${names}`);
      }
      root = root.get(part);
    }
  } else if (root instanceof Map && ![...root.values()].some((item) => item instanceof TensorRef)) {
    const wrapped = root as Map<unknown, unknown>;
    const name = WRAPPERS.find((candidate) => wrapped.get(candidate) instanceof Map);
    if (name !== undefined) root = wrapped.get(name);
  }
  const tensors = new Map<string, TensorRef>();
  const skipped: string[] = [];
  let visited = 0;

  const visit = (item: unknown, name: string, open: readonly unknown[]): void => {
    if (++visited > MAX_ENTRIES) throw malformed(`more than ${MAX_ENTRIES} entries`);
    if (item instanceof TensorRef) {
      if (tensors.has(name)) throw malformed(`two tensors are called '${name}' once nested names are joined`);
      tensors.set(name, item);
      return;
    }
    const children = entriesOf(item);
    if (children === null) {
      skipped.push(name);
      return;
    }
    if (open.length >= MAX_DEPTH) throw malformed(`entries are nested deeper than ${MAX_DEPTH}`);
    if (open.includes(item)) throw new PickleError(`the entry '${name}' contains itself`, -1);
    for (const [key, child] of children) visit(child, name === '' ? key : `${name}.${key}`, [...open, item]);
  };

  visit(root, '', []);
  return { tensors, skipped };
}

function entriesOf(item: unknown): Iterable<readonly [string, unknown]> | null {
  if (item instanceof Map) return [...item].map(([key, child]) => [keyText(key), child] as const);
  const list = item instanceof PickleTuple ? item.items : Array.isArray(item) ? item : null;
  return list === null ? null : list.map((child, index) => [String(index), child] as const);
}

function keyText(key: unknown): string {
  if (typeof key === 'string') return key;
  if (typeof key === 'object' && key !== null) return '?';
  return String(key);
}
