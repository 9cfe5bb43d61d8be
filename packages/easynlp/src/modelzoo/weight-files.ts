import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { files, type Tensor, TorchError } from '@easynlp/torch';
import { EasyNlpError } from '../errors/index.js';
import { fromTensorFlow } from './bert/tensorflow.js';

/** In the order in which they are looked for; an index names the parts of weights that come in several files. */
const FORMATS = [
  { file: 'model.safetensors', index: false, load: files.loadSafetensors },
  { file: 'model.safetensors.index.json', index: true, load: files.loadSafetensors },
  { file: 'pytorch_model.bin', index: false, load: files.loadTorchBin },
  { file: 'pytorch_model.bin.index.json', index: true, load: files.loadTorchBin },
] as const;

type Loader = (path: string) => Map<string, Tensor>;

/**
 * All tensors of a model folder by their stored names, memory-mapped where the format allows, owned by the current
 * scope. Safetensors come before `pytorch_model.bin`, TensorFlow's checkpoints of BERT last.
 *
 * @throws EasyNlpError MODEL_WEIGHTS_NOT_FOUND, MODEL_WEIGHTS_SHARD, MODEL_WEIGHTS_UNREADABLE (damaged or refused)
 */
export function readWeightFiles(folder: string): Map<string, Tensor> {
  const found = readdirSync(folder).sort();
  const format = FORMATS.find(({ file }) => found.includes(file));
  const checkpoint = found.find((name) => name.endsWith('.ckpt.index'));
  if (!format && checkpoint) {
    const prefix = join(folder, checkpoint.replace(/\.index$/, ''));
    return fromTensorFlow(load(prefix, files.loadTensorBundle));
  }
  if (!format) throw new EasyNlpError('MODEL_WEIGHTS_NOT_FOUND', { folder, found });
  const path = join(folder, format.file);
  return format.index ? readParts(folder, path, format.load) : load(path, format.load);
}

function load(path: string, loader: Loader): Map<string, Tensor> {
  try {
    return loader(path);
  } catch (error) {
    if (!(error instanceof TorchError)) throw error;
    throw new EasyNlpError(
      'MODEL_WEIGHTS_UNREADABLE',
      { file: path, reason: error.message },
      { cause: error },
    );
  }
}

function readParts(folder: string, index: string, loader: Loader): Map<string, Tensor> {
  const wrong = (reason: string, cause?: unknown) =>
    new EasyNlpError('MODEL_WEIGHTS_SHARD', { file: index, reason }, { cause });
  let map: unknown;
  try {
    map = (JSON.parse(readFileSync(index, 'utf8')) as { weight_map?: unknown } | null)?.weight_map;
  } catch (cause) {
    throw wrong(`it cannot be read as JSON: ${(cause as Error).message}`, cause);
  }
  if (typeof map !== 'object' || map === null) throw wrong('it has no "weight_map"');
  const wanted = new Map<string, string[]>();
  for (const [name, part] of Object.entries(map as Record<string, unknown>)) {
    // The index comes with a downloaded model: it must not reach outside the folder.
    if (typeof part !== 'string' || part !== basename(part) || part.startsWith('.')) {
      throw wrong(`the part of "${name}" is ${JSON.stringify(part)}, which is not a file name`);
    }
    wanted.set(part, [...(wanted.get(part) ?? []), name]);
  }
  const present = new Set(readdirSync(folder));
  const lacking = [...wanted.keys()].filter((part) => !present.has(part));
  if (lacking.length > 0) throw wrong(`these parts are missing: ${lacking.join(', ')}`);
  const tensors = new Map<string, Tensor>();
  for (const [part, names] of wanted) {
    const loaded = load(join(folder, part), loader);
    for (const name of names) {
      const tensor = loaded.get(name);
      if (!tensor) throw wrong(`${part} lacks "${name}", which the index places there`);
      tensors.set(name, tensor);
    }
  }
  return tensors;
}
