import { type amp, type optim, TorchError } from '@easynlp/torch';
import type { AppModel } from '../appzoo/app.js';
import { EasyNlpError } from '../errors/index.js';
import type { Objective } from './objective.js';
import type { Resumed } from './resume.js';
import { restoreRng } from './training-state.js';

/** Puts everything back that the next step depends on. */
export function restore(
  { folder, content, changed }: Resumed,
  parts: {
    model: AppModel;
    optimizer: optim.Optimizer;
    scaler: amp.GradScaler | null;
    objective: Objective;
    device: string;
  },
): void {
  const { model, optimizer, scaler, objective, device } = parts;
  const { tensors, extra } = content;
  // The configuration has the last word: it may allow another weight decay than the checkpoint's.
  const decays = optimizer.groups.map((group) => group.weightDecay);
  try {
    model.loadStateDict(tensors.model!);
    optimizer.loadStateDict({
      ...(extra.optimizer as Omit<optim.OptimizerState, 'state'>),
      state: tensors.optimizer!,
    });
    if (extra.scaler) scaler?.loadStateDict(extra.scaler as never);
    objective.loadStateDict?.(tensors.objective ?? new Map());
    restoreRng(device, tensors.rng!);
  } catch (cause) {
    if (!(cause instanceof TorchError)) throw cause;
    const why = changed.length > 0 ? ` (changed: ${changed.join(', ')})` : '';
    const reason = `it does not fit this model and optimizer${why}: ${cause.message}`;
    throw new EasyNlpError('CHECKPOINT_DAMAGED', { folder, reason }, { cause });
  }
  for (const [g, group] of optimizer.groups.entries()) group.weightDecay = decays[g]!;
}
