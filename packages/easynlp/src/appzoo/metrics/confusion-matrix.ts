/** `matrix[gold][predicted]` counts rows; square, one line and one column per class. */
export type ConfusionMatrix = readonly (readonly number[])[];

/** Throws RangeError unless both lists have the same number of entries, at least one. */
export function checkSameLength(gold: ArrayLike<number>, other: ArrayLike<number>, what: string): void {
  if (gold.length !== other.length) {
    throw new RangeError(
      `${gold.length} gold classes but ${other.length} ${what}: expected one for each row.`,
    );
  }
  if (gold.length === 0) throw new RangeError('A metric needs at least one row, got none.');
}

/** Throws RangeError unless every entry is an integer from 0 to `classes` - 1. */
export function checkClasses(values: ArrayLike<number>, classes: number, what: string): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || value < 0 || value >= classes) {
      throw new RangeError(
        `The ${what} class of row ${i} is ${value}: expected an integer from 0 to ${classes - 1} (${classes} classes).`,
      );
    }
  }
}

/** The largest class index in either list, plus one. */
export function countClasses(gold: ArrayLike<number>, predicted: ArrayLike<number>): number {
  let largest = -1;
  for (let i = 0; i < gold.length; i++) largest = Math.max(largest, gold[i]!, predicted[i]!);
  return largest + 1;
}

/** Counts pairs of gold and predicted class indices, both of shape [rows], values 0 … `classes` - 1. */
export function confusionMatrix(
  gold: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number = countClasses(gold, predicted),
): ConfusionMatrix {
  checkSameLength(gold, predicted, 'predictions');
  checkClasses(gold, classes, 'gold');
  checkClasses(predicted, classes, 'predicted');
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < gold.length; i++) matrix[gold[i]!]![predicted[i]!]!++;
  return matrix;
}

/** True positives, predicted and gold rows of one class. */
export interface ClassCounts {
  readonly hits: number;
  readonly predicted: number;
  readonly support: number;
}

/** Per class, from the matrix's diagonal, columns and lines. */
export function classCounts(matrix: ConfusionMatrix): ClassCounts[] {
  return matrix.map((line, c) => ({
    hits: line[c]!,
    predicted: matrix.reduce((sum, other) => sum + other[c]!, 0),
    support: line.reduce((sum, count) => sum + count, 0),
  }));
}
