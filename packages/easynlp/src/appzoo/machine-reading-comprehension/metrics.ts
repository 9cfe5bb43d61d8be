import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import { decodeReading, joinReading, type ReadingResult } from './answers.js';
import type { EncodedQuestion, EncodedWindow } from './encode.js';
import { type AnswerScore, scoreAnswer } from './scores.js';
import type { ReadingSpec } from './spec.js';

/** A question whose windows have all been seen. */
interface Answered {
  readonly hasAnswer: boolean;
  /** What the best candidate scores, and what "no answer" does. */
  readonly given: AnswerScore;
  readonly none: AnswerScore;
  /** Lead of "no answer" over the best candidate; Infinity without a candidate. */
  readonly lead: number;
}

/**
 * The threshold with the highest sum of F1: the answer is given where the lead of "no answer" does not exceed it.
 * It lies in the middle between two leads.
 */
export function tuneNoAnswer(items: readonly { lead: number; given: number; none: number }[]): {
  threshold: number;
  sum: number;
} {
  const order = [...items].sort((a, b) => a.lead - b.lead);
  let sum = order.reduce((total, { none }) => total + none, 0);
  let best = { threshold: (order[0]?.lead ?? 0) - 1, sum };
  for (const [i, { lead, given, none }] of order.entries()) {
    sum += given - none;
    const next = order[i + 1]?.lead;
    if (next === lead || !Number.isFinite(lead)) continue;
    if (sum > best.sum) {
      const above = next === undefined || !Number.isFinite(next) ? lead + 1 : (lead + next) / 2;
      best = { threshold: above, sum };
    }
  }
  return best;
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;

class ReadingMetrics implements MetricAccumulator<EncodedWindow> {
  private readonly open = new Map<EncodedQuestion, ReadingResult[]>();
  private readonly answered: Answered[] = [];

  constructor(private readonly spec: ReadingSpec) {}

  add(outputs: HostOutputs, rows: readonly EncodedWindow[]): void {
    const { spec } = this;
    for (const [r, result] of decodeReading(outputs, { spec }, rows).entries()) {
      const { question } = rows[r]!;
      const results = this.open.get(question) ?? [];
      results.push(result);
      this.open.set(question, results);
      if (results.length < question.windows.length) continue;
      this.open.delete(question);
      this.finish(joinReading(results, rows[r]!, { spec }), question);
    }
  }

  private finish({ candidates, noAnswerLogit }: ReadingResult, { gold }: EncodedQuestion): void {
    const { language } = this.spec;
    const [best] = candidates;
    this.answered.push({
      hasAnswer: gold!.length > 0,
      given: scoreAnswer(gold!, best?.text ?? null, language),
      none: scoreAnswer(gold!, null, language),
      lead: best === undefined ? Number.POSITIVE_INFINITY : noAnswerLogit - best.logit,
    });
  }

  report(): MetricReport {
    const { spec, answered } = this;
    const threshold = !spec.unanswerable
      ? Number.POSITIVE_INFINITY
      : (spec.unanswerableThreshold ??
        tuneNoAnswer(answered.map(({ lead, given, none }) => ({ lead, given: given.f1, none: none.f1 })))
          .threshold);
    const scored = answered.map((a) => ({
      hasAnswer: a.hasAnswer,
      none: a.lead > threshold,
      score: a.lead > threshold ? a.none : a.given,
    }));
    const em = mean(scored.map(({ score }) => score.em));
    const f1 = mean(scored.map(({ score }) => score.f1));
    const withAnswer = scored.filter(({ hasAnswer }) => hasAnswer);
    const without = scored.filter(({ hasAnswer }) => !hasAnswer);
    return {
      values: {
        f1,
        em,
        average: em === null || f1 === null ? null : (em + f1) / 2,
        ...(spec.unanswerable
          ? {
              has_answer_f1: mean(withAnswer.map(({ score }) => score.f1)),
              has_answer_em: mean(withAnswer.map(({ score }) => score.em)),
              no_answer_accuracy: mean(without.map(({ none }) => (none ? 1 : 0))),
              no_answer_threshold: threshold,
            }
          : {}),
      },
    };
  }
}

const better = (description: string) => ({ higherIsBetter: true, description });

export const readingMetrics: MetricSet<ReadingSpec, EncodedWindow> = {
  primary: 'f1',
  names: {
    f1: better('agreement with the right answer; zh: longest common run of characters, en: words'),
    em: better('share of questions whose answer is right but for punctuation'),
    average: better('mean of F1 and EM, as the script of CMRC 2018 gives it'),
    has_answer_f1: better('F1 of the questions that have an answer'),
    has_answer_em: better('EM of the questions that have an answer'),
    no_answer_accuracy: better('share of the questions without an answer that get none'),
    no_answer_threshold: better('lead of "no answer" above which none is given, found on these data'),
  },
  create: (spec) => new ReadingMetrics(spec),
};
