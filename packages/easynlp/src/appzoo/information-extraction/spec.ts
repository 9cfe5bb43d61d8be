import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { TaskSpec } from '../app.js';
import { chosenColumn, columnNames, TEXT_COLUMNS, textOf } from '../sequence/index.js';
import { answersIn, entitiesOf, eventsOf, unwrapped } from './gold.js';
import {
  DEFAULT_MAX_SPANS,
  DEFAULT_THRESHOLD,
  type ExtractionTrainConfig,
  type ExtractionUseConfig,
} from './options.js';
import {
  type ExtractionScheme,
  formatScheme,
  parseInstruction,
  parseScheme,
  parseTypeNames,
} from './scheme.js';

/** An extraction task: where texts and answers are in the data, and what is looked for. */
export interface ExtractionSpec extends TaskSpec {
  readonly app: 'information_extraction';
  /**
   * What the training data hold: EasyNLP's questions with the positions of the answers, texts with entities, or texts
   * with events.
   */
  readonly input: 'questions' | 'entities' | 'events';
  /** Column of the text. */
  readonly firstSequence: string;
  /** Column of EasyNLP's questions. */
  readonly instructionName: string;
  /** Column of the entities or events. */
  readonly labelName: string;
  /** Column of what to look for in a row. */
  readonly schemeName: string;
  readonly scheme: ExtractionScheme;
  readonly typeNames: Readonly<Record<string, string>>;
  readonly mode: 'prompt' | 'types';
  /** Questions of a text without an answer that are trained on; null for all. */
  readonly negatives: number | null;
  readonly task: 'auto' | 'NER' | 'EE';
  readonly threshold: number;
  readonly maxSpans: number;
}

export const CONTENT_COLUMNS = ['content', ...TEXT_COLUMNS.filter((name) => name !== 'content')];
const GOLD_COLUMNS = ['events', 'entities'];

/** Types in the order in which they first occur, with their roles. */
class SchemeCollector {
  readonly #types = new Map<string, Set<string>>();

  add(type: string, roles: readonly string[] = []): void {
    const known = this.#types.get(type) ?? new Set<string>();
    for (const role of roles) known.add(role);
    this.#types.set(type, known);
  }

  scheme(): ExtractionScheme {
    return [...this.#types].map(([type, roles]) => ({ type, roles: [...roles] }));
  }
}

/**
 * Finds the columns and what there is to look for, and checks every answer.
 *
 * @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL naming the file, the line and the column; EXTRACTION_SCHEME,
 * CONFIG_CONFLICT
 */
export async function prepareExtraction(given: TrainConfig, source: DataSource): Promise<ExtractionSpec> {
  const config = given as TrainConfig & ExtractionTrainConfig;
  const names = await columnNames(source);
  const isQuestions = config.firstSequence === 'instruction' || names.includes('instruction');
  const firstSequence = isQuestions
    ? 'content'
    : chosenColumn(config.firstSequence, CONTENT_COLUMNS, names, 'text', source.name);
  const labelName = isQuestions
    ? 'target'
    : chosenColumn(config.labelName, GOLD_COLUMNS, names, 'entities or events', source.name);
  const input = isQuestions ? 'questions' : await kindOf(source, labelName);
  if (config.mode === 'types' && input !== 'entities') {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: `mode types needs texts with entities, and ${source.name} has ${input}`,
      hint: 'Leave mode out: prompt asks a question for each type and role.',
    });
  }
  const types = new SchemeCollector();
  for await (const row of source.rows()) {
    if (input === 'questions') {
      const instruction = unwrapped(textOf(row, 'instruction'));
      answersIn(row, instruction);
      const { label, before } = parseInstruction(instruction);
      if (label !== '' && before.includes('类型的实体')) types.add(label);
      continue;
    }
    const text = textOf(row, firstSequence);
    if (input === 'entities') for (const { type } of entitiesOf(row, labelName, text)) types.add(type);
    else {
      for (const event of eventsOf(row, labelName, text)) {
        types.add(
          event.type,
          event.arguments.map(({ role }) => role),
        );
      }
    }
  }
  const scheme = config.scheme === undefined ? types.scheme() : parseScheme(config.scheme);
  if (scheme.length === 0 && input !== 'questions') {
    throw new EasyNlpError('DATA_LABELS', { reason: `no row of ${source.name} has ${input}` });
  }
  const typeNames = config.typeNames === undefined ? {} : parseTypeNames(config.typeNames);
  return {
    app: 'information_extraction',
    sequenceLength: config.sequenceLength,
    input,
    firstSequence,
    instructionName: 'instruction',
    labelName,
    schemeName: 'scheme',
    scheme: config.mode === 'types' ? scheme.map(({ type }) => ({ type, roles: [] })) : scheme,
    typeNames,
    mode: config.mode,
    negatives: config.negatives ?? null,
    task: 'auto',
    threshold: config.threshold ?? DEFAULT_THRESHOLD,
    maxSpans: config.maxSpans ?? DEFAULT_MAX_SPANS,
  };
}

/** A column that is called otherwise tells by its content. */
async function kindOf(source: DataSource, column: string): Promise<'entities' | 'events'> {
  if (column === 'events' || column === 'entities') return column;
  for await (const row of source.rows()) {
    const cell = String(row.values[column] ?? '');
    if (cell.includes('"arguments"')) return 'events';
    if (cell.includes('"type"')) return 'entities';
  }
  return 'entities';
}

/** The task as evaluating or predicting wants it. */
export function adjustExtraction(
  spec: ExtractionSpec,
  given: Readonly<Record<string, unknown>>,
): ExtractionSpec {
  const options = given as Partial<ExtractionUseConfig>;
  const changes = {
    schemeName: options.schemeName,
    scheme: options.scheme === undefined ? undefined : parseScheme(options.scheme),
    typeNames: options.typeNames === undefined ? undefined : parseTypeNames(options.typeNames),
    task: options.task,
    threshold: options.threshold,
    maxSpans: options.maxSpans,
  };
  if (spec.mode === 'types') {
    if (options.scheme !== undefined || options.task === 'EE') {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem: `the model was trained with mode types: it knows ${formatScheme(spec.scheme)}, nothing else`,
        hint: 'A model trained with mode prompt may be asked for anything.',
      });
    }
  }
  return {
    ...spec,
    ...Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)),
  };
}
