import { nn, type Tensor, tidy } from '@easynlp/torch';

/**
 * What logits say: one of several classes (softmax), any of several labels (sigmoid), or a value.
 */
export type LogitsKind = 'classes' | 'labels' | 'value';

/** Gold labels tell: class numbers [B], truth values [B, C] as floats, or values [B] as floats. */
export function logitsKind(labels: Tensor): LogitsKind {
  if (!labels.dtype.startsWith('float') && labels.dtype !== 'bfloat16') return 'classes';
  return labels.ndim === 2 && labels.size(1) > 1 ? 'labels' : 'value';
}

/**
 * Distance of the student from the teacher, one number a row [B].
 *
 * - classes: T²·KL(softmax(t/T) ‖ softmax(s/T)), Hinton et al. 2015 §2; T² keeps the gradients' size as T changes.
 * - labels: T²·KL of the Bernoulli distributions σ(t/T) and σ(s/T), mean over the labels.
 * - value: (s − t)².
 *
 * @param student [B, C] logits, @param teacher the same, @param temperature a scalar
 */
export function softLoss(student: Tensor, teacher: Tensor, kind: LogitsKind, temperature: Tensor): Tensor {
  return tidy(() => {
    const rows = student.size(0);
    if (kind === 'value')
      return student
        .sub(teacher)
        .square()
        .reshape([rows, -1])
        .mean({ dim: [1] });
    const s = student.div(temperature);
    const t = teacher.div(temperature);
    const squared = temperature.square();
    if (kind === 'labels') {
      const p = t.sigmoid();
      const { binaryCrossEntropyWithLogits: crossEntropy } = nn.functional;
      const entropy = crossEntropy(t, p, { reduction: 'none' });
      return crossEntropy(s, p, { reduction: 'none' })
        .sub(entropy)
        .mean({ dim: [1] })
        .mul(squared);
    }
    const logP = t.logSoftmax(-1);
    return logP
      .exp()
      .mul(logP.sub(s.logSoftmax(-1)))
      .sum({ dim: [-1] })
      .mul(squared);
  });
}

/** The task's own loss against gold labels, one number a row [B]. */
export function hardLoss(student: Tensor, labels: Tensor, kind: LogitsKind): Tensor {
  return tidy(() => {
    if (kind === 'classes') return nn.functional.crossEntropy(student, labels, { reduction: 'none' });
    if (kind === 'labels') {
      return nn.functional
        .binaryCrossEntropyWithLogits(student, labels, { reduction: 'none' })
        .mean({ dim: [1] });
    }
    const rows = student.size(0);
    return student
      .reshape([rows])
      .sub(labels.reshape([rows]))
      .square();
  });
}
