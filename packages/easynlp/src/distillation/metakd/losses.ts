import { nn, noGrad, ones, type Tensor, tidy } from '@easynlp/torch';

/*
 * The losses of meta-distillation, each as one number a row [B], so that a row's weight acts on that row and on no
 * other. (EasyNLP multiplies means over the batch, which only rescales the batch.) Padding counts for nothing.
 *
 * Pan et al., ACL 2021, §3.3, on top of TinyBERT (Jiao et al., Findings of EMNLP 2020).
 */

/** Half precision is too coarse for differences of like numbers. */
function wide(x: Tensor): Tensor {
  return x.dtype === 'bfloat16' || x.dtype === 'float16' ? x.to({ dtype: 'float32' }) : x;
}

/** 1 for tokens, 0 for padding, in the dtype of `like`: [B, T]. */
export function tokenMask(attentionMask: Tensor | null | undefined, like: Tensor): Tensor {
  const [batch, length] = like.shape as [number, number];
  const { dtype, device } = like;
  return attentionMask ? attentionMask.to({ dtype, copy: true }) : ones([batch, length], { dtype, device });
}

/** Mean of the hidden states [B, T, H] of a text's tokens, [CLS] and padding left out: [B, H]. */
export function meanPool(hidden: Tensor, attentionMask: Tensor | null | undefined): Tensor {
  return tidy(() => {
    const length = hidden.size(1);
    const rest = hidden.narrow(1, 1, length - 1);
    if (!attentionMask) return rest.mean({ dim: [1] });
    const mask = tokenMask(attentionMask, hidden)
      .narrow(1, 1, length - 1)
      .unsqueeze(-1); // [B, T−1, 1]
    return rest
      .mul(mask)
      .sum({ dim: [1] })
      .div(mask.sum({ dim: [1] }).clampMin(1));
  });
}

/** Mean squared difference of vectors at the tokens of each row: [B, T, H], [B, T, H] → [B]. */
export function hiddenMse(student: Tensor, teacher: Tensor, mask: Tensor): Tensor {
  return tidy(() => {
    const perToken = student
      .sub(teacher)
      .square()
      .mean({ dim: [-1] }); // [B, T]
    return perToken
      .mul(mask)
      .sum({ dim: [1] })
      .div(mask.sum({ dim: [1] }));
  });
}

/**
 * Mean squared difference of attention probabilities [B, heads, T, T] over the pairs of tokens of each row → [B].
 * Head by head where there are as many; otherwise means over the heads are compared.
 */
export function attentionMse(student: Tensor, teacher: Tensor, mask: Tensor): Tensor {
  return tidy(() => {
    const alike = student.size(1) === teacher.size(1);
    const difference = alike
      ? wide(student).sub(wide(teacher))
      : wide(student)
          .mean({ dim: [1], keepdim: true })
          .sub(wide(teacher).mean({ dim: [1], keepdim: true }));
    const pairs = mask.unsqueeze(1).mul(mask.unsqueeze(2)); // [B, T, T]
    return difference
      .square()
      .mean({ dim: [1] })
      .mul(pairs)
      .sum({ dim: [1, 2] })
      .div(pairs.sum({ dim: [1, 2] }));
  });
}

/** Mean squared difference of one vector a row: [B, H], [B, H] → [B]. */
export function vectorMse(student: Tensor, teacher: Tensor): Tensor {
  return tidy(() =>
    student
      .sub(teacher)
      .square()
      .mean({ dim: [-1] }),
  );
}

/** −Σ softmax(teacher/T)·log softmax(student/T): [B, C], [B, C] → [B]. */
export function softCrossEntropy(student: Tensor, teacher: Tensor, temperature: number): Tensor {
  return tidy(() => {
    const soft = noGrad(() => wide(teacher).div(temperature).softmax({ dim: -1 }));
    return soft
      .mul(wide(student).div(temperature).logSoftmax({ dim: -1 }))
      .sum({ dim: [-1] })
      .neg();
  });
}

/** Probability that the teacher gives to each row's own class: [B, C], int64 [B] → [B]. */
export function goldProbability(teacherLogits: Tensor, labels: Tensor): Tensor {
  return tidy(() => nn.functional.crossEntropy(teacherLogits, labels, { reduction: 'none' }).neg().exp());
}

export interface InstanceWeightOptions {
  /** Count rows whose knowledge transfers for more: the factor 1 + t. */
  readonly transfer: boolean;
  /** Count rows that the teacher knows for more: the factor g. */
  readonly expertise: boolean;
}

/**
 * Domain expertise, the weight of each row in meta-distillation:
 *
 *   λ(x) = (1 + t(x)) / (exp((ŷ − y)²) + 1)
 *
 * where ŷ − y is what the teacher's probability of the gold class lacks to 1. Between .27 and .5 times 1 + t.
 */
export function expertiseWeight(
  transfer: Tensor,
  probability: Tensor,
  options: InstanceWeightOptions = { transfer: true, expertise: true },
): Tensor {
  return tidy(() => {
    const ones = transfer.mul(0).add(1);
    const known = probability.sub(1).square().exp().add(1).pow(-1);
    const factor = options.transfer ? transfer.add(1) : ones;
    return options.expertise ? factor.mul(known) : factor.mul(1);
  });
}
