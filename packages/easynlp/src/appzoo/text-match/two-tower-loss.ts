import type { Tensor } from '@easynlp/torch';
import type { ModelInputs } from '../app.js';
import {
  circleLoss,
  contrastiveLoss,
  cosentBinaryLoss,
  cosentLoss,
  cosineLoss,
  hingeLoss,
  infoNceLoss,
  similarityMseLoss,
  supConLoss,
} from './losses.js';
import type { TwoTowerSpec } from './two-tower-spec.js';

/** Vectors of a batch, each of length 1. */
export interface TowerVectors {
  readonly first?: Tensor | undefined;
  readonly second?: Tensor | undefined;
  readonly negatives?: Tensor | undefined;
}

/** The task's loss over a batch as `collateTowers` made it. */
export function twoTowerLoss(
  { loss, siamese, gold }: TwoTowerSpec,
  { first, second, negatives }: TowerVectors,
  inputs: ModelInputs,
): Tensor {
  const { margin = 0, gamma = 1, scale = 1, temperature = 1 } = loss;
  if (loss.name === 'infonce') {
    if (siamese) return supConLoss(first!, inputs.classes!, temperature);
    const { labels, firstGroups, groups } = inputs as Required<ModelInputs>;
    return infoNceLoss(
      {
        first: first!,
        second: second!,
        negatives,
        labels: labels!,
        firstGroups: firstGroups!,
        groups: groups!,
      },
      temperature,
    );
  }
  const s = siamese
    ? first!.indexSelect(0, inputs.pairFirst!).mul(first!.indexSelect(0, inputs.pairSecond!)).sum(1)
    : first!.mul(second!).sum(1);
  const y = inputs.labels!;
  // A batch of texts of many classes has few pairs of the same one.
  const options = { balanced: siamese };
  switch (loss.name) {
    case 'hinge':
      return hingeLoss(s, y, margin, options);
    case 'cosine':
      return cosineLoss(s, y, margin, options);
    case 'contrastive':
      return contrastiveLoss(s, y, margin, options);
    case 'circle':
      return circleLoss(s, y, margin, gamma);
    case 'cosent':
      return gold === 'scores' ? cosentLoss(s, y, scale) : cosentBinaryLoss(s, y, scale);
    case 'mse':
      return similarityMseLoss(s, y, options);
  }
}
