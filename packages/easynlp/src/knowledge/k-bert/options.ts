import { z } from 'zod';
import { option, type TrainConfig } from '../../config/index.js';

/** Tasks that K-BERT trains. */
export const K_BERT_APPS: readonly string[] = ['text_classify', 'text_match', 'sequence_labeling'];

/** The paper's code puts in at most this many branches for each entity. */
export const MAX_ENTITIES = 2;

export const kBertOptions = z.strictObject({
  kgFile: option(z.string().min(1).optional(), {
    description:
      'kbert: knowledge graph, a .spo file of lines "subject TAB predicate TAB object" (UTF-8, gzip allowed)',
    group: 'Data',
    value: 'file',
    easynlp: 'kg_file (user_defined_parameters)',
  }),
  kgMaxEntities: option(z.int().positive().default(MAX_ENTITIES), {
    description: 'kbert: most facts to put in for each entity, the first ones of the file',
    group: 'Data',
  }),
});

export type KBertConfig = TrainConfig & z.output<typeof kBertOptions>;
