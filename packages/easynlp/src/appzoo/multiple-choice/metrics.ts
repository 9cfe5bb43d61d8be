import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import { argmax, softmaxRow } from '../sequence/index.js';
import { scoresOf } from './decode.js';
import type { EncodedQuestion } from './encode.js';
import type { MultipleChoiceSpec } from './spec.js';
import { uniqueChoices } from './unique-choices.js';

interface Answered {
  readonly label: number;
  readonly group: string | null;
  readonly scores: readonly { readonly choice: string; readonly logit: number }[];
}

class ChoiceMetrics implements MetricAccumulator<EncodedQuestion> {
  private readonly answered: Answered[] = [];

  constructor(private readonly grouped: boolean) {}

  add(outputs: HostOutputs, rows: readonly EncodedQuestion[]): void {
    for (const [{ label, group, choices }, logits] of scoresOf(outputs, rows)) {
      const scores = choices.map((choice, i) => ({ choice, logit: logits[i]! }));
      this.answered.push({ label, group, scores });
    }
  }

  report(): MetricReport {
    const { answered } = this;
    let right = 0;
    let loss = 0;
    for (const { label, scores } of answered) {
      const logits = scores.map((s) => s.logit);
      if (argmax(logits) === label) right++;
      loss -= Math.log(softmaxRow(logits)[label]!);
    }
    const finite = answered.every(({ scores }) => scores.every((s) => Number.isFinite(s.logit)));
    return {
      values: {
        accuracy: right / answered.length,
        ...(this.grouped ? { unique_accuracy: this.uniqueAccuracy() } : {}),
        loss: finite ? loss / answered.length : null,
      },
    };
  }

  private uniqueAccuracy(): number {
    const groups = new Map<string | null, Answered[]>();
    for (const question of this.answered) {
      const known = groups.get(question.group);
      if (known) known.push(question);
      else groups.set(question.group, [question]);
    }
    let right = 0;
    for (const questions of groups.values()) {
      const chosen = uniqueChoices(questions.map((q) => q.scores));
      for (const [i, { label }] of questions.entries()) if (chosen[i] === label) right++;
    }
    return right / this.answered.length;
  }
}

const better = (description: string) => ({ higherIsBetter: true, description });

export const choiceMetrics: MetricSet<MultipleChoiceSpec, EncodedQuestion> = {
  primary: 'accuracy',
  names: {
    accuracy: better('share of questions whose right choice has the highest score'),
    unique_accuracy: better('the same when no choice is taken twice in a group; with group-name only'),
    loss: { higherIsBetter: false, description: 'mean cross entropy over the choices of a question' },
  },
  create: (spec) => new ChoiceMetrics(spec.groupName !== null),
};
