import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { BertConfig } from './config.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** Queries, keys and values of all heads, and what the heads see. */
class BertSelfAttention extends Module {
  readonly query: nn.Linear;
  readonly key: nn.Linear;
  readonly value: nn.Linear;
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

  forward(x: Tensor, bias: Tensor | null, keepWeights: boolean): { context: Tensor; weights: Tensor | null } {
    const [batch, length, hidden] = x.shape as [number, number, number];
    const split = (t: Tensor) => t.view([batch, length, this.heads, this.headSize]).transpose(1, 2); // [B, T, H] → [B, heads, T, H/heads]
    const q = split(this.query.forward(x));
    const k = split(this.key.forward(x));
    const v = split(this.value.forward(x));
    const dropoutP = this.training ? this.dropoutP : 0;
    let weights: Tensor | null = null;
    let heads: Tensor;
    if (keepWeights) {
      let scores = q.matmul(k.transpose(-2, -1)).mul(1 / Math.sqrt(this.headSize)); // [B, heads, T, T]
      if (bias !== null) scores = scores.add(bias);
      weights = nn.functional.dropout(scores.softmax(-1), dropoutP, this.training);
      heads = weights.matmul(v);
    } else {
      heads = nn.functional.scaledDotProductAttention(q, k, v, { mask: bias, dropoutP });
    }
    return {
      context: heads.transpose(1, 2).reshape([batch, length, hidden]), // [B, heads, T, H/heads] → [B, T, H]
      weights,
    };
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
    return tidy(() => this.LayerNorm.forward(this.dropout.forward(this.dense.forward(x)).add(residual)));
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

  forward(x: Tensor, bias: Tensor | null, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { context, weights } = tidy(() => this.self.forward(x, bias, keepWeights));
      return { hidden: this.output.forward(context, x), weights };
    });
  }
}
