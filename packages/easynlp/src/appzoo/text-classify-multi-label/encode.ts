import { floatMatrix, type HostBatch, LabelSet, labelsIn, type Row } from '../../datahub/index.js';
import type { AppContext, CollateOptions } from '../app.js';
import { collateTexts, type EncodedSequence, encodeTexts } from '../sequence/index.js';
import type { MultiLabelSpec } from './spec.js';

export interface EncodedLabelSet extends EncodedSequence {
  /** 1 for each label that the row has; null when none was asked for. */
  readonly gold: Float32Array | null;
}

const labelSets = new WeakMap<readonly string[], LabelSet>();

function goldOf(row: Row, { labels, labelName, labelSeparator }: MultiLabelSpec): Float32Array {
  const set = labelSets.get(labels) ?? new LabelSet(labels);
  labelSets.set(labels, set);
  const gold = new Float32Array(labels.length);
  for (const label of labelsIn(row, labelName, labelSeparator)) {
    gold[set.idOf(label, { file: row.file, line: row.line, column: labelName })] = 1;
  }
  return gold;
}

/** Tokens and label sets of rows. @throws EasyNlpError DATA_LABEL_UNKNOWN naming file, line and column */
export async function encodeLabelSets(
  rows: readonly Row[],
  context: AppContext<MultiLabelSpec>,
  { labels }: { labels: boolean },
): Promise<EncodedLabelSet[]> {
  // Labels first: a wrong one is found before any time is spent on the texts.
  const gold = labels ? rows.map((row) => goldOf(row, context.spec)) : null;
  const encoded = await encodeTexts(rows, context);
  return encoded.map((row, i) => ({ ...row, gold: gold?.[i] ?? null }));
}

/** Texts with `labels` float32 [B, L] where every row has its set, and `positiveWeights` [L] if the task has some. */
export function collateLabelSets(
  rows: readonly EncodedLabelSet[],
  context: AppContext<MultiLabelSpec>,
  options: CollateOptions = {},
): HostBatch {
  const batch = collateTexts(rows, context, options);
  if (!rows.every((row) => row.gold !== null)) return batch;
  const { positiveWeights } = context.spec;
  return {
    ...batch,
    tensors: {
      ...batch.tensors,
      labels: floatMatrix(rows.map((row) => row.gold!)),
      ...(positiveWeights === null
        ? {}
        : {
            positiveWeights: {
              data: Float32Array.from(positiveWeights),
              shape: [positiveWeights.length],
              dtype: 'float32' as const,
            },
          }),
    },
  };
}
