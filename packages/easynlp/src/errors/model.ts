import { defineErrors, type ErrorDetails, EXIT } from './define.js';

/*
 * Errors of configurations and weights. They come up when somebody brings a model from elsewhere, so each one names
 * the file and the field or tensor, and says what a fitting file would hold.
 */

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

const list = (value: unknown, most = 10): string => {
  const items = Array.isArray(value) ? value.map(String) : [];
  if (items.length === 0) return '(nothing)';
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} … and ${items.length - most} more` : shown;
};

const didYouMean = (d: ErrorDetails): string =>
  d.suggestion === undefined ? '' : `Did you mean "${text(d.suggestion)}"? `;

const place = (d: ErrorDetails): string => (d.file === undefined ? 'The configuration' : text(d.file));

const model = { exitCode: EXIT.model, httpStatus: 422 } as const;

export const MODEL_ERRORS = defineErrors({
  MODEL_CONFIG_UNREADABLE: {
    ...model,
    message: (d) => `${place(d)} is not a usable config.json: ${text(d.reason)}.`,
    hint: () =>
      'Expected one JSON object such as {"model_type": "bert", "hidden_size": 768, …}; fetch the model again if the file is cut off.',
  },
  MODEL_CONFIG_INVALID: {
    ...model,
    message: (d) =>
      `${place(d)}, field "${text(d.field)}": expected ${text(d.expected)}, got ${text(d.got)}.`,
    hint: (d) =>
      d.hint === undefined
        ? "Correct the field; it means what it means in Hugging Face's transformers."
        : text(d.hint),
  },
  MODEL_TYPE_MISSING: {
    ...model,
    message: (d) => `${place(d)} does not say which architecture it describes: "model_type" is missing.`,
    hint: (d) =>
      `Add "model_type"; known architectures: ${list(d.known)}. BERT, RoBERTa-wwm, MacBERT and mengzi are "bert".`,
  },
  MODEL_TYPE_UNKNOWN: {
    ...model,
    message: (d) => `${place(d)}: the architecture "${text(d.modelType)}" is not supported.`,
    hint: (d) => `${didYouMean(d)}Supported: ${list(d.known)}.`,
  },
  MODEL_TASK_UNSUPPORTED: {
    ...model,
    message: (d) => `The architecture "${text(d.modelType)}" has no model for ${text(d.task)}.`,
    hint: (d) => `Architectures that have one: ${list(d.known)}.`,
  },
  MODEL_WEIGHTS_NOT_FOUND: {
    ...model,
    message: (d) => `The folder ${text(d.folder)} has no weights; it holds: ${list(d.found, 20)}.`,
    hint: () =>
      'Expected model.safetensors, model.safetensors.index.json with its parts, or pytorch_model.bin. Weights of TensorFlow or Flax must be converted with Python’s transformers first.',
  },
  MODEL_WEIGHTS_UNREADABLE: {
    ...model,
    message: (d) => `The weights cannot be read: ${text(d.reason)}`,
    hint: () => 'Fetch or copy the file again; compare its size with the original.',
  },
  MODEL_WEIGHTS_SHARD: {
    ...model,
    message: (d) => `${text(d.file)}: ${text(d.reason)}.`,
    hint: () => 'All parts that the index names must lie in the same folder.',
  },
  MODEL_WEIGHTS_MISSING: {
    ...model,
    message: (d) =>
      `${text(d.folder)} lacks ${Array.isArray(d.names) ? d.names.length : 'some'} weights of ${text(d.model)}: ${list(d.names)}.`,
    hint: (d) =>
      `The file holds names such as ${list(d.examples, 4)}. Is it the right architecture, and does config.json (num_hidden_layers, model_type) belong to these weights?`,
  },
  MODEL_WEIGHTS_SHAPE: {
    ...model,
    message: (d) => `The weights in ${text(d.folder)} do not fit config.json: ${list(d.wrong, 5)}.`,
    hint: (d) =>
      d.hint === undefined
        ? 'config.json and the weights must come from the same model (vocab_size, hidden_size, intermediate_size, …).'
        : text(d.hint),
  },
  MODEL_INPUT_INVALID: {
    ...model,
    message: (d) => `${text(d.model)} was given unusable input: ${text(d.reason)}.`,
    hint: (d) => text(d.hint),
  },
  MODEL_SAVE_FAILED: {
    exitCode: EXIT.io,
    httpStatus: 507,
    message: (d) => `The model could not be saved in ${text(d.folder)}: ${text(d.reason)}`,
    hint: () => 'Nothing was left half written. Free some space or choose a folder that you may write to.',
  },
});
