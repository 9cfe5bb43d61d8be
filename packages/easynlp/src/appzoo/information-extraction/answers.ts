import { trimmedRange } from '../../text/index.js';
import type { AppContext, HostOutputs } from '../app.js';
import { roleQuestions } from './ask.js';
import { type EncodedText, type ExtractionUnit, encodeAsked, promptLength, type Question } from './encode.js';
import { rolePrompt, roleQuestion } from './scheme.js';
import type { ExtractionSpec } from './spec.js';

/** A part of the text, `text.slice(start, end)`; offsets in UTF-16 code units. */
export interface ExtractedSpan {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Probability. */
  readonly score: number;
}

/** What takes part in an event. */
export interface ExtractedArgument extends ExtractedSpan {
  readonly role: string;
}

/** An entity, or an event's trigger with the arguments. */
export interface ExtractedEntity extends ExtractedSpan {
  readonly type: string;
  /** Of events only. */
  readonly arguments?: readonly ExtractedArgument[];
}

/** What was found in a text, in the order of the text. */
export interface ExtractionResult {
  readonly entities: readonly ExtractedEntity[];
}

const texts = new WeakMap<ExtractionResult, EncodedText>();

/** The text of a result, for tables: as a field it would fill every printed result. */
export function textOfResult(result: ExtractionResult): EncodedText {
  return texts.get(result)!;
}

function resultOf(entities: readonly ExtractedEntity[], text: EncodedText): ExtractionResult {
  const result = { entities };
  texts.set(result, text);
  return result;
}

const sigmoid = (score: number) => 1 / (1 + Math.exp(-score));

/** `spanScores`, `spanFirst`, `spanLast` [B, C, K] → what each unit found in its own part of the text. */
export function decodeExtraction(
  outputs: HostOutputs,
  { spec }: Pick<AppContext<ExtractionSpec>, 'spec'>,
  rows: readonly ExtractionUnit[],
): ExtractionResult[] {
  const { data: scores, shape } = outputs.spanScores!;
  const firsts = outputs.spanFirst!.data;
  const lasts = outputs.spanLast!.data;
  const [, channels, depth] = shape as [number, number, number];
  return rows.map((unit, r) => {
    const { text, at, count, first: windowFirst, ownFrom, ownTo } = unit;
    const entities: ExtractedEntity[] = [];
    for (const [c, q] of unit.asked.entries()) {
      let found = 0;
      for (let k = 0; k < depth && found < spec.maxSpans; k++) {
        const i = (r * channels + c) * depth + k;
        const score = sigmoid(scores[i]!);
        if (!(score >= spec.threshold)) break;
        const first = firsts[i]! - at;
        const last = lasts[i]! - at;
        // Not in the text: the span that says "no answer".
        if (first < 0 || last >= count) continue;
        found++;
        const middle = windowFirst + ((first + last) >> 1);
        if (middle < ownFrom || middle >= ownTo) continue;
        const { start, end } = trimmedRange(
          text.text,
          text.starts[windowFirst + first]!,
          text.ends[windowFirst + last]!,
        );
        if (start === end) continue;
        const surface = text.text.slice(start, end);
        entities.push({ type: text.questions[q]!.label, text: surface, start, end, score });
      }
    }
    return resultOf(entities, text);
  });
}

/** What all windows and questions found, in the order of the text; longer spans first. */
export function joinExtraction(
  results: readonly ExtractionResult[],
  { text }: ExtractionUnit,
): ExtractionResult {
  const order = new Map(text.questions.map(({ label }, q) => [label, q]));
  const entities = results
    .flatMap((result) => result.entities)
    .sort((a, b) => a.start - b.start || b.end - a.end || order.get(a.type)! - order.get(b.type)!);
  // Pieces of one character, such as the bytes of an emoji, share its place.
  const seen = new Set<string>();
  const kept = entities.filter(({ type, start, end }) => {
    const key = `${start} ${end} ${type}`;
    return !seen.has(key) && seen.add(key);
  });
  return resultOf(kept, text);
}

/** A long trigger is shortened in the question, so that there is room for the text. */
async function fitting(
  trigger: string,
  roles: readonly string[],
  { spec, tokenizer }: AppContext<ExtractionSpec>,
): Promise<string> {
  let characters = Array.from(trigger);
  for (;;) {
    const shown = characters.join('');
    const lengths = await Promise.all(roles.map((role) => promptLength(rolePrompt(shown, role), tokenizer)));
    if (Math.max(...lengths) <= spec.sequenceLength / 2 || characters.length <= 4) return shown;
    characters = characters.slice(0, Math.ceil(characters.length / 2));
  }
}

