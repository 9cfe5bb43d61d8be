import { table } from '../../util/index.js';

/** What a threshold catches and what it costs. */
export interface ThresholdPoint {
  readonly threshold: number;
  /** Share of the rows above it that have the label; null where there are none. */
  readonly precision: number | null;
  /** Share of the rows with the label that lie above it; null where no row has it. */
  readonly recall: number | null;
  /** Rows above it. */
  readonly rows: number;
}

export interface LabelThresholds {
  readonly label: string;
  readonly support: number;
  readonly points: readonly ThresholdPoint[];
  /** The threshold with the highest recall whose precision reaches the floor; null where none does. */
  readonly chosen: ThresholdPoint | null;
}

const GRID = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];

/**
 * Precision and recall of a label at fixed thresholds and at the one that is chosen: of all probabilities that occur, the
 * lowest from which on precision is at least `floor` (of equal recall, the one with the higher precision).
 */
export function labelThresholds(
  label: string,
  probabilities: ArrayLike<number>,
  gold: ArrayLike<number>,
  floor: number,
): LabelThresholds {
  let support = 0;
  for (let i = 0; i < gold.length; i++) if (gold[i] === 1) support++;
  const at = (threshold: number): ThresholdPoint => {
    let rows = 0;
    let hits = 0;
    for (let i = 0; i < probabilities.length; i++) {
      if (!(probabilities[i]! >= threshold)) continue;
      rows++;
      if (gold[i] === 1) hits++;
    }
    return {
      threshold,
      precision: rows === 0 ? null : hits / rows,
      recall: support === 0 ? null : hits / support,
      rows,
    };
  };
  const order = Array.from({ length: gold.length }, (_, i) => i).sort(
    (a, b) => probabilities[b]! - probabilities[a]!,
  );
  let chosen: { threshold: number; hits: number; precision: number } | null = null;
  let hits = 0;
  for (const [i, row] of order.entries()) {
    if (gold[row] === 1) hits++;
    const value = probabilities[row]!;
    const next = order[i + 1];
    if (next !== undefined && probabilities[next] === value) continue;
    const precision = hits / (i + 1);
    if (hits === 0 || precision < floor) continue;
    if (!chosen || hits > chosen.hits || (hits === chosen.hits && precision > chosen.precision)) {
      chosen = { threshold: value, hits, precision };
    }
  }
  return { label, support, points: GRID.map(at), chosen: chosen ? at(chosen.threshold) : null };
}

/** The report for people: chosen thresholds, then precision and recall of each label along the thresholds. */
export function renderThresholds(labels: readonly LabelThresholds[], floor: number): string {
  const share = (value: number | null) => (value === null ? '–' : value.toFixed(3));
  const chosen = table(
    [
      ['label', 'support', 'threshold', 'precision', 'recall', 'rows'],
      ...labels.map(({ label, support, chosen: c }) => [
        label,
        support,
        ...(c
          ? [c.threshold.toFixed(4), share(c.precision), share(c.recall), c.rows]
          : ['none', '–', '–', '–']),
      ]),
    ],
    { header: true },
  );
  const along = table(
    [
      ['precision / recall at', ...GRID.map(String)],
      ...labels.map(({ label, points }) => [
        label,
        ...points.map((p) => `${share(p.precision)} / ${share(p.recall)}`),
      ]),
    ],
    { header: true },
  );
  return `Chosen for a precision of at least ${floor}:\n${chosen}\n\n${along}`;
}
