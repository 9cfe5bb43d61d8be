import { type Tensor, tidy } from '@easynlp/torch';
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

/**
 * L = mean over rows of α·T²·KL(teacher ‖ student) + (1 − α)·CE(gold), with α = 1 for rows without a gold label.
 *
 * Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531); EasyNLP's `vanilla_kd` where
 * every row has its label.
 */
export class KdLoss {
  private readonly temperature: ScheduledScalar;
  private readonly alpha: ScheduledScalar;

  constructor(settings: { temperature: LinearChange; alpha: LinearChange; device: string }) {
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
   */
  forward(student: Tensor, teacher: Tensor, labels: Tensor, labelled: Tensor | null): KdLossParts {
    return tidy(() => {
      const kind = logitsKind(labels);
      const s = student.to({ dtype: 'float32' });
      const soft = softLoss(s, teacher.to({ dtype: 'float32' }), kind, this.temperature.tensor);
      const hard = hardLoss(s, labels, kind);
      const share = this.alpha.tensor.neg().add(1); // 1 − α
      const weight = labelled === null ? share : labelled.mul(share);
      const loss = soft.mul(weight.neg().add(1)).add(hard.mul(weight)).mean();
      const gold = labelled === null ? hard.mean() : hard.mul(labelled).sum().div(labelled.sum().clampMin(1));
      return { loss, soft: soft.mean().detach(), hard: gold.detach() };
    });
  }

  dispose(): void {
    this.temperature.dispose();
    this.alpha.dispose();
  }
}
