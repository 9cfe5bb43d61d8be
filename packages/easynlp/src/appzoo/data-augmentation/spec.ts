import type { UserWord } from '../../datahub/corpus/index.js';
import type { TaskSpec } from '../app.js';
import type { AugmentOptions } from './options.js';

/** How texts are changed; a pretrained masked language model needs no more. */
export interface DataAugmentationSpec extends TaskSpec {
  readonly app: 'data_augmentation';
  readonly firstSequence: string;
  readonly secondSequence: string | null;
  readonly fill: FillSettings;
}

export type FillSettings = Pick<
  AugmentOptions,
  'maskProportion' | 'removeBlanks' | 'neverKeepSame' | 'fillTemperature' | 'topK' | 'seed'
> & { readonly words?: readonly UserWord[] };

export const DEFAULT_FILL: FillSettings = {
  maskProportion: 0.15,
  removeBlanks: false,
  neverKeepSame: false,
  fillTemperature: 0,
  topK: undefined,
  seed: 42,
};

/** The task of a pretrained model with a head for masked tokens; null for any other. */
export function pretrainedAugmentation(
  config: Readonly<Record<string, unknown>>,
): DataAugmentationSpec | null {
  const { architectures, max_position_embeddings: positions } = config;
  const heads = Array.isArray(architectures) ? architectures.map(String) : [];
  if (!heads.some((name) => /For(MaskedLM|PreTraining)$/.test(name))) return null;
  return {
    app: 'data_augmentation',
    sequenceLength: Math.min(256, typeof positions === 'number' ? positions : 256),
    firstSequence: 'text',
    secondSequence: null,
    fill: DEFAULT_FILL,
  };
}
