import { arange, nn, noGrad, stack, type Tensor, tidy } from '@easynlp/torch';
import { BertSelfAttention } from '../bert/attention.js';
import { BertEmbeddings, BertModel, type BertModelOptions } from '../bert/model.js';
import type { EncoderInputs } from '../interfaces.js';
import type { Attended, Visible } from '../shared/attention.js';
import type { NezhaConfig } from './config.js';

/*
 * NEZHA, Wei et al. 2019 (arXiv 1909.00204): BERT without absolute positions. Keys and values are joined by a fixed,
 * sinusoidal encoding a_ij of the distance of the two tokens (§2.2, functional relative positional encoding).
 */

/** a_ij for all pairs of positions, [T, T, d] for heads of size d. */
interface RelativeVisible extends Visible {
  readonly relative: Tensor;
}

class NezhaSelfAttention extends BertSelfAttention {
  override forward(x: Tensor, visible: Visible, keepWeights: boolean): Attended {
    return tidy(() => {
      const { headSize } = this;
      const [batch, length] = x.shape as [number, number];
      const projected = this.project(x, visible).map((t) => t.narrow(-1, 0, headSize).transpose(1, 2));
      const [q, k, v] = projected as [Tensor, Tensor, Tensor]; // [B, heads, T, d]
      const relative = (visible as RelativeVisible).relative.to({ dtype: q.dtype });
      const rows = batch * this.heads;
      /** [B, heads, T, n] → [T, B·heads, n]: all rows that belong to one query's position. */
      const byQuery = (t: Tensor) => t.permute([2, 0, 1, 3]).reshape([length, rows, -1]);
      const back = (t: Tensor) => t.view([length, batch, this.heads, -1]).permute([1, 2, 0, 3]);
      // e_ij = q_i·(k_j + a_ij) / √d, eq. 3
      const positional = back(byQuery(q).matmul(relative.transpose(1, 2)));
      let scores = q
        .matmul(k.transpose(-2, -1))
        .add(positional)
        .mul(1 / Math.sqrt(headSize));
      if (visible.bias !== null) scores = scores.add(visible.bias);
      const weights = nn.functional.dropout(scores.softmax(-1), this.dropoutP, this.training);
      // z_i = Σ_j α_ij (v_j + a_ij), eq. 2
      const context = weights.matmul(v).add(back(byQuery(weights).matmul(relative)));
      return {
        context: context.transpose(1, 2).reshape([batch, length, -1]),
        weights: keepWeights ? weights : null,
      };
    });
  }
}

class NezhaEmbeddings extends BertEmbeddings {
  constructor(config: NezhaConfig, factory: nn.FactoryOptions) {
    super(config, factory, { positions: false });
  }
}

/** The NEZHA encoder. */
export class NezhaModel extends BertModel<NezhaConfig> {
  /** Distances are those of places in the batch. */
  override readonly unpads = false;

  constructor(config: NezhaConfig, options: BertModelOptions = {}) {
    super(config, options, { Embeddings: NezhaEmbeddings, SelfAttention: NezhaSelfAttention });
  }

  protected override get positions(): null {
    return null;
  }

  protected override see(visible: Visible, embedded: Tensor, _inputs: EncoderInputs): RelativeVisible {
    const { hidden_size: hidden, num_attention_heads: heads, max_relative_position: farthest } = this.config;
    const size = hidden / heads;
    const length = embedded.size(1);
    const { device, dtype } = embedded;
    const relative = noGrad(() =>
      tidy(() => {
        const places = arange(length, { dtype: 'int64', device });
        const distances = places.unsqueeze(0).sub(places.unsqueeze(1)); // j − i
        const rows = distances.clamp({ min: -farthest, max: farthest }).add(farthest);
        // Sines in the even columns, cosines in the odd ones, eq. 4 and 5.
        const numbers = arange(2 * farthest + 1, { dtype: 'float64', device }).unsqueeze(1);
        const pairs = Math.ceil(size / 2);
        const frequencies = arange(pairs, { dtype: 'float64', device })
          .mul((-2 * Math.log(10000)) / size)
          .exp();
        const angles = numbers.mul(frequencies);
        const table = stack([angles.sin(), angles.cos()], { dim: -1 })
          .flatten({ startDim: 1 })
          .narrow(1, 0, size)
          .to({ dtype });
        return table.indexSelect(0, rows.reshape([-1])).view([length, length, size]);
      }),
    );
    return { ...visible, relative };
  }
}
