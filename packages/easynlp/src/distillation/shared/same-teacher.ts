import { keep, Tensor } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';

/** Computed again with another number of threads, a logit is not the same to the last bit. */
const TOLERANCE = 1e-2;

/**
 * Refuses to continue a training with another teacher than it began with: its numbers are no part of the configuration,
 * and a model that was trained again has the same name.
 */
export class SameTeacher {
  private readonly state: Tensor;

  /** @param sample numbers that tell this teacher from others */
  constructor(
    private readonly sample: Float32Array,
    /** The option that names the teacher, as in `allowChanged`. */
    private readonly field: string,
    private readonly allowChanged: readonly string[],
  ) {
    this.state = keep(Tensor.fromTypedArray(sample, [sample.length], { dtype: 'float32' }));
  }

  stateDict(): Map<string, Tensor> {
    return new Map([['teacher', this.state]]);
  }

  /** @throws EasyNlpError RESUME_CHANGED */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    const before = state.get('teacher')?.toFloat32Array();
    if (this.allowChanged.includes(this.field) || before === undefined) return;
    const { sample } = this;
    const same =
      before.length === sample.length && before.every((v, i) => Math.abs(v - sample[i]!) <= TOLERANCE);
    if (same) return;
    throw new EasyNlpError('RESUME_CHANGED', {
      checkpoint: 'that was given',
      field: this.field,
      before: 'a teacher with other answers',
      now: 'this one',
    });
  }

  dispose(): void {
    this.state.dispose();
  }
}
