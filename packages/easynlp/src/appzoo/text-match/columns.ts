import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import { chosenColumn, columnNames, LABEL_COLUMNS } from '../sequence/index.js';

/** Names that the columns of pairs usually have, first and second text in the same place. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['sentence1', 'sentence2'],
  ['sent1', 'sent2'],
  ['text_a', 'text_b'],
  ['text1', 'text2'],
  ['question1', 'question2'],
  ['query', 'title'],
  ['text', 'text2'],
];

export interface PairColumns {
  readonly firstSequence: string;
  readonly secondSequence: string;
}

/** The columns of the two texts: those of the options, or else the first usual pair that the data have. */
export async function pairColumns(
  config: Pick<TrainConfig, 'firstSequence' | 'secondSequence'>,
  source: DataSource,
): Promise<PairColumns> {
  const columns = await columnNames(source);
  const fits = ([first, second]: readonly [string, string]) =>
    columns.includes(first) &&
    columns.includes(second) &&
    (config.firstSequence === undefined || config.firstSequence === first) &&
    (config.secondSequence === undefined || config.secondSequence === second);
  const usual = PAIRS.find(fits) ?? null;
  const choose = (wanted: string | undefined, at: 0 | 1, role: string) =>
    chosenColumn(wanted, usual === null ? [] : [usual[at]], columns, role, source.name);
  return {
    firstSequence: choose(config.firstSequence, 0, 'first text of the pair (option first-sequence)'),
    secondSequence: choose(config.secondSequence, 1, 'second text of the pair (option second-sequence)'),
  };
}

export async function labelColumn(
  config: Pick<TrainConfig, 'labelName'>,
  source: DataSource,
): Promise<string> {
  return chosenColumn(config.labelName, LABEL_COLUMNS, await columnNames(source), 'label', source.name);
}
