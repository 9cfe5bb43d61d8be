import { nn, type Tensor, tidy } from '@easynlp/torch';
import { type Attended, attend, type Visible } from '../shared/attention.js';
import type { BertShape } from './config.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** Queries, keys and values of all heads, and what the heads see. */
export class BertSelfAttention extends Module {
  readonly query: nn.Linear;
  readonly key: nn.Linear;
  readonly value: nn.Linear;
  /** Weights and biases of the three, one below the other, while there are working copies. */
  private packedWeight: Tensor | null = null;
  private packedBias: Tensor | null = null;
  protected readonly heads: number;
  protected readonly headSize: number;
  protected readonly dropoutP: number;

  constructor(config: BertShape, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden, num_attention_heads: heads } = config;
    this.heads = heads;
    this.headSize = hidden / heads;
    this.dropoutP = config.attention_probs_dropout_prob;
    this.query = new Linear(hidden, hidden, factory);
    this.key = new Linear(hidden, hidden, factory);
    this.value = new Linear(hidden, hidden, factory);
  }

  override lowPrecisionFields(): readonly nn.LowPrecisionField[] {
    const { query, key, value } = this;
    return [
      { field: 'packedWeight', of: [query.weight, key.weight, value.weight] },
      { field: 'packedBias', of: [query.bias!, key.bias!, value.bias!] },
    ];
  }

  /** Queries, keys and values [B, T, heads, H/heads or, filled with zeros, the next multiple of 8]. */
  protected project(x: Tensor, _visible: Visible): Tensor[] {
    const [batch, length] = x.shape as [number, number];
    const { packedWeight, packedBias } = this;
    if (packedWeight === null) {
      return [this.query, this.key, this.value].map((layer) =>
        layer.forward(x).view([batch, length, this.heads, this.headSize]),
      );
    }
    const packed = nn.functional
      .linear(x, packedWeight, packedBias)
      .view([batch, length, 3, this.heads, this.headSize]);
    // Fused attention takes head sizes that are multiples of 8; filled here, it is one pass for all three.
    const fill = (8 - (this.headSize % 8)) % 8;
    return (fill > 0 ? packed.constantPadNd([0, fill]) : packed).unbind({ dim: 2 });
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): Attended {
    const { dropoutP, training, headSize } = this;
    return attend(this.project(x, visible), visible, { dropoutP, training, keepWeights, headSize });
  }
}

/** What a layer needs of its attention; relatives of BERT bring their own. */
export interface SelfAttention extends nn.Module {
  forward(x: Tensor, visible: Visible, keepWeights: boolean): Attended;
}
export type SelfAttentionClass<C> = new (config: C, factory: nn.FactoryOptions) => SelfAttention;

/** Linear, dropout, residual, LayerNorm: the end of both halves of a layer. */
export class BertResidualOutput extends Module {
  readonly dense: nn.Linear;
  readonly LayerNorm: nn.LayerNorm;
  readonly dropout: nn.Dropout;

  constructor(inputSize: number, config: BertShape, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(inputSize, config.hidden_size, factory);
    this.LayerNorm = new LayerNorm(config.hidden_size, { ...factory, eps: config.layer_norm_eps });
    this.dropout = new Dropout(config.hidden_dropout_prob);
  }

  forward(x: Tensor, residual: Tensor): Tensor {
    return tidy(() => {
      const y = this.dense.forward(x);
      const dropped = this.dropout.forward(y);
      // Dropout's result is nobody else's; under autocast the sum must take the residual's precision.
      const own = dropped !== y && dropped.dtype === residual.dtype;
      return this.LayerNorm.forward(own ? dropped.add_(residual) : dropped.add(residual));
    });
  }
}

/** Multi-head self-attention with its residual connection, Vaswani et al. 2017 §3.2. */
export class BertAttention<C extends BertShape = BertShape> extends Module {
  readonly self: SelfAttention;
  readonly output: BertResidualOutput;

  constructor(config: C, factory: nn.FactoryOptions, Attention: SelfAttentionClass<C> = BertSelfAttention) {
    super();
    this.self = new Attention(config, factory);
    this.output = new BertResidualOutput(config.hidden_size, config, factory);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { context, weights } = tidy(() => this.self.forward(x, visible, keepWeights));
      return { hidden: this.output.forward(context, x), weights };
    });
  }
}
