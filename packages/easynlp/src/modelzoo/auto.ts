import type { Device, DType, nn } from '@easynlp/torch';
import { EasyNlpError } from '../errors/index.js';
import { ARCHITECTURES, KIND_NAMES, type ModelKind, type ModelKinds } from './architectures.js';
import { readConfig, type TypedConfig, typedConfig } from './auto-config.js';
import { type ResolveModelOptions, resolveModelFolder } from './hub/index.js';
import { type LoadWeightsOptions, loadWeights } from './load-weights.js';
import { labelNames, type ModelConfig, numLabels, withLabels } from './model-config.js';

export interface LabelOptions {
  /** Number of classes; names stay those of the configuration when it has as many. */
  readonly numLabels?: number;
  /** Labels by class index, or in order. */
  readonly id2label?: Readonly<Record<string | number, string>> | readonly string[];
  /** What the scores mean, as transformers writes it: `multi_label_classification` for any of several labels. */
  readonly problemType?: string;
}

export interface FromConfigOptions extends LabelOptions {
  /** Default `cpu`. Weights begin on the CPU, so that a seed means the same everywhere. */
  readonly device?: Device;
  /** Default float32. */
  readonly dtype?: DType;
}

export interface FromPretrainedOptions extends LabelOptions, LoadWeightsOptions, ResolveModelOptions {}

export interface AutoModelClass<M> {
  /**
   * A model with the weights of a folder or of a hub's model, in evaluation mode. Heads that the weights lack are begun
   * anew (fixed by `manualSeed`), which `onInfo` is told.
   *
   * @throws EasyNlpError HUB_*, MODEL_CONFIG_*, MODEL_TYPE_*, MODEL_TASK_UNSUPPORTED, MODEL_WEIGHTS_*
   */
  fromPretrained(nameOrFolder: string, options?: FromPretrainedOptions): Promise<M>;
  /** A model with random weights, in training mode; `config` is a `config.json`'s content with at least `model_type`. */
  fromConfig(config: unknown, options?: FromConfigOptions): M;
}

function autoModel<K extends ModelKind>(kind: K): AutoModelClass<ModelKinds[K]> {
  type Build = (config: ModelConfig, factory: nn.FactoryOptions) => ModelKinds[K];
  const builder = ({ architecture: row }: TypedConfig): Build => {
    const build = row.build[kind] as Build | undefined;
    if (build) return build;
    throw new EasyNlpError('MODEL_TASK_UNSUPPORTED', {
      modelType: row.modelType,
      task: KIND_NAMES[kind],
      known: ARCHITECTURES.filter((other) => other.build[kind]).map((other) => other.modelType),
    });
  };
  return {
    async fromPretrained(nameOrFolder, options = {}) {
      const folder = await resolveModelFolder(nameOrFolder, options);
      const typed = await readConfig(folder);
      const config = labelled(typed.config, options);
      // On `meta` nothing is allocated or filled before the weights come.
      const model = builder(typed)(config, { device: 'meta' });
      try {
        loadWeights(model, folder, typed.architecture.weights(config), options);
      } catch (error) {
        model.dispose();
        throw error;
      }
      model.eval();
      return model;
    },
    fromConfig(given, options = {}) {
      const typed = typedConfig(given);
      const model = builder(typed)(labelled(typed.config, options), {});
      model.to({ device: options.device ?? 'cpu', dtype: options.dtype ?? 'float32' });
      return model;
    },
  };
}

function labelled(
  given: ModelConfig,
  { numLabels: count, id2label, problemType }: LabelOptions,
): ModelConfig {
  const config = problemType === undefined ? given : { ...given, problem_type: problemType };
  if (id2label === undefined) {
    return count === undefined || (count === numLabels(config) && config.id2label)
      ? config
      : withLabels(config, count);
  }
  const size = Object.keys(id2label).length;
  const names = Array.isArray(id2label)
    ? (id2label as readonly string[])
    : labelNames({ ...config, id2label: id2label as Readonly<Record<string, string>> });
  if (count !== undefined && count !== size) {
    throw new EasyNlpError('MODEL_CONFIG_INVALID', {
      field: 'id2label',
      expected: `${count} labels, as numLabels says`,
      got: `${size}`,
    });
  }
  return withLabels(config, names);
}

/**
 * Encoders.
 *
 * @example
 * const model = await AutoModel.fromPretrained('hfl/chinese-macbert-base');
 * const { lastHiddenState } = inferenceMode(() => model.forward({ inputIds })); // [B, T, 768]
 */
export const AutoModel = autoModel('encoder');
/** Models that give one label per text. */
export const AutoModelForSequenceClassification = autoModel('sequenceClassification');
/** Models that give one label per token. */
export const AutoModelForTokenClassification = autoModel('tokenClassification');
/** Models that find the answer to a question in a text: logits [B, T, 2], its beginning and its end. */
export const AutoModelForQuestionAnswering = autoModel('questionAnswering');
/** Models that predict hidden tokens. */
export const AutoModelForMaskedLM = autoModel('maskedLm');
