import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { files } from '@easynlp/torch';
import { EasyNlpError } from '../errors/index.js';
import { findArchitecture } from './architectures.js';
import { readConfig } from './auto-config.js';
import { BUNDLED_MODELS, bundledModelFolder } from './hub/bundled-models.js';
import { isPathLike, resolveModelFolder } from './hub/index.js';
import { MODEL_FACTS } from './hub/model-facts.js';
import { lookUpModelName, MODEL_NAMES, suggestModelNames } from './hub/model-names.js';

/** One model that can be named on the command line. */
export interface ModelInfo {
  readonly name: string;
  /** Comes with the toolkit. */
  readonly bundled: boolean;
  /** `model_type`, and what people call it; null where it is not known. */
  readonly architecture: string | null;
  readonly title: string | null;
  /** Whether this toolkit has the architecture. */
  readonly supported: boolean;
  /** Layers × hidden size, or the number of parameters. */
  readonly size: string | null;
  readonly origin: string | null;
  readonly licence: string | null;
  readonly huggingface: string | null;
  readonly modelscope: string | null;
  /** The hub ids are known to be right; false: they follow from EasyNLP's list only. */
  readonly verified: boolean;
  /** Why there is nothing to fetch, and what to use instead. */
  readonly unpublished: string | null;
  readonly instead: string | null;
}

/** The models of EasyNLP's model zoo, and the toolkit's own. */
export function listModels(): readonly ModelInfo[] {
  return Object.keys(MODEL_NAMES).map(infoOf);
}

function infoOf(name: string): ModelInfo {
  const facts = Object.hasOwn(MODEL_FACTS, name) ? MODEL_FACTS[name] : undefined;
  const bundled = BUNDLED_MODELS.includes(name);
  const { entry, id } = lookUpModelName(name, 'huggingface');
  const onHub = !bundled && entry.unpublished === undefined;
  const row = facts && findArchitecture(facts.architecture);
  return {
    name,
    bundled,
    architecture: facts?.architecture ?? null,
    title: row?.title ?? null,
    supported: row !== undefined,
    size: facts?.size ?? null,
    origin: facts?.origin ?? null,
    licence: facts?.licence ?? null,
    huggingface: onHub ? id : null,
    modelscope: onHub ? lookUpModelName(name, 'modelscope').id : null,
    verified: facts?.sure ?? false,
    unpublished: entry.unpublished ?? null,
    instead: entry.instead ?? null,
  };
}

/** What a folder's files say, with the number of its parameters. */
export interface ModelFolderInfo extends ModelInfo {
  readonly folder: string;
  readonly parameters: number | null;
}

/**
 * What is known of a model: by name without asking a hub, or of a folder by reading its files.
 *
 * @throws EasyNlpError HUB_NAME_INVALID naming similar ones, HUB_FOLDER_*, MODEL_CONFIG_*, MODEL_TYPE_*
 */
export async function describeModel(name: string): Promise<ModelInfo | ModelFolderInfo> {
  const bare = name.replace(/^easynlp\//, '');
  if (BUNDLED_MODELS.includes(bare)) {
    return { ...infoOf(bare), ...(await readFacts(bundledModelFolder(bare)!)), size: infoOf(bare).size };
  }
  if (isPathLike(name) || existsSync(join(name, 'config.json'))) {
    const folder = await resolveModelFolder(name);
    return { ...infoOf(name), huggingface: null, modelscope: null, ...(await readFacts(folder)) };
  }
  if (Object.hasOwn(MODEL_NAMES, name)) return infoOf(name);
  const similar = suggestModelNames(name);
  throw new EasyNlpError('HUB_NAME_INVALID', {
    name,
    reason: 'it is not in the list of models',
    advice:
      similar.length > 0
        ? `Did you mean ${similar.join(' or ')}? Any other model of a supported architecture on the hub can be used all the same.`
        : 'easynlp models list prints the list. Any other model of a supported architecture on the hub can be used all the same.',
  });
}

async function readFacts(
  folder: string,
): Promise<Partial<ModelInfo> & Pick<ModelFolderInfo, 'folder' | 'parameters'>> {
  const { architecture, config } = await readConfig(folder);
  const number = (...keys: string[]) => keys.map((key) => config[key]).find((v) => typeof v === 'number');
  const [layers, hidden] = [number('num_hidden_layers', 'n_layers'), number('hidden_size', 'dim')];
  const weights = join(folder, 'model.safetensors');
  let parameters: number | null = null;
  if (existsSync(weights)) {
    parameters = 0;
    for (const { shape } of files.readSafetensorsHeader(weights).entries.values()) {
      parameters += shape.reduce((a, n) => a * n, 1);
    }
  }
  return {
    folder,
    parameters,
    architecture: architecture.modelType,
    title: architecture.title,
    supported: true,
    ...(layers && hidden ? { size: `${layers} × ${hidden}` } : {}),
  };
}
