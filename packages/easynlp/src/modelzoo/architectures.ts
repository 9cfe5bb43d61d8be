import { albertArchitecture } from './albert/index.js';
import { type Architecture, architecture } from './architecture.js';
import { type BertConfig, bertConfigSchema } from './bert/config.js';
import {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from './bert/heads.js';
import { BertModel, initBertWeights } from './bert/model.js';
import { bertWeightName, isBertHead } from './bert/weights.js';
import { debertaV2Architecture } from './deberta-v2/index.js';
import { distilbertArchitecture } from './distilbert/index.js';
import { electraArchitecture } from './electra/index.js';
import { ernieArchitecture } from './ernie/index.js';
import { megatronBertArchitecture } from './megatron-bert/index.js';
import type { ModelConfig } from './model-config.js';
import { nezhaArchitecture } from './nezha/index.js';
import { robertaArchitecture } from './roberta/index.js';
import { roformerArchitecture } from './roformer/index.js';
import { type TextCnnConfig, textCnnConfigSchema } from './text-cnn/config.js';
import { initTextCnnWeights, TextCnnForSequenceClassification } from './text-cnn/model.js';

export { type Architecture, KIND_NAMES, type ModelKind, type ModelKinds } from './architecture.js';

const bert = architecture<BertConfig>({
  modelType: 'bert',
  aliases: ['dkplm', 'kbert'],
  title: 'BERT',
  paper: 'Devlin et al. 2019, arXiv 1810.04805',
  about: {
    en: 'also RoBERTa-wwm, MacBERT, PAI-BERT, mengzi, Erlangshen-Roberta, DKPLM, K-BERT, WoBERT',
    zh: 'RoBERTa-wwm、MacBERT、PAI-BERT、孟子、二郎神-Roberta、DKPLM、K-BERT、WoBERT 也是这一结构',
  },
  schema: bertConfigSchema,
  models: {
    encoder: BertModel,
    sequenceClassification: BertForSequenceClassification,
    tokenClassification: BertForTokenClassification,
    questionAnswering: BertForQuestionAnswering,
    maskedLm: BertForMaskedLM,
  },
  weights: (config) => ({
    nameOf: bertWeightName,
    isHead: isBertHead,
    init: (root, only) => initBertWeights(root, config, only),
  }),
});

const textCnn = architecture<TextCnnConfig>({
  modelType: 'cnn',
  aliases: ['text-cnn', 'textcnn'],
  title: 'TextCNN',
  paper: 'Kim 2014, arXiv 1408.5882',
  about: {
    en: 'convolutions over word embeddings, trained from scratch',
    zh: '词向量上的卷积，从零开始训练',
  },
  schema: textCnnConfigSchema,
  models: { sequenceClassification: TextCnnForSequenceClassification },
  weights: (config) => ({
    nameOf: (stored, own) => {
      const plain = stored.replace(/^(?:module\.|_orig_mod\.|backbone\.)+/, '');
      return own.has(plain) ? plain : undefined;
    },
    isHead: (name) => name.startsWith('classifier.'),
    init: (root, only) => initTextCnnWeights(root, config, only),
  }),
});

/** All architectures, by which `config.json`'s `model_type` is looked up. */
export const ARCHITECTURES: readonly Architecture[] = [
  bert,
  robertaArchitecture,
  albertArchitecture,
  electraArchitecture,
  ernieArchitecture,
  nezhaArchitecture,
  distilbertArchitecture,
  megatronBertArchitecture,
  roformerArchitecture,
  debertaV2Architecture,
  textCnn,
];

/** The row of a `model_type`, or undefined. */
export function findArchitecture(modelType: string): Architecture | undefined {
  return ARCHITECTURES.find((row) => row.modelType === modelType || row.aliases.includes(modelType));
}

/** Tokens of the longest text that a model takes; null where any length goes or nothing is known. */
export function longestText(config: ModelConfig): number | null {
  return findArchitecture(config.model_type)?.positions(config) ?? null;
}