/**
 * Questions of one text times its windows: up to here each question is asked everywhere, beyond it only around its trigger.
 * A model that takes every third word of a book for a trigger must not ask about each of them on every page.
 */
const ASKED_EVERYWHERE = 4096;

/** Different triggers of a text whose arguments are asked for: this many, or so many a window; the most probable ones. */
const TRIGGERS = 100;
const TRIGGERS_A_WINDOW = 4;

/** The second step for events: questions for the arguments of every trigger that was found; null without any. */
export async function askForArguments(
  result: ExtractionResult,
  { text }: ExtractionUnit,
  context: AppContext<ExtractionSpec>,
): Promise<{ row: ExtractionUnit; complete(next: ExtractionResult): ExtractionResult } | null> {
  const rolesOf = new Map(text.questions.map(({ label, roles }) => [label, roles]));
  if (![...rolesOf.values()].some((roles) => roles.length > 0)) return null;
  const withAnswers = (next: ExtractionResult): ExtractionResult => {
    const answers = new Map<string, ExtractedSpan[]>();
    for (const { type, ...span } of next.entities) {
      const known = answers.get(type);
      if (known) known.push(span);
      else answers.set(type, [span]);
    }
    return resultOf(
      result.entities.map((entity) => {
        const roles = rolesOf.get(entity.type) ?? [];
        if (roles.length === 0) return entity;
        const own = roles.flatMap((role) =>
          (answers.get(roleQuestion(entity.type, entity.text, role)) ?? []).map(
            (span): ExtractedArgument => ({ role, ...span }),
          ),
        );
        return { ...entity, arguments: own };
      }),
      text,
    );
  };
  const triggers = new Map<string, ExtractedEntity[]>();
  for (const entity of result.entities) {
    if ((rolesOf.get(entity.type) ?? []).length === 0) continue;
    const key = `${entity.type}\n${entity.text}`;
    const known = triggers.get(key);
    if (known) known.push(entity);
    else triggers.set(key, [entity]);
  }
  const windows = text.units.length / text.questions.length;
  const most = Math.max(TRIGGERS, Math.ceil(TRIGGERS_A_WINDOW * windows));
  const best = (places: readonly ExtractedEntity[]) =>
    places.reduce((top, { score }) => Math.max(top, score), 0);
  const groups = [...triggers.values()];
  const asked = groups.length <= most ? groups : groups.sort((a, b) => best(b) - best(a)).slice(0, most);
  const questions: Question[] = [];
  for (const places of asked) {
    const { type, text: trigger } = places[0]!;
    const roles = rolesOf.get(type)!;
    const shown = await fitting(trigger, roles, context);
    for (const question of roleQuestions(type, shown, roles, null)) {
      const role = question.scoredAs.slice(type.length + 1);
      questions.push({ ...question, near: places, label: roleQuestion(type, trigger, role) });
    }
  }
  if (questions.length === 0) {
    // Nothing to ask: what there is, is complete.
    return null;
  }
  if (questions.length * windows <= ASKED_EVERYWHERE) {
    for (const [q, { near: _, ...question }] of questions.entries()) questions[q] = question;
  }
  const next = { id: text.id, text: text.text, seed: text.seed, questions, together: false };
  const [encoded] = await encodeAsked([next], context.spec.sequenceLength, context.tokenizer);
  return { row: encoded!.units[0]!, complete: withAnswers };
}

/** Question, answer, probability, start and end, as EasyNLP writes them; places count from the text's beginning. */
function questionsAndAnswers({ entities }: ExtractionResult): unknown[] {
  const lines: unknown[] = [];
  const asked = new Set<string>();
  const line = (question: string, { text, score, start, end }: ExtractedSpan) =>
    lines.push([question, text, score, start, end]);
  for (const entity of entities) {
    if (entity.arguments === undefined) {
      line(entity.type, entity);
      continue;
    }
    // Two triggers of the same words have the same arguments.
    const event = `${entity.type}\n${entity.text}`;
    if (asked.has(event)) continue;
    asked.add(event);
    for (const argument of entity.arguments) {
      line(roleQuestion(entity.type, entity.text, argument.role), argument);
    }
  }
  return lines;
}

type Column = (result: ExtractionResult) => string;

const entities: Column = (result) => JSON.stringify(result.entities);

/** Columns of results; `id`, `content` and `q_and_a` are EasyNLP's. */
export const extractionColumns: Readonly<Record<string, Column>> = {
  predictions: entities,
  entities,
  id: (result) => textOfResult(result).id,
  content: (result) => textOfResult(result).text,
  q_and_a: (result) => JSON.stringify(questionsAndAnswers(result)),
  output: (result) => JSON.stringify(result),
};
