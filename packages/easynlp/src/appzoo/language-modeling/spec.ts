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
