#!/usr/bin/env node
// Packs a model that `easynlp train language_modeling` wrote: weights as fp16, config.json, tokenizer files.
//   node packages/models-zh/scripts/pack-model.mjs TRAINED_FOLDER packages/models-zh/bert-tiny-zh [--weights FILE] [--dropout 0.1]
// --weights: the weights when they do not lie in the folder as model.safetensors.
// --dropout: what fine-tuning shall start with; pre-training used none.
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { files, tidy } from '@easynlp/torch';

const TOKENIZER_FILES = ['vocab.txt', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { weights: { type: 'string' }, dropout: { type: 'string', default: '0.1' } },
});
const [trained, target] = positionals;
if (positionals.length !== 2) {
  console.error('usage: pack-model.mjs TRAINED_FOLDER TARGET_FOLDER [--weights FILE] [--dropout 0.1]');
  process.exit(2);
}
const dropout = Number(values.dropout);
const weights = values.weights ?? join(trained, 'model.safetensors');
mkdirSync(target, { recursive: true });

tidy(() => {
  const packed = new Map();
  for (const [name, tensor] of files.loadSafetensors(weights)) {
    const half = tensor.to({ dtype: 'float16' });
    if (!half.isfinite().all().item()) throw new Error(`${name} does not fit into fp16`);
    packed.set(name, half);
  }
  files.saveSafetensors(join(target, 'model.safetensors'), packed, { format: 'pt' });
});

const config = JSON.parse(readFileSync(join(trained, 'config.json'), 'utf8'));
const shipped = {
  ...config,
  hidden_dropout_prob: dropout,
  attention_probs_dropout_prob: dropout,
  torch_dtype: 'float16',
};
writeFileSync(join(target, 'config.json'), `${JSON.stringify(shipped, null, 2)}\n`);

const vocabulary = fileURLToPath(new URL('../vocab', import.meta.url));
for (const name of TOKENIZER_FILES) {
  const own = join(trained, name);
  copyFileSync(existsSync(own) ? own : join(vocabulary, name), join(target, name));
}
const MiB = statSync(join(target, 'model.safetensors')).size / 2 ** 20;
console.log(`${target}: ${MiB.toFixed(1)} MiB of weights`);
