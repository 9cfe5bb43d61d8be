import type { Cell, Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { GoldKind } from './options.js';
import type { MultipleChoiceSpec } from './spec.js';

type ChoiceColumns = Pick<MultipleChoiceSpec, 'choicesName' | 'choices'>;

const isText = (item: unknown): item is string | number =>
  (typeof item === 'string' && item.trim() !== '') || typeof item === 'number';

/** The list in a cell: a list as it is, or the JSON text of one; null for anything else. */
function listIn(cell: Cell): readonly string[] | null {
  let value: unknown = cell;
  if (typeof cell === 'string') {
    try {
      value = JSON.parse(cell);
    } catch {
      return null;
    }
  }
  return Array.isArray(value) && value.every(isText) ? value.map(String) : null;
}

/**
 * The choices of a row, two or more; rows may have different numbers of them.
 *
 * @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL, DATA_ROW_MALFORMED naming file, line and column
 */
export function choicesOf(row: Row, { choicesName, choices }: ChoiceColumns): readonly string[] {
  const { values, file, line } = row;
  const [column] = choicesName as readonly [string];
  // Inputs of pipelines have the list under its plain name, whatever the columns of the training data were.
  const cell = values[column] ?? values.choices;
  if (cell === undefined || cell === null) {
    if (choices !== null) return choices;
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { file, line, column, known: Object.keys(values) });
  }
  const found =
    choicesName.length > 1 && values[column] !== undefined ? inColumns(row, choicesName) : listIn(cell);
  if (found === null) {
    throw new EasyNlpError('DATA_CELL', {
      ...{ file, line, column, got: cell },
      expected: 'a list of texts, none of them empty',
      hint: 'Write the choices as a JSON list, ["甲", "乙"], or name a column for each: --choices-name a,b,c.',
    });
  }
  if (found.length >= 2) return found;
  throw new EasyNlpError('DATA_ROW_MALFORMED', {
    ...{ file, line, column },
    reason: `there is ${found.length === 0 ? 'no choice' : `the single choice "${found[0]}"`}; a question has at least two`,
  });
}

/** A column each; where a row has fewer choices than others, its last columns are empty. */
function inColumns(row: Row, columns: readonly string[]): readonly string[] {
  const { values, file, line } = row;
  const found: string[] = [];
  let empty: string | null = null;
  for (const column of columns) {
    const cell = values[column];
    const absent = cell === undefined || cell === null || (typeof cell === 'string' && cell.trim() === '');
    if (absent) empty ??= column;
    else if (empty !== null) {
      throw new EasyNlpError('DATA_CELL', {
        ...{ file, line, column: empty, got: values[empty] ?? '' },
        expected: `a choice, since column "${column}" behind it has one`,
        hint: 'Only the last columns of a row may be empty: choices are counted from the first column.',
      });
    } else found.push(String(cell));
  }
  return found;
}

const READ: Readonly<Record<GoldKind, (label: string, choices: readonly string[]) => number>> = {
  index: (label, choices) => (/^\d+$/.test(label) && Number(label) < choices.length ? Number(label) : -1),
  letter(label, choices) {
    const at = /^[a-z]$/i.test(label) ? label.toUpperCase().charCodeAt(0) - 65 : -1;
    return at < choices.length ? at : -1;
  },
  // Equal choices are one; the first of them counts, as it does in predictions.
  text: (label, choices) => choices.findIndex((choice) => choice.trim() === label),
};

const EXPECTED: Readonly<Record<GoldKind, (count: number) => string>> = {
  index: (count) => `the number of a choice, from 0 to ${count - 1}`,
  letter: (count) => `the letter of a choice, from A to ${String.fromCharCode(64 + count)}`,
  text: () => 'the text of one of the choices',
};

function labelIn(row: Row, column: string): string {
  const value = row.values[column];
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const place = { file: row.file, line: row.line, column };
  if (value === undefined) {
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { ...place, known: Object.keys(row.values) });
  }
  throw new EasyNlpError('DATA_CELL', {
    ...place,
    got: value,
    expected: 'a choice’s number, letter or text',
  });
}

function noChoice(row: Row, column: string, choices: readonly string[], kinds: readonly GoldKind[]) {
  return new EasyNlpError('DATA_CELL', {
    ...{ file: row.file, line: row.line, column, got: row.values[column] },
    expected: kinds.map((kind) => EXPECTED[kind](choices.length)).join(', or '),
    hint: `The choices of this row are ${choices.map((choice) => `"${choice}"`).join(', ')}.`,
  });
}

/** Position of the right choice. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL naming the place */
export function goldOf(
  row: Row,
  choices: readonly string[],
  { labelName, gold }: Pick<MultipleChoiceSpec, 'labelName' | 'gold'>,
): number {
  const found = READ[gold](labelIn(row, labelName), choices);
  if (found >= 0) return found;
  throw noChoice(row, labelName, choices, [gold]);
}

/**
 * How the labels are to be read: the way that fits every row. Where several do, and do not agree, numbers of typed
 * columns are positions; for texts it must be said.
 *
 * @throws EasyNlpError DATA_CELL, DATA_LABELS
 */
export class GoldReadings {
  #kinds: readonly GoldKind[];
  #agree = true;
  #numbers = true;

  constructor(
    private readonly column: string,
    wanted: GoldKind | undefined,
  ) {
    this.#kinds = wanted === undefined ? ['index', 'letter', 'text'] : [wanted];
  }

  add(row: Row, choices: readonly string[]): void {
    const label = labelIn(row, this.column);
    const fits = this.#kinds.filter((kind) => READ[kind](label, choices) >= 0);
    if (fits.length === 0) throw noChoice(row, this.column, choices, this.#kinds);
    if (new Set(fits.map((kind) => READ[kind](label, choices))).size > 1) this.#agree = false;
    if (typeof row.values[this.column] !== 'number') this.#numbers = false;
    this.#kinds = fits;
  }

  kind(): GoldKind {
    const [first, ...others] = this.#kinds as readonly [GoldKind, ...GoldKind[]];
    if (others.length === 0 || this.#agree || (first === 'index' && this.#numbers)) return first;
    throw new EasyNlpError('DATA_LABELS', {
      reason: `column "${this.column}" can be read as ${this.#kinds.join(' and as ')} of the choices, which do not agree; say which it is with --gold ${first} or --gold ${others[0]}`,
    });
  }
}
