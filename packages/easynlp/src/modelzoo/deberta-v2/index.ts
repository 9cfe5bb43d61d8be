import { architecture } from '../architecture.js';
import { type DebertaV2Config, debertaV2ConfigSchema, debertaV2Positions } from './config.js';
import {
  DebertaV2ForMaskedLM,
  DebertaV2ForQuestionAnswering,
  DebertaV2ForSequenceClassification,
  DebertaV2ForTokenClassification,
} from './heads.js';
import { DebertaV2Model } from './model.js';
import { debertaV2Weights } from './weights.js';

export {
  type DebertaV2Config,
  type DebertaV2ConfigInput,
  debertaV2Config,
  debertaV2ConfigSchema,
} from './config.js';
export {
  DebertaV2ForMaskedLM,
  DebertaV2ForQuestionAnswering,
  DebertaV2ForSequenceClassification,
  DebertaV2ForTokenClassification,
} from './heads.js';
export { DebertaV2Model } from './model.js';

export const debertaV2Architecture = architecture<DebertaV2Config>({
  modelType: 'deberta-v2',
  title: 'DeBERTa-v2',
  paper: 'He et al. 2021, arXiv 2006.03654; v3: arXiv 2111.09543',
  about: {
    en: 'disentangled attention over content and relative positions; also DeBERTa-v3',
    zh: '内容与相对位置解耦的注意力；v3 亦同',
  },
  schema: debertaV2ConfigSchema,
  models: {
    encoder: DebertaV2Model,
    sequenceClassification: DebertaV2ForSequenceClassification,
    tokenClassification: DebertaV2ForTokenClassification,
    questionAnswering: DebertaV2ForQuestionAnswering,
    maskedLm: DebertaV2ForMaskedLM,
  },
  weights: debertaV2Weights,
  positions: debertaV2Positions,
});
