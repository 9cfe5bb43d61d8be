import { nn, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModel, type Encoder, type ModelConfig } from '../../modelzoo/index.js';
import type { AppModel, ModelInputs, ModelOutputs, ModelSource } from '../app.js';
import type { Pooling } from './options.js';
import type { VectorizationSpec } from './spec.js';

/** An encoder that gives the vectors which the task asks for. */
export class VectorModel extends nn.Module implements AppModel {
  readonly config: ModelConfig;
  readonly encoder: Encoder;
  readonly #spec: VectorizationSpec;

  constructor(spec: VectorizationSpec, encoder: Encoder) {
    super();
    this.#spec = spec;
    this.encoder = encoder;
    this.config = encoder.config;
  }

  /** `mean`, `first`, `pooler` [B, E] and `tokens` [B, T, E], those of them that are wanted, in float32. */
  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => {
      const { lastHiddenState, poolerOutput } = this.encoder.forward(inputs);
      const mask = inputs.attentionMask ?? null;
      const of: Readonly<Record<Pooling, () => Tensor>> = {
        tokens: () => lastHiddenState,
        first: () => lastHiddenState.select(1, 0),
        pooler: () => poolerOutput!,
        mean: () => meanOf(lastHiddenState, mask),
      };
      return Object.fromEntries(this.#spec.poolings.map((pooling) => [pooling, this.finish(of[pooling]())]));
    });
  }

  /** Cut, then brought to length 1: a part of a unit vector is shorter than 1. */
  private finish(vectors: Tensor): Tensor {
    const { vectorSize, normalize } = this.#spec;
    const exact = vectors.to({ dtype: 'float32' });
    const cut = vectorSize === null ? exact : exact.narrow(-1, 0, vectorSize);
    return normalize ? cut.div(cut.norm({ p: 2, dim: [-1], keepdim: true }).clampMin(1e-12)) : cut;
  }
}

/** Mean over the tokens that are not padding, [B, T, H] → [B, H]. */
function meanOf(hidden: Tensor, mask: Tensor | null): Tensor {
  const states = hidden.to({ dtype: 'float32' });
  if (mask === null) return states.mean({ dim: [1] });
  const weights = mask.to({ dtype: 'float32' }).unsqueeze(-1);
  return states
    .mul(weights)
    .sum({ dim: [1] })
    .div(weights.sum({ dim: [1] }));
}

/** @throws EasyNlpError CONFIG_INVALID_VALUE for a size or a pooler that the model does not have */
export async function vectorModel(spec: VectorizationSpec, source: ModelSource): Promise<VectorModel> {
  const anew: string[] = [];
  const encoder =
    source.kind === 'config'
      ? AutoModel.fromConfig(source.config)
      : await AutoModel.fromPretrained(source.folder, {
          onInfo: (line) => {
            if (line.startsWith('Begun anew')) anew.push(line);
          },
        });
  const refuse = (key: string, expected: string, got: string) => {
    encoder.dispose();
    return new EasyNlpError('CONFIG_INVALID_VALUE', { key, expected, got });
  };
  const width = Number(encoder.config.hidden_size);
  if (spec.vectorSize !== null && spec.vectorSize > width) {
    throw refuse('vectorSize', `at most ${width}, the width of the model`, String(spec.vectorSize));
  }
  if (spec.poolings.includes('pooler') && (anew.length > 0 || !hasPooler(encoder))) {
    throw refuse(
      'pooling',
      'mean, first or tokens: the weights of this model have no pooler (column pooler_output)',
      'pooler',
    );
  }
  return new VectorModel(spec, encoder);
}

const hasPooler = (encoder: Encoder): boolean =>
  [...encoder.namedModules()].some(([name]) => /(^|\.)pooler$/.test(name));
