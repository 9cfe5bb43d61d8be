import { attentionMask, type EncodedRow, intVector, padSequences } from '../../datahub/index.js';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModelForMaskedLM } from '../../modelzoo/index.js';
import { Rng } from '../../util/index.js';
import type { App, AppModel } from '../app.js';
import { sequenceInputs, textOf } from '../sequence/index.js';
import { INPUT } from '../sequence/inputs.js';
import { fillToken, putIn, withoutBlanks } from './fill-words.js';
import { chooseWords, type MaskedToken, wordsOf } from './mask-words.js';
import { dataAugmentationOptions } from './options.js';
import { predictAugmented } from './predict.js';
import { copyNumber } from './rows.js';
import { type DataAugmentationSpec, pretrainedAugmentation } from './spec.js';

export type { AugmentOptions } from './options.js';
export { augmentRows } from './rows.js';
export type { DataAugmentationSpec, FillSettings } from './spec.js';

/** A text or pair with some words masked. */
export interface MaskedRow extends EncodedRow {
  readonly ids: Int32Array;
  readonly typeIds: Int32Array | null;
  readonly masked: readonly MaskedToken[];
  readonly texts: readonly string[];
  readonly rng: Rng;
}

/** The changed text, or the changed pair. */
export interface AugmentedText {
  readonly text: string;
  readonly secondText?: string;
}

/**
 * Further texts like those one has: words are masked and filled in by a masked language model (EasyNLP's `mlm_da`). It
 * works with any pretrained model that has the head for it, and needs no training.
 */
export const dataAugmentation: App<DataAugmentationSpec, MaskedRow, AugmentedText> = {
  name: 'data_augmentation',
  title: 'Data augmentation',
  description: 'further texts made by a masked language model that fills in words anew (predict only)',
  predictOptions: dataAugmentationOptions,
  predictData: predictAugmented,
  pretrainedSpec: pretrainedAugmentation,
  prepare() {
    throw new EasyNlpError('CONFIG_CONFLICT', {
      problem: 'data_augmentation is not trained: it uses a pretrained masked language model as it is',
      hint: 'easynlp predict data_augmentation --model bert-small-zh --input train.tsv --output more.tsv; another model is pretrained with language_modeling.',
    });
  },
  inputs: {
    schema: (spec) => sequenceInputs.schema({ ...spec, labelName: '' }),
    columns: (spec) => sequenceInputs.columns({ ...spec, labelName: '' }, { labels: false }),
    row: (spec, input, index) => sequenceInputs.row({ ...spec, labelName: '' }, input, index),
  },
  async encode(rows, { spec, tokenizer }) {
    const { firstSequence, secondSequence, fill } = spec;
    const texts = rows.map((row) => [
      textOf(row, firstSequence),
      ...(secondSequence === null ? [] : [textOf(row, secondSequence)]),
    ]);
    const encodings = await tokenizer.encodeBatch(
      texts.map((t) => (t.length === 1 ? t[0]! : [t[0]!, t[1]!])),
      { maxLength: spec.sequenceLength },
    );
    return encodings.map((encoding, i): MaskedRow => {
      const row = rows[i]!;
      // Rows of a file differ by their line, even where their texts do not. What is passed to a pipeline has no place: the
      // answer to a text must not depend on which input it is.
      const place = row.file === INPUT ? encoding.ids.join(' ') : row.line;
      const rng = Rng.derive(fill.seed, 'augment', place, copyNumber(row));
      const masked = chooseWords(
        wordsOf(encoding, texts[i]!, tokenizer.unkId, fill.words),
        fill.maskProportion,
        rng,
      );
      const ids = encoding.ids.slice();
      for (const { at } of masked) ids[at] = tokenizer.maskId;
      const typeIds = secondSequence === null ? null : encoding.typeIds;
      return { length: ids.length, ids, typeIds, masked, texts: texts[i]!, rng };
    });
  },
  collate(rows, { tokenizer }, options = {}) {
    const inputIds = padSequences(
      rows.map((r) => r.ids),
      { padValue: tokenizer.padId, dtype: 'int32', multipleOf: options.padToMultipleOf ?? 1 },
    );
    const width = inputIds.shape[1]!;
    // A batch without a single word (emoji only) still asks for one place, whose answer nobody reads.
    const places = rows.flatMap((row, r) => row.masked.map(({ at }) => r * width + at));
    const typeIds = rows.map((row) => row.typeIds ?? new Int32Array(row.length));
    const lengths = rows.map((row) => row.length);
    return {
      tensors: {
        inputIds,
        maskedPositions: intVector(places.length > 0 ? places : [0]),
        ...(rows.some((row) => row.typeIds !== null)
          ? { tokenTypeIds: padSequences(typeIds, { length: width, dtype: 'int32' }) }
          : {}),
        ...(lengths.some((length) => length < width)
          ? { attentionMask: attentionMask(lengths, width, 'bool') }
          : {}),
      },
      size: rows.length,
      tokens: lengths.reduce((sum, length) => sum + length, 0),
      paddedTokens: rows.length * width,
    };
  },
  async head(_spec, source, options = {}): Promise<AppModel> {
    return source.kind === 'config'
      ? AutoModelForMaskedLM.fromConfig(source.config)
      : AutoModelForMaskedLM.fromPretrained(source.folder, options.onInfo ? { onInfo: options.onInfo } : {});
  },
  loss() {
    throw new Error('data_augmentation is not trained.');
  },
  decode(outputs, { spec, tokenizer }, rows) {
    const { data, shape } = outputs.logits!;
    const size = shape[1]!;
    let next = 0;
    return rows.map(({ masked, texts, rng }) => {
      const draws = new Rng(rng.state); // decoding the same row twice gives the same text
      const fills = masked.map((token) => {
        const logits = data.subarray(next * size, ++next * size);
        return fillToken(logits, token, tokenizer, spec.fill, draws);
      });
      const changed = putIn(texts, masked, fills, tokenizer);
      const [text, secondText] = spec.fill.removeBlanks ? changed.map(withoutBlanks) : changed;
      return { text: text!, ...(secondText === undefined ? {} : { secondText }) };
    });
  },
  columns: {
    augmented_data: ({ text, secondText }) => (secondText === undefined ? text : `${text}\t${secondText}`),
  },
  metrics: {
    primary: 'none',
    names: {},
    create() {
      throw new EasyNlpError('CONFIG_CONFLICT', { problem: 'data_augmentation has no figures' });
    },
  },
};
