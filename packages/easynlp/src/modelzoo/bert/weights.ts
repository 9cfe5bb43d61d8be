/*
 * Names of BERT weights, through the ages: TensorFlow conversions call LayerNorm's parameters gamma and beta; encoders
 * are saved with and without "bert."; wrappers of PyTorch ("module.", "_orig_mod.") and EasyNLP ("backbone.") add more.
 */

const WRAPPERS = /^(?:module\.|_orig_mod\.|backbone\.)+/;
/** Buffers and tensors that carry no information. */
const NO_WEIGHTS = /(?:^|\.)embeddings\.(?:position_ids|token_type_ids)$/;

/**
 * The model's own name for a stored one: null when it is no weight at all, undefined when the model has no such weight.
 */
export function bertWeightName(stored: string, own: ReadonlySet<string>): string | null | undefined {
  if (NO_WEIGHTS.test(stored)) return null;
  const plain = stored
    .replace(WRAPPERS, '')
    .replace(/(^|\.)gamma$/, '$1weight')
    .replace(/(^|\.)beta$/, '$1bias');
  const body = plain.replace(/^bert\./, '');
  return [plain, body, `bert.${body}`].find((name) => own.has(name));
}

/** Weights that pre-training need not have left: heads, and the pooler, which masked language models lack. */
export function isBertHead(name: string): boolean {
  return /^(?:bert\.)?pooler\./.test(name) || /^(?:cls|classifier)\./.test(name);
}
