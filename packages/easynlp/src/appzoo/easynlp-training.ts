import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EasyNlpError } from '../errors/index.js';

/** What EasyNLP (Python) writes beside the weights that it trained, as far as it says what they are for. */
export interface EasyNlpTraining {
  /** Name of the task here; null where the folder does not say it, or it is one that is not here. */
  readonly app: string | null;
  /** A label's id is its position. */
  readonly labels: readonly string[];
  readonly sequenceLength: number;
  readonly firstSequence: string;
  readonly secondSequence: string | null;
  readonly labelName: string;
}

const LABELS = 'label_mapping.json';
const TRAINING = 'train_config.json';

type Json = Readonly<Record<string, unknown>>;

async function readObject(folder: string, name: string): Promise<Json | null> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => null);
  if (text === null) return null;
  const value = await Promise.resolve(text)
    .then((json) => JSON.parse(json) as unknown)
    .catch(() => null);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new EasyNlpError('ARTEFACT_INVALID', { folder, reason: `${name} is not a JSON object` });
}

/** Labels of `label_mapping.json` (label → number) in the order of their numbers; null where there is none. */
export async function easyNlpLabels(folder: string): Promise<readonly string[] | null> {
  if (!existsSync(join(folder, LABELS))) return null;
  const mapping = await readObject(folder, LABELS);
  if (mapping === null) return null;
  const labels: string[] = [];
  for (const [label, id] of Object.entries(mapping)) if (typeof id === 'number') labels[id] = label;
  const numbers = Object.values(mapping).length;
  // Holes and further properties (-1, 0.5) show in one of the two.
  if (numbers > 0 && labels.length === numbers && Object.keys(labels).length === numbers) return labels;
  throw new EasyNlpError('ARTEFACT_INVALID', {
    folder,
    reason: `${LABELS} does not give the labels the numbers 0 to ${Math.max(0, numbers - 1)}, each once`,
  });
}

/**
 * A folder that EasyNLP trained: `label_mapping.json`, and `train_config.json` with all of its arguments. Null where
 * there is no label mapping.
 *
 * @throws EasyNlpError ARTEFACT_INVALID
 */
export async function readEasyNlpTraining(folder: string): Promise<EasyNlpTraining | null> {
  const labels = await easyNlpLabels(folder);
  if (labels === null) return null;
  const config = (await readObject(folder, TRAINING)) ?? {};
  const text = (key: string) => {
    const value = config[key];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const length = config.sequence_length;
  return {
    app: appOf(config),
    labels,
    sequenceLength: typeof length === 'number' && Number.isInteger(length) && length > 2 ? length : 128,
    firstSequence: text('first_sequence') ?? 'text',
    secondSequence: text('second_sequence'),
    labelName: text('label_name') ?? 'label',
  };
}

/** EasyNLP's task under the name that it has here. */
function appOf(config: Json): string | null {
  // A text, `multi_label=True …`, or what became of it.
  const given = config.user_defined_parameters;
  const parameters = typeof given === 'string' ? given : JSON.stringify(given ?? '');
  const on = (name: string) => new RegExp(`\\b${name}["']?\\s*[=:]\\s*["']?true`, 'i').test(parameters);
  if (on('enable_fewshot') || on('two_tower')) return null;
  switch (config.app_name) {
    case 'text_classify':
      return on('multi_label') ? 'text_classify_multi_label' : 'text_classify';
    case 'text_match':
    case 'sequence_labeling':
      return config.app_name;
    default:
      return null;
  }
}
