import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { TaskSpec } from '../app.js';
import { chosenColumn, columnNames, LABEL_COLUMNS } from '../sequence/index.js';
import { choicesOf, GoldReadings } from './choices.js';
import { filled } from './gap.js';
import type { GoldKind, MultipleChoiceConfig } from './options.js';

/** Questions with a list of choices each, one of which is right. */
export interface MultipleChoiceSpec extends TaskSpec {
  readonly app: 'multiple_choice';
  /** Column of the text that the choices are about. */
  readonly firstSequence: string;
  /** Column of the question; null where the text is all there is. */
  readonly secondSequence: string | null;
  /** The column with the list of choices, or a column each. */
  readonly choicesName: readonly string[];
  readonly labelName: string;
  readonly gold: GoldKind;
  /** Mark in the text that the choice takes the place of. */
  readonly gap: string | null;
  /** Column of what questions share their choices. */
  readonly groupName: string | null;
  /** Choices of texts that come without; null in training. */
  readonly choices: readonly string[] | null;
}

/** Names that columns usually have. */
const TEXTS = [
  ...['context', 'text', 'passage', 'article', 'document', 'content', 'sentence', 'sent1', 'sentence1'],
  'question',
];
const LISTS = ['choices', 'candidates', 'options', 'choice', 'endings'];
const NUMBERED = /^(choice|candidate|option|ending)[_-]?([0-9]+|[A-Za-z])$/;
const LABELS = [...LABEL_COLUMNS, 'answer'];

function choiceColumns(wanted: readonly string[] | undefined, columns: readonly string[], file: string) {
  if (wanted === undefined) {
    const numbered = columns.filter((name) => NUMBERED.test(name));
    if (!LISTS.some((name) => columns.includes(name)) && numbered.length >= 2) return numbered;
  }
  const role = 'choices (option choices-name)';
  return wanted === undefined
    ? [chosenColumn(undefined, LISTS, columns, role, file)]
    : wanted.map((name) => chosenColumn(name, [], columns, role, file));
}

/** Finds columns and how labels are to be read; every row is looked at. */
export async function prepareMultipleChoice(
  given: TrainConfig,
  source: DataSource,
): Promise<MultipleChoiceSpec> {
  const config = given as TrainConfig & MultipleChoiceConfig;
  if (config.labels !== undefined) {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'multiple_choice has no labels: each row has choices of its own',
      hint: 'Leave labels out; choices-name says where the choices are.',
    });
  }
  const columns = await columnNames(source);
  // A column that an option gives another meaning is not guessed to be the text.
  const taken = [config.groupName, config.labelName, config.secondSequence, ...(config.choicesName ?? [])];
  const column = (wanted: string | undefined, usual: readonly string[], role: string) =>
    chosenColumn(
      wanted,
      usual.filter((name) => !taken.includes(name)),
      columns,
      role,
      source.name,
    );
  const firstSequence = column(config.firstSequence, TEXTS, 'text (option first-sequence)');
  const asks = firstSequence !== 'question' && columns.includes('question');
  const spec = {
    app: 'multiple_choice' as const,
    sequenceLength: config.sequenceLength,
    firstSequence,
    secondSequence:
      config.secondSequence !== undefined
        ? column(config.secondSequence, [], 'question')
        : asks
          ? 'question'
          : null,
    choicesName: choiceColumns(config.choicesName, columns, source.name),
    labelName: column(config.labelName, LABELS, 'label'),
    gap: config.gap ?? null,
    groupName: config.groupName === undefined ? null : column(config.groupName, [], 'group'),
    choices: null,
  };
  // Large tables are encoded while they train: a wrong row deep in one must not wait until then.
  const readings = new GoldReadings(spec.labelName, config.gold);
  for await (const row of source.rows()) {
    const choices = choicesOf(row, spec);
    readings.add(row, choices);
    if (spec.gap !== null) filled(row, spec, choices[0]!);
  }
  return { ...spec, gold: readings.kind() };
}

/** The task of a model that another toolkit trained for it; null when its `config.json` names no such head. */
export function pretrainedMultipleChoice(
  config: Readonly<Record<string, unknown>>,
): MultipleChoiceSpec | null {
  const { architectures, max_position_embeddings: longest } = config;
  const names = Array.isArray(architectures) ? architectures.map(String) : [];
  if (!names.some((name) => name.endsWith('ForMultipleChoice'))) return null;
  return {
    app: 'multiple_choice',
    sequenceLength: typeof longest === 'number' ? Math.min(512, longest) : 512,
    firstSequence: 'context',
    secondSequence: null,
    choicesName: ['choices'],
    labelName: 'label',
    gold: 'index',
    gap: null,
    groupName: null,
    choices: null,
  };
}
