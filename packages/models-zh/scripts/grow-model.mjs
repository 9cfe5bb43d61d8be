#!/usr/bin/env node
// Makes the start of a larger BERT out of a smaller one that is trained, so that pre-training continues instead of
// beginning at random weights:
//   node packages/models-zh/scripts/grow-model.mjs FROM_FOLDER TO_FOLDER [--width 1|2] [--layers N] [--seed 42] [--spread 0.25]
// --width 2 doubles hidden size, heads and feed-forward; the model computes the same function as before.
// --layers N repeats the layers from below (4 → 8: 0 1 2 3 0 1 2 3). That changes the function; some steps repair it.
//
// Width: Net2Net (Chen, Goodfellow & Shlens 2016, eq. 2–3) with every unit doubled: h' = [h, h]. Layer norm sees the same mean
// and variance. A matrix that reads h' gets two halves [W/2 + D, W/2 − D], so that W' h' = W h whatever D is; each
// row draws its own D ~ N(0, (spread · std W)²). Without D the two copies of a unit would get equal gradients and stay
// equal for ever. Depth: progressive stacking (Gong et al. 2019, algorithm 1).
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cat, files, Generator, randn, tidy } from '@easynlp/torch';

const LAYER = /^(.*encoder\.layer\.)(\d+)(\..*)$/;
const twice = (tensor, dim) => cat([tensor, tensor], { dim });

/** A weight of the doubled model. Names are those of Hugging Face's BertForMaskedLM. */
function widened(name, tensor, { spread, generator }) {
  if (name === 'cls.predictions.bias') return tensor; // one a token: no hidden units in it
  if (name.includes('embeddings.') && tensor.ndim === 2) return twice(tensor, 1); // [V, H] → [V, 2H]
  if (tensor.ndim === 1) {
    const doubled = twice(tensor, 0); // [H] → [2H]
    // The decoder is the word embeddings themselves: h'·e' = 2 h·e, so the last norm before it gives half.
    return name.startsWith('cls.predictions.transform.LayerNorm.') ? doubled.mul(0.5) : doubled;
  }
  const half = twice(tensor.mul(0.5), 0); // [O, I] → [2O, I]
  const apart = randn(half.shape, { generator }).mul(spread * tensor.std().item());
  return cat([half.add(apart), half.sub(apart)], { dim: 1 }); // [2O, I] → [2O, 2I]
}

/** @returns the weights (fp32) of a model `width` times as wide with `layers` layers */
export function growWeights(weights, { width = 1, layers, seed = 42, spread = 0.25 } = {}) {
  const generator = new Generator(seed);
  const grown = new Map();
  const indices = [...weights.keys()].map((name) => Number(LAYER.exec(name)?.[2] ?? -1));
  const before = Math.max(...indices) + 1;
  for (const [name, stored] of weights) {
    if (name.startsWith('bert.pooler.') || name.startsWith('cls.seq_relationship.')) continue; // masked language model only
    const [, head, index, tail] = LAYER.exec(name) ?? [];
    const names =
      index === undefined
        ? [name]
        : Array.from(
            { length: Math.ceil(((layers ?? before) - Number(index)) / before) },
            (_, k) => `${head}${Number(index) + k * before}${tail}`,
          );
    const tensor = stored.to({ dtype: 'float32' });
    for (const target of names)
      grown.set(target, width === 2 ? widened(name, tensor, { spread, generator }) : tensor);
  }
  return grown;
}

/** The configuration of {@link growWeights}' model; pre-training goes on without dropout. */
export function growConfig(config, { width = 1, layers = config.num_hidden_layers } = {}) {
  return {
    ...config,
    hidden_size: config.hidden_size * width,
    num_attention_heads: config.num_attention_heads * width,
    intermediate_size: config.intermediate_size * width,
    num_hidden_layers: layers,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
    torch_dtype: 'float32',
  };
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      width: { type: 'string', default: '1' },
      layers: { type: 'string' },
      seed: { type: 'string', default: '42' },
      spread: { type: 'string', default: '0.25' },
    },
  });
  const [from, to] = positionals;
  if (positionals.length !== 2 || !['1', '2'].includes(values.width)) {
    console.error(
      'usage: grow-model.mjs FROM_FOLDER TO_FOLDER [--width 1|2] [--layers N] [--seed 42] [--spread 0.25]',
    );
    process.exit(2);
  }
  const config = JSON.parse(readFileSync(join(from, 'config.json'), 'utf8'));
  const layers = Number(values.layers ?? config.num_hidden_layers);
  if (config.model_type !== 'bert' || !Number.isInteger(layers) || layers < config.num_hidden_layers) {
    console.error(
      `${from}: a BERT of at most --layers layers is needed, this is ${config.model_type} with ${config.num_hidden_layers}`,
    );
    process.exit(2);
  }
  const growth = { width: Number(values.width), layers };
  cpSync(from, to, { recursive: true });
  const grown = growConfig(config, growth);
  writeFileSync(join(to, 'config.json'), `${JSON.stringify(grown, null, 2)}\n`);
  tidy(() => {
    const weights = growWeights(files.loadSafetensors(join(from, 'model.safetensors')), {
      ...growth,
      seed: Number(values.seed),
      spread: Number(values.spread),
    });
    files.saveSafetensors(join(to, 'model.safetensors'), weights, { format: 'pt' });
    const count = [...weights.values()].reduce((sum, tensor) => sum + tensor.numel, 0);
    console.log(
      `${to}: ${grown.num_hidden_layers} × ${grown.hidden_size}, ${count.toLocaleString('en-US')} parameters`,
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
