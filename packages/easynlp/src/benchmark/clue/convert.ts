import { basename } from 'node:path';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Converter } from '../fewclue/convert.js';
import { listField } from '../rows.js';
import type { BenchmarkRow, BenchmarkRows } from '../types.js';

/** The same without rows on whose label the annotators did not agree (`-`). */
export const agreed =
  (converter: Converter): Converter =>
  (rows, options) =>
    converter(
      rows.filter((row) => row.values.label !== '-'),
      options,
    );

const GAP = /#idiom\d+#/g;
/** What stands for the gap that is asked for; `gap` in the settings. */
export const ASKED = '#idiom#';
/** Characters on both sides of a gap that are kept: more than a sequence of 128 tokens has room for. */
const AROUND = 64;
const BLANK = '　　';

/** The surroundings of a gap, other gaps being blank. */
function around(content: string, at: number, length: number): string {
  const cut = (text: string) => Array.from(text.replace(GAP, BLANK).replace(/[^\S　]+/g, ' '));
  const before = cut(content.slice(0, at)).slice(-AROUND);
  const after = cut(content.slice(at + length)).slice(0, AROUND);
  return `${before.join('')}${ASKED}${after.join('')}`;
}

interface Answers {
  readonly file: string;
  /** Gap → position of the right candidate. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * ChID as CLUE has it: lines of passages with several gaps (`#idiom000378#`), ten candidates for all gaps of a line, and
 * the answers in a file of their own. Every gap is a question; those of a line share their choices (`passage`).
 */
export function chid(
  rows: readonly Row[],
  { file, answers }: { readonly file: string; readonly answers: Answers },
): BenchmarkRows {
  const questions: BenchmarkRow[] = [];
  for (const row of rows) {
    const choices = listField(row, 'candidates');
    const malformed = (reason: string) =>
      new EasyNlpError('DATA_ROW_MALFORMED', { file: row.file, line: row.line, reason });
    for (const content of listField(row, 'content')) {
      for (const { 0: gap, index } of content.matchAll(GAP)) {
        const answer = Object.hasOwn(answers.values, gap) ? answers.values[gap] : undefined;
        if (answer === undefined) throw malformed(`${basename(answers.file)} has no answer for ${gap}`);
        if (!Number.isInteger(answer) || choices[answer as number] === undefined) {
          throw malformed(
            `the answer ${JSON.stringify(answer)} for ${gap} in ${basename(answers.file)} is not a number from 0 to ${choices.length - 1}`,
          );
        }
        questions.push({
          text: around(content, index, gap.length),
          choices,
          label: String(answer),
          passage: String(row.line),
        });
      }
    }
  }
  if (questions.length === 0) throw new EasyNlpError('DATA_EMPTY', { file });
  return { file, rows: questions };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const texts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

/**
 * C3: a list of `[lines of the document, [{question, choice, answer}], id]`, the answer being the text of a choice.
 *
 * @throws EasyNlpError DATA_FORMAT naming the file and the place in it
 */
export function c3(
  files: readonly { readonly file: string; readonly value: unknown }[],
  file: string,
): BenchmarkRows {
  const rows: BenchmarkRow[] = [];
  for (const { file, value } of files) {
    const wrong = (place: string, reason: string) =>
      new EasyNlpError('DATA_FORMAT', { file, reason: `${place}: ${reason}` });
    if (!Array.isArray(value)) throw wrong('the document', 'expected a list');
    for (const [i, item] of value.entries()) {
      const [document, asked] = Array.isArray(item) ? item : [];
      if (!texts(document) || !Array.isArray(asked)) {
        throw wrong(`[${i}]`, 'expected [list of lines, list of questions, id]');
      }
      const text = oneLine(document.join(' '));
      for (const [j, question] of asked.entries()) {
        const place = `[${i}][1][${j}]`;
        if (!isRecord(question) || typeof question.question !== 'string' || !texts(question.choice)) {
          throw wrong(place, 'expected an object with question, choice (a list of texts) and answer');
        }
        const answer = question.choice.indexOf(question.answer as string);
        if (answer < 0) {
          throw wrong(`${place}.answer`, `${JSON.stringify(question.answer)} is none of the choices`);
        }
        rows.push({
          text,
          question: oneLine(question.question),
          choices: question.choice.map(oneLine),
          label: String(answer),
        });
      }
    }
  }
  if (rows.length === 0) throw new EasyNlpError('DATA_EMPTY', { file });
  return { file, rows };
}

/** Questions about texts (CMRC 2018, DRCD) as machine_reading_comprehension reads them. */
export function reading(rows: readonly Row[], file: string): BenchmarkRows {
  return {
    file,
    rows: rows.map(({ values }) => ({
      qas_id: String(values.qas_id),
      question_text: String(values.question_text),
      context_text: String(values.context_text),
      answer_text: values.answer_text as readonly string[],
      start_position_character: values.start_position_character as readonly number[],
    })),
  };
}
