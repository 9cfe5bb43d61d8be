import { prefixedWeightName } from '../shared/weight-names.js';

/** The model's own name for a stored one; encoders are saved with and without "bert.". */
export const bertWeightName = prefixedWeightName('bert');

/** Weights that pre-training need not have left: heads, and the pooler, which masked language models lack. */
export function isBertHead(name: string): boolean {
  return /^(?:\w+\.)?pooler\./.test(name) || /^(?:cls|classifier|qa_outputs)\./.test(name);
}
