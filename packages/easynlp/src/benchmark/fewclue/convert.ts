import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { labelField, listField, textField, wholeField } from '../rows.js';
import type { BenchmarkRow, BenchmarkRows, Question } from '../types.js';

export interface ConvertOptions {
  readonly labels: readonly string[];
  readonly file: string;
  /** False for unlabelled files: the rows get no label. */
  readonly labelled: boolean;
}

/** Rows of an official file → rows of a text or a pair. */
export interface Converter {
  (rows: readonly Row[], options: ConvertOptions): BenchmarkRows;
  /** Labels that come from the rows themselves. */
  readonly labels?: (files: readonly BenchmarkRows[]) => readonly string[];
}

const eachRow =
  (texts: (row: Row) => BenchmarkRow, label = 'label'): Converter =>
  (rows, { labels, file, labelled }) => ({
    file,
    rows: rows.map((row) => ({
      ...texts(row),
      ...(labelled ? { label: labelField(row, label, labels) } : {}),
    })),
  });

/** One text (eprstmt, csldcp, tnews, iflytek). */
export const single = (column: string, label?: string): Converter =>
  eachRow((row) => ({ text: textField(row, column) }), label);

/** Two texts (ocnli, bustm). */
export const pair: Converter = eachRow((row) => ({
  sentence1: textField(row, 'sentence1'),
  sentence2: textField(row, 'sentence2'),
}));

/** An abstract and its keywords in one line. */
export const csl: Converter = eachRow((row) => ({
  keywords: listField(row, 'keyword').join('、'),
  abstract: textField(row, 'abst'),
}));

/** Characters by code point: the indices of the data are those of Python strings. */
function span(row: Row, characters: readonly string[], name: 'span1' | 'span2') {
  const text = String(row.values[`target.${name}_text`] ?? '');
  const start = wholeField(row, `target.${name}_index`, characters.length);
  const length = Array.from(text).length;
  if (length > 0 && characters.slice(start, start + length).join('') === text) return { text, start, length };
  throw new EasyNlpError('DATA_ROW_MALFORMED', {
    file: row.file,
    line: row.line,
    reason: `target.${name}_text "${text}" does not stand at target.${name}_index ${start}`,
  });
}

/**
 * A pronoun (span 2) that may mean a noun (span 1). `marked` is CLUE's form for classifiers, with `[noun]` and
 * `_pronoun_`; the others are for prompts, such as FewCLUE's 他[即]乔，乔的叔叔…
 */
export const cluewsc: Converter = eachRow((row) => {
  const raw = row.values.text;
  if (typeof raw !== 'string') textField(row, 'text');
  const characters = Array.from(raw as string);
  const noun = span(row, characters, 'span1');
  const pronoun = span(row, characters, 'span2');
  const marks: [number, string][] = [
    [noun.start, '['],
    [noun.start + noun.length, ']'],
    [pronoun.start, '_'],
    [pronoun.start + pronoun.length, '_'],
  ];
  // From the end, so that earlier positions stay right.
  const marked = [...characters];
  for (const [at, mark] of marks.sort((a, b) => b[0] - a[0])) marked.splice(at, 0, mark);
  return {
    marked: marked.join(''),
    pronoun: pronoun.text,
    noun: noun.text,
    text: raw as string,
  };
});

const GAP = '#idiom#';

function gapOf(row: Row, labelled: boolean) {
  const content = textField(row, 'content');
  const candidates = listField(row, 'candidates');
  const at = content.indexOf(GAP);
  if (at < 0) {
    throw new EasyNlpError('DATA_ROW_MALFORMED', {
      file: row.file,
      line: row.line,
      reason: `the content has no gap (${GAP})`,
    });
  }
  return {
    before: content.slice(0, at),
    after: content.slice(at + GAP.length).replaceAll(GAP, '　　'),
    candidates,
    answer: labelled ? wholeField(row, 'answer', candidates.length - 1) : 0,
  };
}

/** A question a row: the text with its gap and the idioms to choose from. */
export const chidChoices: Converter = Object.assign(
  ((rows, { file, labelled }) => ({
    file,
    rows: rows.map((row) => {
      const { before, after, candidates, answer } = gapOf(row, labelled);
      return {
        text: `${before}${GAP}${after}`,
        choices: candidates,
        ...(labelled ? { label: String(answer) } : {}),
      };
    }),
  })) satisfies Converter,
  // A position among a row's own choices is no label that the task has.
  { labels: () => [] },
);

/** Each candidate in its place as a row of its own: right (1) or not (0); the most probable one is chosen. */
export const chidPairs: Converter = (rows, { file, labelled }) => {
  const out: BenchmarkRow[] = [];
  const questions: Question[] = [];
  for (const row of rows) {
    const { before, after, candidates, answer } = gapOf(row, labelled);
    questions.push({ answer, candidates: candidates.map((_, i) => ({ row: out.length + i, label: '1' })) });
    for (const [i, idiom] of candidates.entries()) {
      out.push({
        idiom,
        text: `${before}${idiom}${after}`,
        ...(labelled ? { label: i === answer ? '1' : '0' } : {}),
      });
    }
  }
  return labelled ? { file, rows: out, questions } : { file, rows: out };
};

/** The gap itself is the prompt's mask, and the idioms are the label words; a row chooses among its own candidates. */
export const chidCloze: Converter = Object.assign(
  ((rows, { file, labelled }) => {
    const read = rows.map((row) => gapOf(row, labelled));
    return {
      file,
      rows: read.map(({ before, after, candidates, answer }) => ({
        before,
        after,
        ...(labelled ? { label: candidates[answer]! } : {}),
      })),
      questions: read.map(({ candidates, answer }, row) => ({
        answer,
        candidates: candidates.map((label) => ({ row, label })),
      })),
    };
  }) satisfies Converter,
  {
    labels: (files: readonly BenchmarkRows[]) => [
      ...new Set(
        files.flatMap(({ questions }) => questions ?? []).flatMap((q) => q.candidates.map((c) => c.label)),
      ),
    ],
  },
);
