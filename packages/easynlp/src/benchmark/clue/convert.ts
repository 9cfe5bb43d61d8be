import { basename } from 'node:path';
import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Converter } from '../fewclue/convert.js';
import { listField } from '../rows.js';
import type { BenchmarkRow, BenchmarkRows, Question } from '../types.js';

/** The same without rows on whose label the annotators did not agree (`-`). */
export const agreed =
  (converter: Converter): Converter =>
  (rows, options) =>
    converter(
      rows.filter((row) => row.values.label !== '-'),
      options,
    );

/** A choice: each candidate becomes a pair that is right (1) or not (0); the most probable one is the answer. */
interface Choice {
  readonly pairs: readonly BenchmarkRow[];
  readonly answer: number;
}

/** How many pairs of a choice are trained on: all, or the right one and so many wrong ones. */
export type WrongPairs = number | 'all';

function pairsOf(file: string, choices: Iterable<Choice>, wrong: WrongPairs): BenchmarkRows {
  const rows: BenchmarkRow[] = [];
  const questions: Question[] = [];
  let number = 0;
  for (const { pairs, answer } of choices) {
    const n = pairs.length;
    const kept = new Set(pairs.keys());
    if (wrong !== 'all' && wrong < n - 1) {
      kept.clear();
      kept.add(answer);
      // Another place to begin with for each question: none of the positions is preferred, and no chance is needed.
      for (let i = number; kept.size <= wrong; i++) kept.add(i % n);
    }
    questions.push({
      answer,
      candidates: pairs.map((_, i) => ({ row: rows.length + i, label: '1' })),
    });
    for (const i of [...kept].sort((a, b) => a - b)) {
      rows.push({ ...pairs[i]!, label: i === answer ? '1' : '0' });
    }
    number++;
  }
  if (rows.length === 0) throw new EasyNlpError('DATA_EMPTY', { file });
  return wrong === 'all' ? { file, rows, questions } : { file, rows };
}

const GAP = /#idiom\d+#/g;
/** Characters on both sides of a gap that are kept: an idiom and its surroundings fit into 128 tokens. */
const AROUND = 56;
const BLANK = '　　';

/** The surroundings of a gap, other gaps being blank. */
function around(content: string, at: number, length: number): readonly [string, string] {
  const cut = (text: string) => Array.from(text.replace(GAP, BLANK).replace(/[^\S　]+/g, ' '));
  return [
    cut(content.slice(0, at)).slice(-AROUND).join(''),
    cut(content.slice(at + length))
      .slice(0, AROUND)
      .join(''),
  ];
}

interface Answers {
  readonly file: string;
  /** Gap → position of the right candidate. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * ChID as CLUE has it: passages with several gaps (`#idiom000378#`), ten candidates for all of them, and the answers in
 * a file of their own. Every gap is a question.
 */
export function chid(
  rows: readonly Row[],
  { file, answers, wrong }: { readonly file: string; readonly answers: Answers; readonly wrong: WrongPairs },
): BenchmarkRows {
  function* choices(): Generator<Choice> {
    for (const row of rows) {
      const candidates = listField(row, 'candidates');
      const malformed = (reason: string) =>
        new EasyNlpError('DATA_ROW_MALFORMED', { file: row.file, line: row.line, reason });
      for (const content of listField(row, 'content')) {
        for (const { 0: gap, index } of content.matchAll(GAP)) {
          const answer = Object.hasOwn(answers.values, gap) ? answers.values[gap] : undefined;
          if (answer === undefined) throw malformed(`${basename(answers.file)} has no answer for ${gap}`);
          if (!Number.isInteger(answer) || candidates[answer as number] === undefined) {
            throw malformed(
              `the answer ${JSON.stringify(answer)} for ${gap} in ${basename(answers.file)} is not a number from 0 to ${candidates.length - 1}`,
            );
          }
          const [before, after] = around(content, index, gap.length);
          yield {
            answer: answer as number,
            pairs: candidates.map((idiom) => ({ idiom, text: `${before}${idiom}${after}` })),
          };
        }
      }
    }
  }
  return pairsOf(file, choices(), wrong);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const texts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

/**
 * C3: a list of `[lines of the document, [{question, choice, answer}], id]`. The question with each of its choices is
 * a pair with the document.
 *
 * @throws EasyNlpError DATA_FORMAT naming the file and the place in it
 */
export function c3(
  files: readonly { readonly file: string; readonly value: unknown }[],
  file: string,
): BenchmarkRows {
  function* choices(): Generator<Choice> {
    for (const { file, value } of files) {
      const wrong = (place: string, reason: string) =>
        new EasyNlpError('DATA_FORMAT', { file, reason: `${place}: ${reason}` });
      if (!Array.isArray(value)) throw wrong('the document', 'expected a list');
      for (const [i, item] of value.entries()) {
        const [document, asked] = Array.isArray(item) ? item : [];
        if (!texts(document) || !Array.isArray(asked)) {
          throw wrong(`[${i}]`, 'expected [list of lines, list of questions, id]');
        }
        for (const [j, question] of asked.entries()) {
          const place = `[${i}][1][${j}]`;
          if (!isRecord(question) || typeof question.question !== 'string' || !texts(question.choice)) {
            throw wrong(place, 'expected an object with question, choice (a list of texts) and answer');
          }
          const answer = question.choice.indexOf(question.answer as string);
          if (answer < 0) {
            throw wrong(`${place}.answer`, `${JSON.stringify(question.answer)} is none of the choices`);
          }
          const text = oneLine(document.join(' '));
          yield {
            answer,
            pairs: question.choice.map((choice) => ({
              question: oneLine(`${question.question as string} ${choice}`),
              text,
            })),
          };
        }
      }
    }
  }
  return pairsOf(file, choices(), 'all');
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
