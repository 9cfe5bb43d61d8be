import type { Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { nearest } from '../../util/index.js';
import type { AppContext } from '../app.js';
import { textOf } from '../sequence/index.js';
import {
  type AskedText,
  type EncodedText,
  type ExtractionUnit,
  encodeAsked,
  type Question,
} from './encode.js';
import { answersIn, entitiesOf, eventsOf, type GoldEvent, type Place, unwrapped } from './gold.js';
import {
  type ExtractionScheme,
  entityPrompt,
  parseInstruction,
  parseScheme,
  rolePrompt,
  roleQuestion,
} from './scheme.js';
import { CONTENT_COLUMNS, type ExtractionSpec } from './spec.js';

/** The column of the text: the task's, or the first usual one that the row has. */
function textColumn(row: Row, spec: ExtractionSpec): string {
  const has = (name: string) => row.values[name] !== undefined;
  return has(spec.firstSequence) ? spec.firstSequence : (CONTENT_COLUMNS.find(has) ?? spec.firstSequence);
}

/** What to look for in a row: its own scheme, or the task's. */
function schemeFor(row: Row, spec: ExtractionSpec): ExtractionScheme {
  const own = spec.mode === 'types' ? undefined : row.values[spec.schemeName];
  const text = typeof own === 'string' ? own.trim() : '';
  let scheme = spec.scheme;
  if (text !== '') {
    try {
      scheme = parseScheme(text);
    } catch (cause) {
      throw new EasyNlpError(
        'DATA_CELL',
        {
          file: row.file,
          line: row.line,
          column: spec.schemeName,
          got: text,
          expected: 'a scheme such as "人物;地点" or "比赛:冠军,亚军;会议:地点"',
        },
        { cause },
      );
    }
  }
  if (scheme.length === 0) {
    throw new EasyNlpError('EXTRACTION_SCHEME', {
      scheme: '',
      reason: `${row.file}, line ${row.line} has no column ${spec.schemeName}, and neither the options nor the training data say what to look for`,
    });
  }
  if (spec.task === 'EE') {
    const bare = scheme.find(({ roles }) => roles.length === 0);
    if (bare !== undefined) {
      throw new EasyNlpError('EXTRACTION_SCHEME', {
        scheme: text,
        reason: `the event "${bare.type}" has no roles (task EE)`,
      });
    }
  }
  return spec.task === 'NER' ? scheme.map(({ type }) => ({ type, roles: [] })) : scheme;
}

/** A question for a type; `places` are the right answers. */
function typeQuestion(
  { type, roles }: ExtractionScheme[number],
  { typeNames }: ExtractionSpec,
  gold: readonly Place[] | null,
): Question {
  const name = Object.hasOwn(typeNames, type) ? typeNames[type]! : type;
  return { ...entityPrompt(name), label: type, scoredAs: type, roles, gold };
}

/** Questions for the arguments of events of a type with the same trigger; they are asked once. */
export function roleQuestions(
  type: string,
  trigger: string,
  roles: readonly string[],
  gold: readonly GoldEvent[] | null,
): Question[] {
  return roles.map((role) => ({
    ...rolePrompt(trigger, role),
    label: roleQuestion(type, trigger, role),
    scoredAs: `${type}-${role}`,
    roles: [],
    gold: gold?.flatMap((event) => event.arguments.filter((argument) => argument.role === role)) ?? null,
  }));
}

function checkTypes(row: Row, spec: ExtractionSpec, types: readonly string[]): void {
  const known = spec.scheme.map(({ type }) => type);
  const other = types.find((type) => !known.includes(type));
  if (other === undefined) return;
  throw new EasyNlpError('DATA_LABEL_UNKNOWN', {
    file: row.file,
    line: row.line,
    column: spec.labelName,
    got: other,
    known,
    suggestion: nearest(other, known),
  });
}

function questionsWithAnswers(row: Row, text: string, spec: ExtractionSpec): Question[] {
  if (spec.input === 'entities') {
    const gold = entitiesOf(row, spec.labelName, text);
    checkTypes(
      row,
      spec,
      gold.map(({ type }) => type),
    );
    return spec.scheme.map((item) =>
      typeQuestion(
        item,
        spec,
        gold.filter(({ type }) => type === item.type),
      ),
    );
  }
  const gold = eventsOf(row, spec.labelName, text);
  checkTypes(
    row,
    spec,
    gold.map(({ type }) => type),
  );
  return spec.scheme.flatMap((item) => {
    const own = gold.filter(({ type }) => type === item.type);
    const triggers = new Set(own.map(({ start, end }) => text.slice(start, end)));
    return [
      typeQuestion(item, spec, own),
      ...[...triggers].flatMap((trigger) =>
        roleQuestions(
          item.type,
          trigger,
          item.roles,
          own.filter(({ start, end }) => text.slice(start, end) === trigger),
        ),
      ),
    ];
  });
}

function askedInstruction(row: Row, spec: ExtractionSpec, labels: boolean, common: Common): AskedText {
  const instruction = unwrapped(textOf(row, spec.instructionName));
  const { before, text, after, label } = parseInstruction(instruction);
  const gold = labels
    ? answersIn(row, instruction).map(({ start, end }) => {
        if (start >= before.length && end <= before.length + text.length) {
          return { start: start - before.length, end: end - before.length };
        }
        throw new EasyNlpError('DATA_CELL', {
          file: row.file,
          line: row.line,
          column: 'start',
          got: row.values.start,
          expected: `positions within the text that is asked about (from ${before.length})`,
        });
      })
    : null;
  const question: Question = { before, after, label, scoredAs: label, roles: [], gold };
  return { ...common, text, questions: [question], together: false };
}

type Common = Pick<AskedText, 'id' | 'seed'>;

/** What is asked about a row. */
export function askedOf(row: Row, spec: ExtractionSpec, labels: boolean): AskedText {
  const id = row.values.id;
  const common = { id: id === undefined || id === null ? String(row.line) : String(id), seed: row.line };
  const column = textColumn(row, spec);
  const isInstruction =
    spec.input === 'questions' &&
    (labels || (row.values[column] === undefined && row.values[spec.instructionName] !== undefined));
  if (isInstruction) return askedInstruction(row, spec, labels, common);
  const text = textOf(row, labels ? spec.firstSequence : column);
  const questions = labels
    ? questionsWithAnswers(row, text, spec)
    : schemeFor(row, spec).map((item) => typeQuestion(item, spec, null));
  return { ...common, text, questions, together: spec.mode === 'types' };
}

/** A row is encoded as its first unit. */
export async function encodeExtraction(
  rows: readonly Row[],
  { spec, tokenizer }: AppContext<ExtractionSpec>,
  { labels }: { labels: boolean },
): Promise<ExtractionUnit[]> {
  const asked = rows.map((row) => askedOf(row, spec, labels));
  const encoded: EncodedText[] = await encodeAsked(asked, spec.sequenceLength, tokenizer);
  return encoded.map(({ units }) => units[0]!);
}

/** Texts of a training row with the questions about it, for a vocabulary. */
export function textsOfRow(row: Row, spec: ExtractionSpec): string[] {
  const { text, questions } = askedOf(row, spec, true);
  return [text, ...questions.flatMap(({ before, after }) => (spec.mode === 'types' ? [] : [before, after]))];
}
