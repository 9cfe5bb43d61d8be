import { arange, cat, nn, noGrad, stack, type Tensor, tidy } from '@easynlp/torch';
import { BertSelfAttention } from '../bert/attention.js';
import { BertEmbeddings, BertModel, initBertWeights } from '../bert/model.js';
import type { EncoderInputs } from '../interfaces.js';
import type { Visible } from '../shared/attention.js';
import type { RoFormerConfig } from './config.js';

/*
 * RoFormer, Su et al. 2021 (arXiv 2104.09864): queries and keys are turned by an angle that grows with their position,
 * so that their product depends on the distance only (§3.2.2, eq. 14 and 15).
 */

/** Sines and cosines of the angles, [T, 1, d/2] or [B, T, 1, d/2] for heads of size d. */
interface RotaryVisible extends Visible {
  readonly rotary: { readonly sin: Tensor; readonly cos: Tensor };
}

/** R·x, eq. 34: pairs of neighbours are points in a plane, turned by their angle. x is [B, T, heads, d]. */
function rotate(x: Tensor, { sin, cos }: RotaryVisible['rotary']): Tensor {
  return tidy(() => {
    const half = x.size(-1) / 2;
    const [a, b] = x.reshape([...x.shape.slice(0, -1), half, 2]).unbind({ dim: -1 }) as [Tensor, Tensor];
    // Heads filled with zeros stay so, whatever the angle.
    const fill = (t: Tensor) => (t.size(-1) === half ? t : t.constantPadNd([0, half - t.size(-1)]));
    const [s, c] = [fill(sin).to({ dtype: x.dtype }), fill(cos).to({ dtype: x.dtype })];
    return stack([a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))], { dim: -1 }).flatten({ startDim: -2 });
  });
}

class RoFormerSelfAttention extends BertSelfAttention {
  private readonly rotatesValues: boolean;

  constructor(config: RoFormerConfig, factory: nn.FactoryOptions) {
    super(config, factory);
    this.rotatesValues = config.rotary_value;
  }

  protected override project(x: Tensor, visible: Visible): Tensor[] {
    const [q, k, v] = super.project(x, visible) as [Tensor, Tensor, Tensor];
    const { rotary } = visible as RotaryVisible;
    return [rotate(q, rotary), rotate(k, rotary), this.rotatesValues ? rotate(v, rotary) : v];
  }
}

class RoFormerEmbeddings extends BertEmbeddings {
  constructor(config: RoFormerConfig, factory: nn.FactoryOptions) {
    super(config, factory, { width: config.embedding_size ?? config.hidden_size, positions: false });
  }
}

/**
 * The table of sines and cosines [positions, d] that transformers stores with the weights and asks for; the layers
 * compute their own.
 */
class SinusoidalTable extends nn.Module {
  constructor(rows: number, size: number) {
    super();
    const table = tidy(() => {
      const angles = arange(rows, { dtype: 'float64' })
        .unsqueeze(1)
        .mul(frequencies(size / 2, 'cpu'));
      return cat([angles.sin(), angles.cos()], { dim: 1 }).to({ dtype: 'float32' });
    });
    this.registerBuffer('weight', table);
  }
}

/** θ_j = 10000^(−2j/d) for j < half = d/2; in double precision, for the angles of far positions are large. */
function frequencies(half: number, device: string): Tensor {
  return tidy(() =>
    arange(half, { dtype: 'float64', device })
      .mul(-Math.log(10000) / half)
      .exp(),
  );
}

/** The RoFormer encoder; it has no pooler. */
export class RoFormerModel extends BertModel<RoFormerConfig> {
  readonly embeddings_project: nn.Linear | null;

  constructor(config: RoFormerConfig, factory: nn.FactoryOptions = {}) {
    const parts = { Embeddings: RoFormerEmbeddings, SelfAttention: RoFormerSelfAttention };
    super(config, { ...factory, addPoolingLayer: false }, parts);
    const { hidden_size: hidden, embedding_size: width = hidden } = config;
    const positions = new SinusoidalTable(
      config.max_position_embeddings,
      hidden / config.num_attention_heads,
    );
    Object.assign(this.encoder, { embed_positions: positions });
    this.embeddings_project = (width ?? hidden) === hidden ? null : new nn.Linear(width!, hidden, factory);
    if (this.embeddings_project && factory.device !== 'meta')
      initBertWeights(this.embeddings_project, config);
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    const embedded = super.embed(inputs);
    return this.embeddings_project?.forward(embedded) ?? embedded;
  }

  protected override see(visible: Visible, embedded: Tensor, { positionIds }: EncoderInputs): RotaryVisible {
    const { hidden_size: hidden, num_attention_heads: heads } = this.config;
    const { device } = embedded;
    const rotary = noGrad(() =>
      tidy(() => {
        const positions = positionIds ?? arange(embedded.size(1), { device });
        const angles = positions
          .to({ dtype: 'float64' })
          .unsqueeze(-1)
          .mul(frequencies(hidden / heads / 2, device))
          .unsqueeze(-2);
        const { dtype } = embedded;
        return { sin: angles.sin().to({ dtype }), cos: angles.cos().to({ dtype }) };
      }),
    );
    return { ...visible, rotary };
  }
}
