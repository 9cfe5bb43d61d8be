import { amp, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModel, type Encoder, type ModelConfig } from '../../modelzoo/index.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import type { AppModel, ModelInputs, ModelOutputs, ModelSource } from '../app.js';
import { twoTowerLoss } from './two-tower-loss.js';
import type { TwoTowerSpec } from './two-tower-spec.js';

/** The field that holds the first encoder is named as in transformers' checkpoints, so that they load there. */
const PREFIXES: Readonly<Record<string, string>> = { 'megatron-bert': 'bert', 'deberta-v2': 'deberta' };

/**
 * Two encoders, or one used twice, and the vectors that they make of texts. In training mode `forward` also gives the
 * loss: it needs the task's settings, which a model has and the app's `loss` does not.
 */
export class TwoTowerModel extends nn.Module implements AppModel {
  readonly config: ModelConfig;
  /** Encoder of second texts; null when it is the first one's. */
  readonly second: Encoder | null;
  readonly projection: nn.Linear | null;
  readonly secondProjection: nn.Linear | null;
  readonly #encoder: Encoder;
  readonly #spec: TwoTowerSpec;

  constructor(spec: TwoTowerSpec, encoder: Encoder, second: Encoder | null) {
    super();
    this.#spec = spec;
    this.#encoder = encoder;
    this.config = encoder.config;
    Object.assign(this, { [PREFIXES[encoder.config.model_type] ?? encoder.config.model_type]: encoder });
    this.second = second;
    this.projection = projectionOf(spec, encoder);
    this.secondProjection = second === null ? null : projectionOf(spec, second);
  }

  /** `first` [B₁, E] and `second` [B₂, E], vectors of length 1; in training `loss`, a scalar. */
  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => {
      const outputs: Record<string, Tensor> = {};
      if (inputs.firstIds) outputs.first = this.vectors(inputs.firstIds, inputs.firstMask, false);
      if (inputs.secondIds) outputs.second = this.vectors(inputs.secondIds, inputs.secondMask, true);
      if (!this.training) return outputs;
      const negatives = inputs.negativeIds
        ? this.vectors(inputs.negativeIds, inputs.negativeMask, true)
        : undefined;
      // Similarities are divided by temperatures as small as 0.05: half precision would be heard in the loss.
      const device = inputs.firstIds!.device.split(':')[0]!;
      return amp.autocast({ device, enabled: false }, () => ({
        loss: twoTowerLoss(this.#spec, { ...outputs, negatives }, inputs),
      }));
    });
  }

  private vectors(inputIds: Tensor, mask: Tensor | undefined, isSecond: boolean): Tensor {
    const own = isSecond && this.second !== null;
    const encoder = own ? this.second! : this.#encoder;
    const projection = own ? this.secondProjection : this.projection;
    return tidy(() => {
      const pooled = this.pool(encoder, inputIds, mask ?? null);
      const projected = projection === null ? pooled : projection.forward(pooled);
      const exact = projected.dtype === 'float64' ? projected : projected.to({ dtype: 'float32' });
      return exact.div(exact.norm({ p: 2, dim: [1], keepdim: true }).clampMin(1e-12));
    });
  }

  private pool(encoder: Encoder, inputIds: Tensor, mask: Tensor | null): Tensor {
    const { lastHiddenState, poolerOutput } = encoder.forward({ inputIds, attentionMask: mask });
    const { pooling } = this.#spec;
    if (pooling === 'first') return lastHiddenState.select(1, 0);
    if (pooling === 'pooler') {
      if (poolerOutput !== null) return poolerOutput;
      throw new EasyNlpError('CONFIG_INVALID_VALUE', {
        key: 'pooling',
        expected: `mean or first: a ${this.config.model_type} model has no pooler`,
        got: pooling,
      });
    }
    if (mask === null) return lastHiddenState.mean({ dim: [1] });
    const weights = mask.to({ dtype: 'float32' }).unsqueeze(-1);
    const sum = lastHiddenState
      .to({ dtype: 'float32' })
      .mul(weights)
      .sum({ dim: [1] });
    return sum.div(weights.sum({ dim: [1] }));
  }
}

function projectionOf({ vectorSize }: TwoTowerSpec, { config }: Encoder): nn.Linear | null {
  if (vectorSize === null) return null;
  const projection = new nn.Linear(Number(config.hidden_size), vectorSize);
  nn.init.normal_(projection.weight, 0, config.initializer_range);
  nn.init.zeros_(projection.bias!);
  return projection;
}

/** The model with new weights, with those of an encoder, or with those of a model of this task. */
export async function twoTowerModel(
  spec: TwoTowerSpec,
  source: ModelSource,
  options: { onInfo?: (line: string) => void } = {},
): Promise<TwoTowerModel> {
  const onInfo = options.onInfo ? { onInfo: options.onInfo } : {};
  const separate = spec.encoders === 'separate';
  if (source.kind === 'config') {
    const first = AutoModel.fromConfig(source.config);
    const second = separate ? AutoModel.fromConfig(source.config) : null;
    // Both begin alike here, too: what the towers do differently is learned.
    if (second !== null) second.loadStateDict(first.stateDict());
    return new TwoTowerModel(spec, first, second);
  }
  const { folder } = source;
  // Without a pooler in the weights, a pooler that is not used need not be spoken of.
  const first = await AutoModel.fromPretrained(folder, spec.pooling === 'pooler' ? onInfo : {});
  const second = separate ? await AutoModel.fromPretrained(folder) : null;
  if (second !== null) second.loadStateDict(first.stateDict());
  const model = new TwoTowerModel(spec, first, second);
  try {
    loadOwn(model, folder);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/** Weights that only models of this task have. */
function loadOwn(model: TwoTowerModel, folder: string): void {
  noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(folder);
      const wrong: string[] = [];
      for (const [name, parameter] of model.namedParameters()) {
        if (!/^(second|projection|secondProjection)\./.test(name)) continue;
        const found = stored.get(name);
        if (!found) continue;
        if (found.shape.join() === parameter.shape.join()) parameter.copy_(found);
        else wrong.push(`${name} is [${found.shape.join(', ')}], expected [${parameter.shape.join(', ')}]`);
      }
      if (wrong.length > 0) throw new EasyNlpError('MODEL_WEIGHTS_SHAPE', { folder, wrong });
    }),
  );
}
