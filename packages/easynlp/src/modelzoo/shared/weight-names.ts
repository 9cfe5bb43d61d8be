/** Wrappers of PyTorch ("module.", "_orig_mod.") and EasyNLP ("backbone.") around a model's names. */
const WRAPPERS = /^(?:module\.|_orig_mod\.|backbone\.)+/;
/** Buffers and tensors that carry no information. */
const NO_WEIGHTS = /(?:^|\.)(?:embeddings\.(?:position_ids|token_type_ids)|embed_positions\.weight)$/;

/**
 * The model's own name for a stored one, for an architecture whose encoder is the field `prefix` of the models with
 * heads: null when it is no weight at all, undefined when the model has no such weight.
 */
export function prefixedWeightName(
  prefix: string,
): (stored: string, own: ReadonlySet<string>) => string | null | undefined {
  return (stored, own) => {
    if (NO_WEIGHTS.test(stored)) return null;
    // TensorFlow conversions call LayerNorm's parameters gamma and beta.
    const plain = stored
      .replace(WRAPPERS, '')
      .replace(/(^|\.)gamma$/, '$1weight')
      .replace(/(^|\.)beta$/, '$1bias');
    const body = plain.startsWith(`${prefix}.`) ? plain.slice(prefix.length + 1) : plain;
    return [plain, body, `${prefix}.${body}`].find((name) => own.has(name));
  };
}
