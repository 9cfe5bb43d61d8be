import type { TrainConfig } from '../../config/index.js';
import type { DataSource } from '../../datahub/index.js';
import {
  type ClassificationSpec,
  chosenColumn,
  classificationLabels,
  columnNames,
  LABEL_COLUMNS,
  TEXT_COLUMNS,
} from '../sequence/index.js';

/** A text classification task: which columns it reads and which labels there are. */
export interface TextClassifySpec extends ClassificationSpec {
  readonly app: 'text_classify';
}

/** Finds the columns and the labels of a task. Labels come from the options, or else from the training data. */
export async function prepareTextClassify(
  config: TrainConfig,
  source: DataSource,
): Promise<TextClassifySpec> {
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
  };
}
