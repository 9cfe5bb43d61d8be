import { architecture } from '../architecture.js';
import { type RoFormerConfig, roformerConfigSchema } from './config.js';
import {
  RoFormerForMaskedLM,
  RoFormerForQuestionAnswering,
  RoFormerForSequenceClassification,
  RoFormerForTokenClassification,
} from './heads.js';
import { RoFormerModel } from './model.js';
import { roformerWeights } from './weights.js';

export {
  type RoFormerConfig,
  type RoFormerConfigInput,
  roformerConfig,
  roformerConfigSchema,
} from './config.js';
export {
  RoFormerForMaskedLM,
  RoFormerForQuestionAnswering,
  RoFormerForSequenceClassification,
  RoFormerForTokenClassification,
} from './heads.js';
export { RoFormerModel } from './model.js';

export const roformerArchitecture = architecture<RoFormerConfig>({
  modelType: 'roformer',
  title: 'RoFormer',
  paper: 'Su et al. 2021, arXiv 2104.09864',
  about: { en: 'rotary positions; a tokenizer of words', zh: '旋转位置编码；词级分词器' },
  schema: roformerConfigSchema,
  models: {
    encoder: RoFormerModel,
    sequenceClassification: RoFormerForSequenceClassification,
    tokenClassification: RoFormerForTokenClassification,
    questionAnswering: RoFormerForQuestionAnswering,
    maskedLm: RoFormerForMaskedLM,
  },
  weights: roformerWeights,
});
