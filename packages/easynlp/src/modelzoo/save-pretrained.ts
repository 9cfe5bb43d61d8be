import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { files, type nn, type Tensor, TorchError } from '@easynlp/torch';
import { EasyNlpError } from '../errors/index.js';
import { labelNames, type ModelConfig, withLabels } from './model-config.js';

export interface SavePretrainedOptions {
  /** Files to copy beside the weights, e.g. `vocab.txt`, `tokenizer.json`. */
  readonly tokenizerFiles?: readonly string[];
}

/**
 * Writes `config.json` and `model.safetensors` as Python's transformers reads them: tied weights once, unknown fields
 * of the configuration kept.
 *
 * A new folder appears complete or not at all. In an existing folder each file is replaced atomically, `config.json`
 * last; other files stay.
 *
 * @throws EasyNlpError MODEL_SAVE_FAILED when the disk is full or the folder cannot be written
 */
export async function savePretrained(
  folder: string,
  model: nn.Module,
  options: SavePretrainedOptions = {},
): Promise<void> {
  const config = configOf(model);
  const fill = (target: string) => {
    files.saveSafetensors(join(target, 'model.safetensors'), untied(model));
    for (const file of options.tokenizerFiles ?? []) {
      files.writeFileAtomic(join(target, basename(file)), readFileSync(file));
    }
    files.writeFileAtomic(join(target, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
  };
  try {
    if (existsSync(folder)) fill(folder);
    else {
      mkdirSync(dirname(folder), { recursive: true });
      await files.atomicFolder(folder, fill);
    }
  } catch (error) {
    if (error instanceof EasyNlpError) throw error;
    const system =
      error instanceof TorchError ? error.code === 'IO_ERROR' : error instanceof Error && 'syscall' in error;
    if (!system) throw error;
    throw new EasyNlpError(
      'MODEL_SAVE_FAILED',
      { folder, reason: (error as Error).message },
      { cause: error },
    );
  }
}

/** Each weight once, under its first name: readers of Hugging Face's layout refuse or duplicate shared tensors. */
function untied(model: nn.Module): Map<string, Tensor> {
  const out = new Map<string, Tensor>(model.namedParameters());
  for (const [name, buffer] of model.namedBuffers('', true)) out.set(name, buffer);
  return out;
}

function configOf(model: nn.Module): Record<string, unknown> {
  const { config } = model as { config?: ModelConfig };
  if (!config?.model_type) {
    throw new EasyNlpError('MODEL_CONFIG_INVALID', {
      field: 'model_type',
      expected: 'a model of the zoo, with its configuration',
      got: `a ${model.constructor.name} without one`,
    });
  }
  // `num_labels` alone would leave the labels' names to the reader.
  const named = config.num_labels && !config.id2label ? withLabels(config, labelNames(config)) : config;
  const { dtype: _, ...rest } = named as ModelConfig & { dtype?: unknown };
  const first = model.parameters()[0];
  const { architecture = model.constructor.name } = model as { architecture?: string };
  return {
    ...rest,
    architectures: [architecture],
    ...(first ? { torch_dtype: first.dtype } : {}),
  };
}
