import type { GroupOptions, ParamGroup } from './optimizer.js';
import type { Schedule } from './schedules.js';

/** What a scheduler needs of an optimizer. */
interface Scheduled {
  readonly groups: readonly ParamGroup<GroupOptions>[];
  syncLearningRates?(): void;
}

/**
 * Sets the groups' learning rates: base rate × `schedule(number of steps)`. Call `step()` after every
 * `optimizer.step()`. With a warm-up the very first update has the rate 0, as in `transformers` and EasyNLP.
 */
export class LRScheduler {
  readonly #optimizer: Scheduled;
  readonly #groups: readonly ParamGroup<GroupOptions>[];
  readonly #base: readonly number[];
  readonly #schedule: Schedule;
  #step = 0;

  /** Takes the groups' present rates for the base rates, so make it before any other step or restoring. */
  constructor(optimizer: Scheduled, schedule: Schedule) {
    this.#optimizer = optimizer;
    this.#groups = optimizer.groups;
    this.#base = optimizer.groups.map((group) => group.lr);
    this.#schedule = schedule;
    this.#apply();
  }

  step(): void {
    this.#step++;
    this.#apply();
  }

  /** The rates in force. */
  get lrs(): number[] {
    return this.#groups.map((group) => group.lr);
  }

  stateDict(): { step: number } {
    return { step: this.#step };
  }

  /** Restores the position; the base rates come from the optimizer's configuration. */
  loadStateDict(state: { readonly step: number }): void {
    this.#step = state.step;
    this.#apply();
  }

  #apply(): void {
    const factor = this.#schedule(this.#step);
    for (const [g, group] of this.#groups.entries()) group.lr = this.#base[g]! * factor;
    this.#optimizer.syncLearningRates?.();
  }
}
