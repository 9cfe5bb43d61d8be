import type { TrainConfig } from '../../config/index.js';
import type { TaskSpec } from '../app.js';
import type { MaskingMode } from './masking.js';
import type { LanguageModelingConfig } from './options.js';

/** Masked language modelling: how texts are masked, and which column holds them outside of training. */
export interface LanguageModelingSpec extends TaskSpec {
  readonly app: 'language_modeling';
  readonly textColumn: string;
  readonly masking: MaskingMode;
  readonly maskingRate: number;
}

export async function prepareLanguageModeling(config: TrainConfig): Promise<LanguageModelingSpec> {
  const { masking, maskingRate } = config as LanguageModelingConfig;
  return {
    app: 'language_modeling',
    sequenceLength: config.sequenceLength,
    textColumn: config.firstSequence ?? 'text',
    masking,
    maskingRate,
  };
}

/** What a pretrained model with a head for masked tokens does; Hugging Face names the head in `architectures`. */
export function pretrainedLanguageModel(
  config: Readonly<Record<string, unknown>>,
): LanguageModelingSpec | null {
  const { architectures, max_position_embeddings: positions } = config;
  const heads = Array.isArray(architectures) ? architectures.map(String) : [];
  if (!heads.some((name) => /For(MaskedLM|PreTraining)$/.test(name))) return null;
  return {
    app: 'language_modeling',
    sequenceLength: Math.min(256, typeof positions === 'number' ? positions : 256),
    textColumn: 'text',
    masking: 'whole-word',
    maskingRate: 0.15,
  };
}
