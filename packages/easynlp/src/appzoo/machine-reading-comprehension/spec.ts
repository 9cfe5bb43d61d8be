import type { TrainConfig } from '../../config/index.js';
import type { DataSource, Row } from '../../datahub/index.js';
import type { TaskSpec } from '../app.js';
import { chosenColumn, columnNames, textOf } from '../sequence/index.js';
import { answersOf, locateAnswer } from './gold.js';
import type { ReadingTrainConfig, ReadingUseConfig } from './options.js';

export type ReadingLanguage = 'zh' | 'en';

/** A reading task: its columns, how texts are cut into windows, and what counts as an answer. */
export interface ReadingSpec extends TaskSpec {
  readonly app: 'machine_reading_comprehension';
  /** Column of the question. */
  readonly firstSequence: string;
  /** Column of the text that it is about. */
  readonly secondSequence: string;
  readonly idName: string | null;
  readonly answerName: string;
  readonly startName: string | null;
  readonly language: ReadingLanguage;
  readonly maxQueryLength: number;
  readonly docStride: number;
  readonly maxAnswerLength: number;
  readonly nBestSize: number;
  /** Whether a question may have no answer. */
  readonly unanswerable: boolean;
  /** From which lead on "no answer" is the answer; null until validation data have found it. */
  readonly unanswerableThreshold: number | null;
}

export const QUESTION_COLUMNS = ['question_text', 'question', 'query_text', 'query'];
export const CONTEXT_COLUMNS = ['context_text', 'context', 'passage', 'text'];
export const ID_COLUMNS = ['qas_id', 'id', 'query_id'];
export const ANSWER_COLUMNS = ['answer_text', 'answers.text', 'answer', 'answers'];
export const START_COLUMNS = ['start_position_character', 'answers.answer_start', 'answer_start'];

const LONGEST_ANSWER: Readonly<Record<ReadingLanguage, number>> = { zh: 100, en: 30 };

/** Rows that are looked at to see what language they are in. */
const LOOKED_AT = 50;

function languageOf(texts: readonly string[]): ReadingLanguage {
  const text = texts.join('');
  const han = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  return han * 5 >= letters ? 'zh' : 'en';
}

/**
 * Finds the columns, and every answer in its text.
 *
 * @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL naming the file, the line and the column
 */
export async function prepareReading(given: TrainConfig, source: DataSource): Promise<ReadingSpec> {
  const config = given as TrainConfig & ReadingTrainConfig;
  const names = await columnNames(source);
  const need = (wanted: string | undefined, usual: readonly string[], role: string) =>
    chosenColumn(wanted, usual, names, role, source.name);
  const optional = (wanted: string | undefined, usual: readonly string[]) =>
    wanted === undefined
      ? (usual.find((name) => names.includes(name)) ?? null)
      : need(wanted, usual, 'column');
  const columns = {
    firstSequence: need(config.firstSequence, QUESTION_COLUMNS, 'question (option first-sequence)'),
    secondSequence: need(
      config.secondSequence,
      CONTEXT_COLUMNS,
      'text that the question is about (option second-sequence)',
    ),
    idName: optional(config.qasId, ID_COLUMNS),
    answerName: need(config.answerName, ANSWER_COLUMNS, 'answer (option answer-name)'),
    startName: optional(config.startPositionName, START_COLUMNS),
  };
  const looked: string[] = [];
  let unanswered = false;
  for await (const row of source.rows()) {
    const question = textOf(row, columns.firstSequence);
    const context = textOf(row, columns.secondSequence);
    if (looked.length < LOOKED_AT) looked.push(question + context);
    const gold = answersOf(row, columns);
    if (gold.texts.length === 0) unanswered = true;
    else locateAnswer(context, gold, row, columns);
  }
  const language = config.language ?? languageOf(looked);
  return {
    app: 'machine_reading_comprehension',
    sequenceLength: config.sequenceLength,
    ...columns,
    ...sizes(config, language),
    unanswerable: config.unanswerable ?? unanswered,
    unanswerableThreshold: null,
  };
}

function sizes(config: Partial<ReadingTrainConfig>, language: ReadingLanguage) {
  return {
    language,
    maxQueryLength: config.maxQueryLength ?? 64,
    docStride: config.docStride ?? 128,
    maxAnswerLength: config.maxAnswerLength ?? LONGEST_ANSWER[language],
    nBestSize: config.nBestSize ?? 10,
  };
}

/** The task of a model with a question answering head that was trained elsewhere; null for any other. */
export function pretrainedReading(config: Readonly<Record<string, unknown>>): ReadingSpec | null {
  const { architectures, max_position_embeddings: positions } = config;
  const heads = Array.isArray(architectures) ? architectures.map(String) : [];
  if (!heads.some((name) => name.endsWith('ForQuestionAnswering'))) return null;
  return {
    app: 'machine_reading_comprehension',
    sequenceLength: Math.min(384, typeof positions === 'number' ? positions : 384),
    firstSequence: 'question',
    secondSequence: 'context',
    idName: null,
    answerName: 'answer_text',
    startName: null,
    ...sizes({}, 'zh'),
    unanswerable: false,
    unanswerableThreshold: null,
  };
}

/** The task as evaluating or predicting wants it; a threshold of its own means that there may be no answer. */
export function adjustReading(spec: ReadingSpec, given: Readonly<Record<string, unknown>>): ReadingSpec {
  const options = given as Partial<ReadingUseConfig>;
  const language = options.language ?? spec.language;
  const changes = {
    idName: options.qasId,
    answerName: options.answerName,
    startName: options.startPositionName,
    language: options.language,
    maxQueryLength: options.maxQueryLength,
    docStride: options.docStride,
    maxAnswerLength:
      options.maxAnswerLength ?? (language === spec.language ? undefined : LONGEST_ANSWER[language]),
    nBestSize: options.nBestSize,
    unanswerable: options.unanswerable ?? (options.unanswerableThreshold === undefined ? undefined : true),
    unanswerableThreshold: options.unanswerableThreshold,
  };
  return {
    ...spec,
    ...Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)),
  };
}

/** The column of that role in a row: the task's, or where the row has no such one, a usual one that it has. */
export function columnIn(row: Row, name: string | null, usual: readonly string[]): string | null {
  if (name !== null && name in row.values) return name;
  return usual.find((other) => other in row.values) ?? null;
}
