import { z } from 'zod';
import { dataFields, labelFields, machineFields } from './fields.js';
import { option } from './option.js';

const file = () => z.string().min(1).optional();

/** Texts of a command that prints or writes one result each. */
const textFields = {
  text: option(z.array(z.string()).default([]), { description: 'text; may be repeated', group: 'Data' }),
  input: option(file(), {
    description: 'texts: a .txt file with one a line, or a table (instead of text)',
    group: 'Data',
    value: 'file',
  }),
  column: option(z.string().min(1).optional(), {
    description: 'column of the texts in a table; unset = the column named text, sentence …',
    group: 'Data',
    value: 'column',
  }),
  format: dataFields.format,
  schema: dataFields.schema,
  output: option(file(), {
    description: 'JSON Lines file of the results; unset = print',
    group: 'Output',
    value: 'file',
  }),
};
const batchSize = option(z.int().positive().default(32), {
  description: 'texts of a batch',
  group: 'Machine',
});
const dictionary = option(file(), {
  description: 'words that decide about labels: lines of word, force or forbid, and label, separated by TAB',
  group: 'App',
  value: 'file',
});

/** Options of `easynlp tag` and of the library's `tagger()`. */
export const taggingConfigSchema = z.strictObject({
  tagModel: option(file(), {
    description: 'a text_classify_multi_label model (or text_classify) that gives the tags',
    group: 'Model',
    value: 'folder',
  }),
  entityModel: option(file(), {
    description: 'a sequence_labeling model that finds entity words',
    group: 'Model',
    value: 'folder',
  }),
  vectorModel: option(file(), {
    description: 'keywords embedding: a model that gives vectors (vectorization or text_match_two_tower)',
    group: 'Model',
    value: 'folder',
  }),
  ...textFields,
  keywords: option(z.enum(['textrank', 'tfidf', 'embedding', 'none']).default('textrank'), {
    description: 'how keywords are found',
    group: 'App',
  }),
  topK: option(z.int().positive().default(5), { description: 'keywords of a text', group: 'App' }),
  topTags: option(z.int().positive().optional(), {
    description: 'tags of a text at most; unset = all that reach their threshold',
    group: 'App',
  }),
  userDictionary: option(file(), {
    description:
      'words that are not to be cut apart: a word a line, then frequency and part of speech if wanted',
    group: 'App',
    value: 'file',
  }),
  stopWords: option(file(), {
    description: 'further words that are no keywords, one a line',
    group: 'App',
    value: 'file',
  }),
  dictionary,
  batchSize,
  ...machineFields,
});

export type TaggingConfig = z.output<typeof taggingConfigSchema>;
export type TaggingOptions = z.input<typeof taggingConfigSchema>;

/** Options of `easynlp moderate` and of the library's `moderator()` and `decisionReport()`. */
export const moderationConfigSchema = z.strictObject({
  model: option(z.string().min(1), {
    description: 'a text_classify_multi_label model of risks',
    group: 'Model',
    value: 'folder',
    example: 'out/risks',
  }),
  ...textFields,
  dictionary,
  thresholds: option(file(), {
    description: 'thresholds of the labels, as report wrote them; unset = those of the model',
    group: 'App',
    value: 'file',
  }),
  harmless: option(z.array(z.string().min(1)).default([]), {
    description: 'labels that are no reason to reject a text',
    group: 'App',
    value: 'label,…',
  }),
  report: option(file(), {
    description:
      'labelled data: choose thresholds on them and print precision and recall along the thresholds',
    group: 'App',
    value: 'file',
  }),
  precisionFloor: option(z.number().gt(0).max(1).default(0.9), {
    description: 'report: precision that a threshold must reach',
    group: 'App',
  }),
  labelName: labelFields.labelName,
  batchSize,
  ...machineFields,
});

export type ModerationConfig = z.output<typeof moderationConfigSchema>;
export type ModerationOptions = z.input<typeof moderationConfigSchema>;
