import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import { decodeLabeling, joinLabeling, type LabelingResult, spansOfResult } from './decode.js';
import type { EncodedSentence, EncodedWindow } from './encode.js';
import { tagsOfSpans } from './schemes.js';
import { renderSpanScores, SpanCounter } from './span-scores.js';
import type { LabelingSpec } from './spec.js';

/** Counts entities and tags of whole texts, whose windows may come in any order. */
class LabelingMetrics implements MetricAccumulator<EncodedWindow> {
  private readonly open = new Map<EncodedSentence, LabelingResult[]>();
  private readonly counter = new SpanCounter();
  private tokens = 0;
  private right = 0;

  constructor(private readonly spec: LabelingSpec) {}

  add(outputs: HostOutputs, rows: readonly EncodedWindow[]): void {
    const { spec } = this;
    for (const [r, result] of decodeLabeling(outputs, { spec }, rows).entries()) {
      const { sentence } = rows[r]!;
      const results = this.open.get(sentence) ?? [];
      results.push(result);
      if (results.length < sentence.windows.length) {
        this.open.set(sentence, results);
        continue;
      }
      this.open.delete(sentence);
      this.count(joinLabeling(results, rows[r]!, { spec }), sentence);
    }
  }

  private count({ tags }: LabelingResult, { gold }: EncodedSentence): void {
    const wanted = tagsOfSpans(gold!, tags.length, this.spec.scheme);
    this.tokens += tags.length;
    for (const [i, tag] of tags.entries()) if (tag === wanted[i]) this.right++;
    this.counter.add(gold!, spansOfResult(tags));
  }

  report(): MetricReport {
    const scores = this.counter.scores();
    const { micro, macro } = scores;
    return {
      values: {
        f1: micro.f1,
        precision: micro.precision,
        recall: micro.recall,
        macro_f1: macro.f1,
        macro_precision: macro.precision,
        macro_recall: macro.recall,
        accuracy: this.tokens === 0 ? null : this.right / this.tokens,
      },
      details: scores,
      text: renderSpanScores(scores),
    };
  }
}

const better = (description: string) => ({ higherIsBetter: true, description });

export const labelingMetrics: MetricSet<LabelingSpec, EncodedWindow> = {
  primary: 'f1',
  names: {
    f1: better('F1 of the entities: type and both borders must be right'),
    precision: better('share of the predicted entities that are right'),
    recall: better('share of the entities that are found'),
    macro_f1: better('mean F1 of the types'),
    macro_precision: better('mean precision of the types'),
    macro_recall: better('mean recall of the types'),
    accuracy: better('share of the tokens whose tag is right'),
  },
  create: (spec) => new LabelingMetrics(spec),
};
