import { architecture } from '../architecture.js';
import { type RobertaConfig, robertaConfigSchema, robertaPositions } from './config.js';
import {
  RobertaForMaskedLM,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './heads.js';
import { RobertaModel } from './model.js';
import { robertaWeights } from './weights.js';

export { type RobertaConfig, type RobertaConfigInput, robertaConfig, robertaConfigSchema } from './config.js';
export {
  RobertaForMaskedLM,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './heads.js';
export { RobertaModel } from './model.js';

export const robertaArchitecture = architecture<RobertaConfig>({
  modelType: 'roberta',
  aliases: ['xlm-roberta', 'camembert'],
  title: 'RoBERTa',
  paper: 'Liu et al. 2019, arXiv 1907.11692',
  about: {
    en: 'positions from padding_idx + 1 on; byte-level BPE tokenizer (English)',
    zh: '位置从 padding_idx + 1 开始；字节级 BPE 分词（英文）',
  },
  schema: robertaConfigSchema,
  models: {
    encoder: RobertaModel,
    sequenceClassification: RobertaForSequenceClassification,
    tokenClassification: RobertaForTokenClassification,
    questionAnswering: RobertaForQuestionAnswering,
    maskedLm: RobertaForMaskedLM,
  },
  weights: robertaWeights,
  positions: robertaPositions,
});
