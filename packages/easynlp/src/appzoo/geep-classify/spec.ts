import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import type { ClassificationSpec } from '../sequence/index.js';
import { prepareTextClassify } from '../text-classify/spec.js';
import type { GeepOptions } from './options.js';

/** Classification with early exit: as text_classify, and where texts may leave. */
export interface GeepSpec extends ClassificationSpec {
  readonly app: 'geep_classify';
  /** Layers with an exit, from the first; null = all but the last. */
  readonly exits: number | null;
  /** Normalised entropy up to which texts leave; 0 = never. */
  readonly exitThreshold: number;
}

export async function prepareGeep(given: TrainConfig, source: DataSource): Promise<GeepSpec> {
  const config = given as TrainConfig & GeepOptions;
  const task = await prepareTextClassify(config, source);
  return { ...task, app: 'geep_classify', exits: config.exits ?? null, exitThreshold: config.exitThreshold };
}
