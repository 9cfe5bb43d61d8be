import { arange, type Tensor, tidy } from '@easynlp/torch';
import type { StepPosition } from '../../trainer/objective.js';
import { hardLoss, logitsKind, softLoss } from './losses.js';
import { type LinearChange, ScheduledScalar } from './schedule.js';

export interface KdLossParts {
  /** Scalars of a batch. */
  readonly loss: Tensor;
  /** Mean distance from the teacher, T² included. */
  readonly soft: Tensor;
  /** Mean loss of the labelled rows. */
  readonly hard: Tensor;
}

/** A teacher that is made up: what it gives the gold label, and the weight γ of its part. */
export interface SmoothTeacher {
  readonly weight: number;
  readonly probability: number;
}

/**
 * L = mean over rows of w·( α·T²·KL(teacher ‖ student) + (1 − α)·CE(gold) ), with α = 1 for rows without a gold label.
 *
 * Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531); EasyNLP's `vanilla_kd` where
 * every row has its label and weight 1. For few rows (EasyNLP's `fewshot_distillation`) γ of 1 − α goes to a made-up
 * teacher that is fairly sure of the gold label (Yuan et al. 2020, arXiv 1909.11723, §4.2).
 */
export class KdLoss {
  private readonly temperature: ScheduledScalar;
  private readonly alpha: ScheduledScalar;

  private readonly smooth: SmoothTeacher | null;

  constructor(settings: {
    temperature: LinearChange;
    alpha: LinearChange;
    device: string;
    smooth?: SmoothTeacher;
  }) {
    this.smooth = settings.smooth && settings.smooth.weight > 0 ? settings.smooth : null;
    this.temperature = new ScheduledScalar(settings.temperature, settings.device);
    this.alpha = new ScheduledScalar(settings.alpha, settings.device);
  }

  beforeStep(position: StepPosition): void {
    this.temperature.beforeStep(position);
    this.alpha.beforeStep(position);
  }

  /**
   * @param student [B, C], @param teacher [B, C], @param labels as the app's own loss takes them
   * @param labelled float32 [B], 1 for rows whose label counts, 0 for the others; null = all count
   * @param weights float32 [B], how much each row counts; null = all alike
   */
  forward(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    labelled: Tensor | null,
    weights: Tensor | null = null,
  ): KdLossParts {
    return tidy(() => {
      const kind = logitsKind(labels);
      const s = student.to({ dtype: 'float32' });
      const soft = softLoss(s, teacher.to({ dtype: 'float32' }), kind, this.temperature.tensor);
      const hard = hardLoss(s, labels, kind);
      const share = this.alpha.tensor.neg().add(1); // 1 − α
      const weight = labelled === null ? share : labelled.mul(share);
      // With labels: α of the teacher, γ of the made-up one, the rest of the gold label. Without: the teacher alone.
      let rows = soft.mul(weight.neg().add(1)).add(hard.mul(weight));
      if (this.smooth) {
        const { weight: gamma } = this.smooth;
        const extra = softLoss(s, this.madeUp(labels, s), kind, this.temperature.tensor).sub(hard).mul(gamma);
        rows = rows.add(labelled === null ? extra : extra.mul(labelled));
      }
      const loss = (weights === null ? rows : rows.mul(weights)).mean();
      const gold = labelled === null ? hard.mean() : hard.mul(labelled).sum().div(labelled.sum().clampMin(1));
      return { loss, soft: soft.mean().detach(), hard: gold.detach() };
    });
  }

  /** Logits of the made-up teacher: log-probabilities. int64 [B], [B, C] → [B, C]. */
  private madeUp(labels: Tensor, like: Tensor): Tensor {
    const classes = like.size(1);
    const { probability } = this.smooth!;
    const rest = Math.log((1 - probability) / Math.max(1, classes - 1));
    // Not one_hot, which reads its input back to the host.
    const numbers = arange(classes, { dtype: 'int64', device: like.device });
    const gold = labels.unsqueeze(1).eq(numbers).to({ dtype: 'float32' });
    return gold.mul(Math.log(probability) - rest).add(rest);
  }

  dispose(): void {
    this.temperature.dispose();
    this.alpha.dispose();
  }
}
