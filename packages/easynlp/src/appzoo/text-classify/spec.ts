import { DEFAULT_METHOD, type TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import {
  type ClassificationSpec,
  chosenColumn,
  classificationLabels,
  columnNames,
  LABEL_COLUMNS,
  TEXT_COLUMNS,
} from '../sequence/index.js';
import type { TextClassifyOptions } from './options.js';

/** A text classification task: which columns it reads and which labels there are. */
export interface TextClassifySpec extends ClassificationSpec {
  readonly app: 'text_classify';
  /** How texts are read that are longer than `sequenceLength`; missing = they are cut. */
  readonly longText?: LongTextSpec;
}

export interface LongTextSpec {
  readonly merge: TextClassifyOptions['windowMerge'];
  readonly training: TextClassifyOptions['windowTraining'];
}

/** @throws EasyNlpError CONFIG_CONFLICT where windows have no meaning */
export function checkLongText({
  secondSequence,
  method,
}: {
  readonly secondSequence?: string | null | undefined;
  readonly method?: string | undefined;
}): void {
  const fault =
    (secondSequence ?? null) !== null
      ? 'pairs of texts, which are read together'
      : method !== undefined && method !== DEFAULT_METHOD
        ? `method ${method}`
        : null;
  if (fault === null) return;
  throw new EasyNlpError('CONFIG_CONFLICT', {
    problem: `longText: windows does not work with ${fault}`,
    hint: 'Leave it out: texts are cut then.',
  });
}

/** Finds the columns and the labels of a task. Labels come from the options, or else from the training data. */
export async function prepareTextClassify(
  config: TrainConfig,
  source: DataSource,
): Promise<TextClassifySpec> {
  const { longText, windowMerge, windowTraining } = config as TrainConfig & Partial<TextClassifyOptions>;
  if (longText === 'windows') checkLongText(config);
  const columns = await columnNames(source);
  const firstSequence = chosenColumn(config.firstSequence, TEXT_COLUMNS, columns, 'text', source.name);
  const secondSequence =
    config.secondSequence === undefined
      ? null
      : chosenColumn(config.secondSequence, [], columns, 'second text', source.name);
  const labelName = chosenColumn(config.labelName, LABEL_COLUMNS, columns, 'label', source.name);
  return {
    app: 'text_classify',
    sequenceLength: config.sequenceLength,
    firstSequence,
    secondSequence,
    labelName,
    labels: await classificationLabels(config, source, labelName),
    ...(longText === 'windows'
      ? { longText: { merge: windowMerge ?? 'mean', training: windowTraining ?? 'head' } }
      : {}),
  };
}
