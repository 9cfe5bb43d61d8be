import { arange, nn, type Tensor, tensor, tidy } from '@easynlp/torch';
import type { Attended, Visible } from '../shared/attention.js';
import { type DebertaV2Config, type RelativeShape, relativeShape } from './config.js';

const { Dropout, Linear, Module } = nn;

/** What the layers are given besides the mask. */
export interface DebertaVisible extends Visible {
  /** Embeddings of relative positions [2·span, H]; null without relative attention. */
  readonly relative: Tensor | null;
  /** int64 [T, T]: row of `relative` for the distance from query i to key j, δ(i, j) of He et al. 2021 eq. 3. */
  readonly rows: Tensor | null;
  /** 1 for tokens, 0 for padding [B, T, 1], in the states' dtype; null without padding. */
  readonly tokens: Tensor | null;
}

/** Rows of the embeddings for the distances 1 − size … size − 1: near ones each have their own, far ones share by logarithm. */
export function rowsByDistance(size: number, shape: RelativeShape, device: string): Tensor {
  const { span } = shape;
  const rows = Array.from({ length: 2 * size - 1 }, (_, i) => {
    const row = bucketOf(i - (size - 1), shape) + span;
    return Math.min(Math.max(row, 0), 2 * span - 1);
  });
  return tensor(rows, { dtype: 'int64', device });
}

/** The same for all pairs of positions, int64 [length, length]; `byDistance` is of a size of at least `length`. */
export function rowsOfPairs(length: number, byDistance: Tensor): Tensor {
  return tidy(() => {
    const nearest = (byDistance.size(0) - 1) / 2;
    const places = arange(length, { dtype: 'int64', device: byDistance.device });
    const distances = places.unsqueeze(1).sub(places.unsqueeze(0));
    return byDistance.indexSelect(0, distances.add(nearest).reshape([-1])).view([length, length]);
  });
}

/** DeBERTa-v2's log buckets, computed in single precision as by the program that the weights come from. */
export function bucketOf(distance: number, { buckets, farthest }: RelativeShape): number {
  const middle = Math.floor(buckets / 2);
  const size = Math.abs(distance);
  if (buckets <= 0 || size <= middle) return distance;
  const f = Math.fround;
  const ratio = f(f(Math.log(f(size / middle))) / f(Math.log(f((farthest - 1) / middle))));
  return Math.sign(distance) * (Math.ceil(f(ratio * (middle - 1))) + middle);
}

/**
 * Disentangled self-attention, He et al. 2021 §3.1: the score of two tokens is the sum of content by content, content
 * by position and position by content (eq. 4), each divided by √(3d).
 */
export class DisentangledSelfAttention extends Module {
  readonly query_proj: nn.Linear;
  readonly key_proj: nn.Linear;
  readonly value_proj: nn.Linear;
  /** Absent where positions share the projections of content. */
  readonly pos_key_proj: nn.Linear | null = null;
  readonly pos_query_proj: nn.Linear | null = null;
  readonly pos_dropout: nn.Dropout;
  readonly dropout: nn.Dropout;
  private readonly heads: number;
  private readonly shape: RelativeShape | null;

  constructor(config: DebertaV2Config, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden } = config;
    this.heads = config.num_attention_heads;
    this.shape = relativeShape(config);
    this.query_proj = new Linear(hidden, hidden, factory);
    this.key_proj = new Linear(hidden, hidden, factory);
    this.value_proj = new Linear(hidden, hidden, factory);
    const own = this.shape !== null && !config.share_att_key;
    if (own && this.shape.contentToPosition) this.pos_key_proj = new Linear(hidden, hidden, factory);
    if (own && this.shape.positionToContent) this.pos_query_proj = new Linear(hidden, hidden, factory);
    this.pos_dropout = new Dropout(config.hidden_dropout_prob);
    this.dropout = new Dropout(config.attention_probs_dropout_prob);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): Attended {
    return tidy(() => {
      const [batch, length, hidden] = x.shape as [number, number, number];
      const project = (layer: nn.Linear) => this.split(layer.forward(x).view([batch, length, hidden]));
      const [q, k, v] = [this.query_proj, this.key_proj, this.value_proj].map(project) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const terms =
        1 + Number(this.shape?.contentToPosition ?? 0) + Number(this.shape?.positionToContent ?? 0);
      let scores = q.matmul(k.transpose(-2, -1)); // [B, heads, T, T]
      const { relative, rows } = visible as DebertaVisible;
      if (relative && rows) scores = this.addPositions(scores, q, k, relative, rows);
      scores = scores.mul(1 / Math.sqrt(terms * q.size(-1)));
      if (visible.bias !== null) scores = scores.add(visible.bias);
      const weights = this.dropout.forward(scores.softmax(-1));
      const context = weights.matmul(v).transpose(1, 2).reshape([batch, length, hidden]);
      return { context, weights: keepWeights ? weights : null };
    });
  }

  private addPositions(scores: Tensor, q: Tensor, k: Tensor, relative: Tensor, rows: Tensor): Tensor {
    const { contentToPosition, positionToContent } = this.shape!;
    const table = this.pos_dropout.forward(relative).unsqueeze(0); // [1, 2·span, H]
    const at = rows.expand(scores.shape);
    let sum = scores;
    if (contentToPosition) {
      const keys = this.split((this.pos_key_proj ?? this.key_proj).forward(table)); // [1, heads, 2·span, d]
      sum = sum.add(q.matmul(keys.transpose(-2, -1)).gather(-1, at));
    }
    if (positionToContent) {
      const queries = this.split((this.pos_query_proj ?? this.query_proj).forward(table));
      // Row δ(j, i) of eq. 4 for key j and query i, which is the row of query i and key j: distances are odd.
      const byKey = k.matmul(queries.transpose(-2, -1)).gather(-1, at.transpose(-2, -1)); // [B, heads, keys, queries]
      sum = sum.add(byKey.transpose(-2, -1));
    }
    return sum;
  }

  /** [B, T, H] → [B, heads, T, d] */
  private split(x: Tensor): Tensor {
    return x.view([x.size(0), x.size(1), this.heads, -1]).transpose(1, 2);
  }
}
