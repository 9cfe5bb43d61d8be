import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { ModelInputs, ModelOutputs } from '../app.js';

/**
 * The joint loss of GEEP as EasyNLP has it: Σ over sub-nets of the cross entropy of the last classifier, so that the last
 * layer can follow any other, + Σ over exits of KL(p ‖ q), p being the whole model's distribution without gradient and q
 * the exit's.
 */
export function geepLoss(outputs: ModelOutputs, inputs: ModelInputs): Tensor {
  return tidy(() => {
    const float = (x: Tensor) => x.to({ dtype: 'float32' });
    const subnets = float(outputs.subnets!); // [E, B, C]
    const students = float(outputs.students!).logSoftmax(-1);
    const [count, batch, classes] = subnets.shape as [number, number, number];
    const labels = inputs.labels!.repeat([count]);
    const hard = nn.functional.crossEntropy(subnets.reshape([-1, classes]), labels).mul(count);
    const teacher = float(outputs.logits!).detach().logSoftmax(-1); // [B, C]
    const soft = teacher.exp().mul(teacher.sub(students)).sum().div(batch);
    return hard.add(soft);
  });
}
