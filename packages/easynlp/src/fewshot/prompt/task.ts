import { z } from 'zod';
import type { App } from '../../appzoo/app.js';
import {
  type ClassificationSpec,
  checkClasses,
  columnNames,
  LABEL_COLUMNS,
} from '../../appzoo/sequence/index.js';
import type { TrainConfig } from '../../config/index.js';
import type { DataSource, Row } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { type LabelWords, readLabelWords } from './label-words.js';
import type { PromptConfig } from './options.js';
import { type PromptPattern, parsePattern } from './pattern.js';

/** What prediction needs to put rows into prompts; plain JSON in the task of a model. */
export interface PromptTask {
  readonly pattern: PromptPattern;
  /** Words of the labels; null for methods without label words. */
  readonly labelWords: LabelWords | null;
  readonly maskBlocks: 'longest' | 'own';
  /** Whether a prompted text ends with [SEP]. */
  readonly sep: boolean;
  /** The pattern's columns that the task's `firstSequence` and `secondSequence` stand for, since those may be renamed. */
  readonly first: string;
  readonly second: string | null;
}

/** A classification whose rows are read in a prompt. */
export interface PromptSpec extends ClassificationSpec {
  readonly prompt: PromptTask;
}

/**
 * The task of `app` with a prompt: pattern and label words are read and checked against the columns and labels of the
 * training data.
 *
 * @throws EasyNlpError PROMPT_PATTERN, PROMPT_LABEL_WORDS, CONFIG_MISSING_VALUE, FEWSHOT_ROWS, and what the app throws
 */
export async function preparePrompt(
  app: App,
  config: TrainConfig,
  source: DataSource,
  needs: { readonly labelWords: boolean },
): Promise<PromptSpec> {
  const {
    pattern: text,
    labelWords,
    maskBlocks = 'longest',
    promptSep = true,
  } = config as TrainConfig & Partial<PromptConfig>;
  if (text === undefined) throw missing('pattern', 'the prompt, such as text,是一条商品,label,评。');
  if (needs.labelWords && labelWords === undefined) {
    throw missing('labelWords', 'the word of each label in the order of the labels, such as 好,差');
  }
  const columns = await columnNames(source);
  const label = config.labelName ?? LABEL_COLUMNS.find((name) => columns.includes(name)) ?? 'label';
  const required = [config.firstSequence, config.secondSequence].filter((name) => name !== undefined);
  const pattern = parsePattern(text, { columns, label, required });
  const [first, second] = textColumns(pattern, config);
  const base = (await app.prepare(
    { ...config, firstSequence: first, ...(second === undefined ? {} : { secondSequence: second }) },
    source,
  )) as ClassificationSpec;
  const absent = [base.firstSequence, base.secondSequence].find(
    (name) => name !== null && !pattern.columns.includes(name),
  );
  if (absent != null) {
    throw new EasyNlpError('PROMPT_PATTERN', {
      pattern: text,
      problem: `${app.name} reads the column "${absent}", which is not in it`,
      hint: `Put ${absent} between two commas.`,
    });
  }
  await checkClasses(source, base);
  return {
    ...base,
    prompt: {
      pattern,
      labelWords: needs.labelWords ? await readLabelWords(labelWords!, base.labels) : null,
      maskBlocks,
      sep: promptSep,
      first: base.firstSequence,
      second: base.secondSequence,
    },
  };
}

const missing = (key: string, expected: string) =>
  new EasyNlpError('CONFIG_MISSING_VALUE', { key, expected });

/** What stands for the first and the second text: what was asked for, else the pattern's columns in the table's order. */
function textColumns(pattern: PromptPattern, config: TrainConfig): [string, string | undefined] {
  const { firstSequence, secondSequence } = config;
  const rest = pattern.columns.filter((name) => name !== firstSequence && name !== secondSequence);
  const first = firstSequence ?? rest.shift()!;
  return [first, secondSequence ?? rest[0]];
}

/** Names in the data of the pattern's columns, in the order of `pattern.columns`. */
export function promptColumns({ prompt, firstSequence, secondSequence }: PromptSpec): string[] {
  return prompt.pattern.columns.map((name) =>
    name === prompt.first ? firstSequence : name === prompt.second ? (secondSequence ?? name) : name,
  );
}

/** A cell as the prompt's text: lists of keywords are joined with 、. @throws EasyNlpError DATA_COLUMN_UNKNOWN, DATA_CELL */
export function promptText(row: Row, column: string): string {
  const value = row.values[column];
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return value.join('、');
  const place = { file: row.file, line: row.line, column };
  if (value === undefined) {
    throw new EasyNlpError('DATA_COLUMN_UNKNOWN', { ...place, known: Object.keys(row.values) });
  }
  throw new EasyNlpError('DATA_CELL', { ...place, got: value, expected: 'a text' });
}

/** First and second text first, then the pattern's other columns. */
function inOrder(spec: PromptSpec): string[] {
  const { firstSequence, secondSequence } = spec;
  const lead = [firstSequence, ...(secondSequence === null ? [] : [secondSequence])];
  return [...lead, ...promptColumns(spec).filter((name) => !lead.includes(name))];
}

/** What rows must hold: every column of the pattern. One text, a list of as many texts as columns, or an object. */
export const promptInputs: App<PromptSpec>['inputs'] = {
  schema: (spec) =>
    z.object(
      Object.fromEntries(
        inOrder(spec).map((name) => [name, z.string().meta({ description: 'a text of the prompt' })]),
      ),
    ),
  columns: (spec, { labels }) => [...inOrder(spec), ...(labels ? [spec.labelName] : [])],
  row(spec, input, index) {
    const columns = inOrder(spec);
    const place = { file: 'input', line: index + 1 };
    const wrong = (got: string) =>
      new EasyNlpError('APP_INPUT', {
        index: index + 1,
        expected:
          columns.length === 1
            ? 'a text'
            : `a list of ${columns.length} texts or an object with ${columns.join(', ')}`,
        got,
      });
    if (typeof input === 'string') {
      if (columns.length > 1) throw wrong('one text');
      return { values: { [columns[0]!]: input }, ...place };
    }
    if (Array.isArray(input)) {
      if (input.length !== columns.length || !input.every((t) => typeof t === 'string')) {
        throw wrong(`an array of ${input.length}`);
      }
      return { values: Object.fromEntries(columns.map((name, i) => [name, input[i] as string])), ...place };
    }
    if (typeof input === 'object' && input !== null) return { values: input as Row['values'], ...place };
    throw wrong(input === null ? 'null' : typeof input);
  },
};
