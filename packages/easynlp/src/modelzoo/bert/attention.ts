import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { Unpadding } from '../unpadding.js';
import type { BertConfig } from './config.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** What attention may look at: everything, what a bias leaves, or texts that lie one after the other. */
export interface Visible {
  /** Added to the scores. */
  readonly bias: Tensor | null;
  /** The batch is one row of all tokens [1, N, H]. */
  readonly unpadding: Unpadding | null;
}

/** Queries, keys and values of all heads, and what the heads see. */
class BertSelfAttention extends Module {
  readonly query: nn.Linear;
  readonly key: nn.Linear;
  readonly value: nn.Linear;
  /** Weights and biases of the three, one below the other, while there are working copies. */
  private packedWeight: Tensor | null = null;
  private packedBias: Tensor | null = null;
  private readonly heads: number;
  private readonly headSize: number;
  private readonly dropoutP: number;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
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
  private project(x: Tensor): Tensor[] {
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

  forward(
    x: Tensor,
    { bias, unpadding }: Visible,
    keepWeights: boolean,
  ): { context: Tensor; weights: Tensor | null } {
    const [batch, length, hidden] = x.shape as [number, number, number];
    const projected = this.project(x);
    const dropoutP = this.training ? this.dropoutP : 0;
    const scale = 1 / Math.sqrt(this.headSize);
    if (unpadding !== null) {
      const [q, k, v] = projected.map((t) => t.squeeze(0)) as [Tensor, Tensor, Tensor]; // [N, heads, H/heads]
      const { starts, longest } = unpadding;
      const seen = nn.functional.raggedAttention(q, k, v, starts, longest, { dropoutP, scale });
      return { context: this.join(seen, [batch, length, hidden]), weights: null };
    }
    const [q, k, v] = projected.map((t) => t.transpose(1, 2)) as [Tensor, Tensor, Tensor]; // [B, heads, T, H/heads]
    let weights: Tensor | null = null;
    let heads: Tensor;
    if (keepWeights) {
      let scores = q.matmul(k.transpose(-2, -1)).mul(scale); // [B, heads, T, T]
      if (bias !== null) scores = scores.add(bias);
      weights = nn.functional.dropout(scores.softmax(-1), dropoutP, this.training);
      heads = weights.matmul(v);
    } else {
      heads = nn.functional.scaledDotProductAttention(q, k, v, { mask: bias, dropoutP, scale });
    }
    return {
      context: this.join(heads.transpose(1, 2), [batch, length, hidden]), // [B, heads, T, H/heads] → [B, T, H]
      weights,
    };
  }

  /** […, heads, H/heads, or more with zeros] → `shape` */
  private join(heads: Tensor, shape: readonly number[]): Tensor {
    const full = heads.size(-1);
    return (full === this.headSize ? heads : heads.narrow(-1, 0, this.headSize)).reshape(shape);
  }
}

/** Linear, dropout, residual, LayerNorm: the end of both halves of a layer. */
export class BertResidualOutput extends Module {
  readonly dense: nn.Linear;
  readonly LayerNorm: nn.LayerNorm;
  readonly dropout: nn.Dropout;

  constructor(inputSize: number, config: BertConfig, factory: nn.FactoryOptions) {
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
export class BertAttention extends Module {
  readonly self: BertSelfAttention;
  readonly output: BertResidualOutput;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    this.self = new BertSelfAttention(config, factory);
    this.output = new BertResidualOutput(config.hidden_size, config, factory);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { context, weights } = tidy(() => this.self.forward(x, visible, keepWeights));
      return { hidden: this.output.forward(context, x), weights };
    });
  }
}
