import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EasyNlpError } from '../errors/index.js';
import { nearest } from '../util/index.js';
import { ARCHITECTURES, type Architecture, findArchitecture } from './architectures.js';
import { type ResolveModelOptions, resolveModelFolder } from './hub/index.js';
import { type ModelConfig, parseConfig } from './model-config.js';

/** A configuration with the architecture it belongs to. */
export interface TypedConfig {
  readonly architecture: Architecture;
  readonly config: ModelConfig;
}

const known = (): string[] => ARCHITECTURES.map((row) => row.modelType);

/**
 * Finds the architecture of a configuration object and checks the object against its schema.
 *
 * @throws EasyNlpError MODEL_TYPE_MISSING, MODEL_TYPE_UNKNOWN, MODEL_CONFIG_INVALID
 */
export function typedConfig(value: unknown, file?: string): TypedConfig {
  const place = file === undefined ? {} : { file };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EasyNlpError('MODEL_CONFIG_UNREADABLE', { ...place, reason: 'it holds no JSON object' });
  }
  const { model_type: given, architectures } = value as Record<string, unknown>;
  // Files of transformers before 2.3 have no model_type, but name the class.
  const fromClass =
    Array.isArray(architectures) && /^Bert[A-Z]/.test(String(architectures[0])) ? 'bert' : undefined;
  const modelType = given ?? fromClass;
  if (typeof modelType !== 'string')
    throw new EasyNlpError('MODEL_TYPE_MISSING', { ...place, known: known() });
  const architecture = findArchitecture(modelType);
  if (!architecture) {
    const suggestion = nearest(modelType, known());
    throw new EasyNlpError('MODEL_TYPE_UNKNOWN', {
      ...place,
      modelType,
      known: known(),
      ...(suggestion === null ? {} : { suggestion }),
    });
  }
  const config = parseConfig(architecture.schema, { ...value, model_type: modelType }, file);
  return { architecture, config };
}

/** Reads the `config.json` of a folder. */
export async function readConfig(folder: string): Promise<TypedConfig> {
  const plain = join(folder, 'config.json');
  const tensorflow = join(folder, 'bert_config.json');
  // Google's TensorFlow checkpoints describe BERT, and do not say so.
  const old = !existsSync(plain) && existsSync(tensorflow);
  const file = old ? tensorflow : plain;
  let value: unknown;
  try {
    value = JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new EasyNlpError('MODEL_CONFIG_UNREADABLE', { file, reason: (cause as Error).message }, { cause });
  }
  const known = old && typeof value === 'object' && value !== null ? { model_type: 'bert', ...value } : value;
  return typedConfig(known, file);
}

/** Configurations by model name or folder. */
export const AutoConfig = {
  /**
   * @example
   * (await AutoConfig.fromPretrained('hfl/chinese-macbert-base')).vocab_size; // 21128
   */
  async fromPretrained(nameOrFolder: string, options: ResolveModelOptions = {}): Promise<ModelConfig> {
    const folder = await resolveModelFolder(nameOrFolder, { files: ['config.json'], ...options });
    return (await readConfig(folder)).config;
  },
  /** A complete, checked configuration from a plain object with at least `model_type`. */
  fromObject(value: unknown): ModelConfig {
    return typedConfig(value).config;
  },
};
