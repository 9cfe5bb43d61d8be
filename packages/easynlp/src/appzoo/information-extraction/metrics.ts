import type { HostOutputs, MetricAccumulator, MetricReport, MetricSet } from '../app.js';
import { renderSpanScores, SpanCounter } from '../sequence-labeling/span-scores.js';
import { decodeExtraction, type ExtractionResult, joinExtraction } from './answers.js';
import type { EncodedText, ExtractionUnit } from './encode.js';
import type { ExtractionSpec } from './spec.js';

/** Counts spans of whole texts, whose windows and questions may come in any order. */
class ExtractionMetrics implements MetricAccumulator<ExtractionUnit> {
  private readonly open = new Map<EncodedText, ExtractionResult[]>();
  private readonly counter = new SpanCounter();
  private questions = 0;
  private exact = 0;

  constructor(private readonly spec: ExtractionSpec) {}

  add(outputs: HostOutputs, rows: readonly ExtractionUnit[]): void {
    const { spec } = this;
    for (const [r, result] of decodeExtraction(outputs, { spec }, rows).entries()) {
      const { text } = rows[r]!;
      const results = this.open.get(text) ?? [];
      results.push(result);
      this.open.set(text, results);
      if (results.length < text.units.length) continue;
      this.open.delete(text);
      this.finish(joinExtraction(results, rows[r]!), text);
    }
  }

  private finish({ entities }: ExtractionResult, { questions }: EncodedText): void {
    for (const { label, scoredAs, gold } of questions) {
      const span = ({ start, end }: { start: number; end: number }) => ({
        type: scoredAs,
        from: start,
        to: end,
      });
      const wanted = new Map((gold ?? []).map((place) => [`${place.start} ${place.end}`, span(place)]));
      const found = entities.filter(({ type }) => type === label);
      this.counter.add([...wanted.values()], found.map(span));
      this.questions++;
      if (found.length === wanted.size && found.every(({ start, end }) => wanted.has(`${start} ${end}`))) {
        this.exact++;
      }
    }
  }

  report(): MetricReport {
    const scores = this.counter.scores();
    const { micro, macro } = scores;
    return {
      values: {
        micro_f1: micro.f1,
        macro_f1: macro.f1,
        precision: micro.precision,
        recall: micro.recall,
        exact: this.questions === 0 ? null : this.exact / this.questions,
      },
      details: scores,
      text: renderSpanScores(scores),
    };
  }
}

const better = (description: string) => ({ higherIsBetter: true, description });

export const extractionMetrics: MetricSet<ExtractionSpec, ExtractionUnit> = {
  primary: 'micro_f1',
  names: {
    micro_f1: better('F1 over all spans together; right are those of the right type with both ends right'),
    macro_f1: better('mean F1 of the types'),
    precision: better('share of the spans found that are right'),
    recall: better('share of the right spans that are found'),
    exact: better('share of the questions whose answers are all found, and nothing else'),
  },
  create: (spec) => new ExtractionMetrics(spec),
};
