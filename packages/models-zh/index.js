import { fileURLToPath } from 'node:url';

const folder = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Absolute folders of the models, by name; each holds config.json, model.safetensors and the tokenizer. */
export const MODEL_FOLDERS = Object.freeze({
  'bert-tiny-zh': folder('bert-tiny-zh'),
  'bert-small-zh': folder('bert-small-zh'),
});
