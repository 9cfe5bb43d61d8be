import { architecture } from '../architecture.js';
import { type ErnieConfig, ernieConfigSchema } from './config.js';
import {
  ErnieForMaskedLM,
  ErnieForQuestionAnswering,
  ErnieForSequenceClassification,
  ErnieForTokenClassification,
} from './heads.js';
import { ErnieModel } from './model.js';
import { ernieWeights } from './weights.js';

export { type ErnieConfig, type ErnieConfigInput, ernieConfig, ernieConfigSchema } from './config.js';
export {
  ErnieForMaskedLM,
  ErnieForQuestionAnswering,
  ErnieForSequenceClassification,
  ErnieForTokenClassification,
} from './heads.js';
export { ErnieModel } from './model.js';

export const ernieArchitecture = architecture<ErnieConfig>({
  modelType: 'ernie',
  title: 'ERNIE',
  paper: 'Sun et al. 2019, arXiv 1904.09223; 2.0: arXiv 1907.12412',
  about: { en: 'task type embeddings', zh: '任务类型嵌入' },
  schema: ernieConfigSchema,
  models: {
    encoder: ErnieModel,
    sequenceClassification: ErnieForSequenceClassification,
    tokenClassification: ErnieForTokenClassification,
    questionAnswering: ErnieForQuestionAnswering,
    maskedLm: ErnieForMaskedLM,
  },
  weights: ernieWeights,
});
