import { nn, type Tensor, tidy, where, zeros } from '@easynlp/torch';

/**
 * A linear-chain conditional random field (Lafferty, McCallum & Pereira 2001): p(y | x) ∝ exp(start(y₁) + Σ s_t(y_t) +
 * Σ a(y_t, y_{t+1}) + end(y_n)). Training puts no limits on what follows what; decoding does (`TagLattice`).
 */
export class LinearChainCrf extends nn.Module {
  /** a: [C, C], from tag to tag. */
  readonly transitions: nn.Parameter;
  /** [C] */
  readonly start: nn.Parameter;
  /** [C] */
  readonly end: nn.Parameter;

  constructor(tags: number) {
    super();
    const blank = (shape: readonly number[]) => tidy(() => new nn.Parameter(zeros(shape)));
    this.transitions = blank([tags, tags]);
    this.start = blank([tags]);
    this.end = blank([tags]);
  }

  /**
   * −log p(y | x) of each sequence.
   *
   * @param scores [B, U, C]
   * @param labels int64 [B, U]; negative from where a sequence ends
   * @returns [B]; 0 for empty sequences
   */
  negativeLogLikelihood(scores: Tensor, labels: Tensor): Tensor {
    return tidy(() => {
      const mask = labels.ge(0);
      const tags = labels.clampMin(0);
      const logZ = this.logPartition(scores, mask);
      const loss = logZ.sub(this.score(scores, tags, mask));
      return where(mask.select(1, 0), loss, loss.mul(0));
    });
  }

  /** log Σ_y exp(score of y), by the forward algorithm in log space, one step for the whole batch. */
  private logPartition(scores: Tensor, mask: Tensor): Tensor {
    const steps = scores.shape[1]!;
    const between = this.transitions.unsqueeze(0); // [1, C, C]
    let alpha = scores.select(1, 0).add(this.start.unsqueeze(0)); // [B, C]
    for (let t = 1; t < steps; t++) {
      const before = alpha;
      alpha = tidy(() => {
        const next = before.unsqueeze(2).add(between).logsumexp(1).add(scores.select(1, t)); // [B, C, 1] + [1, C, C] → [B, C]
        return where(mask.select(1, t).unsqueeze(1), next, before);
      });
    }
    return alpha.add(this.end.unsqueeze(0)).logsumexp(1);
  }

  private score(scores: Tensor, tags: Tensor, mask: Tensor): Tensor {
    const [rows, steps, size] = scores.shape as [number, number, number];
    const real = mask.to({ dtype: scores.dtype });
    const tokens = scores
      .gather(2, tags.unsqueeze(2))
      .squeeze(2)
      .mul(real)
      .sum({ dim: [1] });
    const first = this.start.indexSelect(0, tags.select(1, 0));
    const last = real
      .sum({ dim: [1], keepdim: true })
      .sub(1)
      .clampMin(0)
      .to({ dtype: 'int64' }); // [B, 1]
    const ends = this.end.indexSelect(0, tags.gather(1, last).squeeze(1));
    const sum = tokens.add(first).add(ends);
    if (steps === 1) return sum;
    const pairs = tags
      .narrow(1, 0, steps - 1)
      .mul(size)
      .add(tags.narrow(1, 1, steps - 1));
    const moves = this.transitions
      .reshape([-1])
      .indexSelect(0, pairs.reshape([-1]))
      .reshape([rows, steps - 1]);
    return sum.add(moves.mul(real.narrow(1, 1, steps - 1)).sum({ dim: [1] }));
  }
}
