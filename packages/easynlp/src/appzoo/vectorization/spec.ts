import type { PredictConfig } from '../../config/index.js';
import type { TaskSpec } from '../app.js';
import type { Pooling, VectorizationOptions } from './options.js';

/** How texts become vectors; a pretrained encoder needs no more. */
export interface VectorizationSpec extends TaskSpec {
  readonly app: 'vectorization';
  readonly firstSequence: string;
  /** What a result's vector is. */
  readonly pooling: Pooling;
  /** Everything that the model shall give. */
  readonly poolings: readonly Pooling[];
  readonly normalize: boolean;
  readonly vectorSize: number | null;
}

/** Columns of results, by what they hold; EasyNLP's names, and `mean_output`, which it lacks. */
export const POOLED_COLUMNS: Readonly<Record<string, Pooling>> = {
  pooler_output: 'pooler',
  first_token_output: 'first',
  mean_output: 'mean',
  all_hidden_outputs: 'tokens',
};

/** Any pretrained model will do; it is taken only where this task is asked for. */
export function pretrainedVectorization(
  config: Readonly<Record<string, unknown>>,
  { named }: { readonly named: boolean },
): VectorizationSpec | null {
  if (!named || typeof config.model_type !== 'string') return null;
  const positions = config.max_position_embeddings;
  return {
    app: 'vectorization',
    sequenceLength: Math.min(512, typeof positions === 'number' ? positions : 512),
    firstSequence: 'text',
    pooling: 'mean',
    poolings: ['mean'],
    normalize: false,
    vectorSize: null,
  };
}

/** The vectors that were asked for: by the options, and by the columns of the output. */
export function adjustVectorization(
  spec: VectorizationSpec,
  given: Readonly<Record<string, unknown>>,
): VectorizationSpec {
  const options = given as Partial<VectorizationOptions & Pick<PredictConfig, 'outputSchema'>>;
  const pooling = options.pooling ?? spec.pooling;
  const columns = (options.outputSchema ?? []).flatMap((name) => POOLED_COLUMNS[name] ?? []);
  // EasyNLP's columns alone name all that is wanted; the vector of a result is then the first of them.
  const named = options.outputSchema?.length === columns.length && columns.length > 0;
  return {
    ...spec,
    pooling: named ? columns[0]! : pooling,
    poolings: [...new Set(named ? columns : [pooling, ...columns])],
    normalize: options.normalize ?? spec.normalize,
    vectorSize: options.vectorSize ?? spec.vectorSize,
  };
}
