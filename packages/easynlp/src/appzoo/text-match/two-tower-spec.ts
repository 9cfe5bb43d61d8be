import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { TaskSpec } from '../app.js';
import { chosenColumn, classificationLabels, columnNames, TEXT_COLUMNS } from '../sequence/index.js';
import { labelColumn, pairColumns } from './columns.js';
import { scoreRange } from './scores.js';
import { LOSS_SETTINGS, type TwoTowerLoss, type TwoTowerOptions } from './two-tower-options.js';

/** The loss with its settings, complete. */
export interface LossSpec {
  readonly name: TwoTowerLoss;
  readonly margin?: number;
  readonly gamma?: number;
  readonly scale?: number;
  readonly temperature?: number;
}

/** A two-tower task: how texts become vectors, and what vectors were trained for. */
export interface TwoTowerSpec extends TaskSpec {
  readonly app: 'text_match_two_tower';
  readonly firstSequence: string;
  /** null for siamese tasks, whose rows are single texts. */
  readonly secondSequence: string | null;
  readonly negativeSequence: string | null;
  readonly labelName: string | null;
  readonly gold: TwoTowerOptions['gold'];
  readonly siamese: boolean;
  /** Of pairs the two labels, no match and match; of siamese texts their classes; none for scores. */
  readonly labels: readonly string[];
  readonly scoreRange: readonly [number, number] | null;
  readonly encoders: TwoTowerOptions['encoders'];
  readonly pooling: TwoTowerOptions['pooling'];
  readonly vectorSize: number | null;
  readonly loss: LossSpec;
  /** Similarity from which on a pair matches, tuned on the validation data; null before. */
  readonly threshold: number | null;
}

/** The name of the column that second texts have in what is predicted; siamese training data have none. */
export function secondColumn({
  firstSequence,
  secondSequence,
}: Pick<TwoTowerSpec, 'firstSequence' | 'secondSequence'>): string {
  return secondSequence ?? `${firstSequence}2`;
}

type Config = TrainConfig & TwoTowerOptions;

function conflict(problem: string, hint?: string): never {
  throw new EasyNlpError('CONFIG_CONFLICT', { problem, hint });
}

/** Combinations that have no meaning are refused, not silently changed. */
function check(config: Config): void {
  const { loss, gold, siamese, encoders } = config;
  if (gold === 'scores' && loss !== 'cosent' && loss !== 'mse') {
    conflict(`loss ${loss} needs classes, not scores`, 'With gold: scores use loss: cosent or mse.');
  }
  if (gold === 'none' && loss !== 'infonce') {
    conflict(`loss ${loss} needs labels`, 'With gold: none use loss: infonce.');
  }
  if (config.negativeSequence !== undefined && loss !== 'infonce') {
    conflict(`negativeSequence has no meaning for loss ${loss}`, 'Use loss: infonce, or leave it out.');
  }
  if (siamese) {
    if (gold !== 'classes') conflict(`siamese needs classes, not gold: ${gold}`);
    if (encoders === 'separate') conflict('siamese and encoders: separate exclude each other');
    for (const key of ['secondSequence', 'negativeSequence'] as const) {
      if (config[key] !== undefined) {
        conflict(
          `siamese and ${key} exclude each other`,
          'Siamese rows are single texts with a class; pairs are made from them. For pairs leave siamese out.',
        );
      }
    }
  }
  for (const key of ['margin', 'gamma', 'scale', 'temperature'] as const) {
    if (config[key] === undefined || key in LOSS_SETTINGS[loss]) continue;
    const owners = Object.entries(LOSS_SETTINGS).filter(([, settings]) => key in settings);
    conflict(`loss ${loss} has no ${key}`, `It belongs to ${owners.map(([name]) => name).join(', ')}.`);
  }
}

function lossSpec(config: Config): LossSpec {
  const settings = LOSS_SETTINGS[config.loss];
  const own = Object.entries(settings).map(([key, fallback]) => [
    key,
    config[key as keyof typeof settings] ?? fallback,
  ]);
  return { name: config.loss, ...Object.fromEntries(own) };
}

/** Finds columns, labels and settings. @throws EasyNlpError CONFIG_CONFLICT, DATA_COLUMN_UNKNOWN, DATA_LABELS */
export async function prepareTwoTower(given: TrainConfig, source: DataSource): Promise<TwoTowerSpec> {
  const config = given as Config;
  check(config);
  const { siamese, gold } = config;
  const columns = siamese
    ? {
        firstSequence: chosenColumn(
          config.firstSequence,
          TEXT_COLUMNS,
          await columnNames(source),
          'text',
          source.name,
        ),
        secondSequence: null,
      }
    : await pairColumns(config, source);
  const negativeSequence =
    config.negativeSequence === undefined
      ? null
      : chosenColumn(config.negativeSequence, [], await columnNames(source), 'negative', source.name);
  const labelName = gold === 'none' ? null : await labelColumn(config, source);
  const labels = gold === 'classes' ? await classificationLabels(config, source, labelName!) : [];
  if (gold === 'classes' && !siamese && labels.length !== 2) {
    throw new EasyNlpError('DATA_LABELS', {
      reason: `there are ${labels.length} (${labels.slice(0, 5).join(', ')}${labels.length > 5 ? ' …' : ''}); pairs have two, "no match" first and "match" second`,
    });
  }
  return {
    app: 'text_match_two_tower',
    sequenceLength: config.sequenceLength,
    ...columns,
    negativeSequence,
    labelName,
    gold,
    siamese,
    labels,
    scoreRange: gold === 'scores' ? await scoreRange(source.rows(), labelName!) : null,
    encoders: config.encoders,
    pooling: config.pooling,
    vectorSize: config.vectorSize ?? null,
    loss: lossSpec(config),
    threshold: null,
  };
}
