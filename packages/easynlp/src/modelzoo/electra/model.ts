import { nn, type Tensor } from '@easynlp/torch';
import { BertEmbeddings, BertModel, initBertWeights } from '../bert/model.js';
import type { EncoderInputs } from '../interfaces.js';
import type { ElectraConfig } from './config.js';

class ElectraEmbeddings extends BertEmbeddings {
  constructor(config: ElectraConfig, factory: nn.FactoryOptions) {
    super(config, factory, { width: config.embedding_size });
  }
}

/**
 * The ELECTRA encoder, Clark et al. 2020 (arXiv 2003.10555): BERT's network, with embeddings that are projected where
 * they are smaller than the layers, and without a pooler. Generator and discriminator are the same network.
 */
export class ElectraModel extends BertModel<ElectraConfig> {
  readonly embeddings_project: nn.Linear | null;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions = {}) {
    super(config, { ...factory, addPoolingLayer: false }, { Embeddings: ElectraEmbeddings });
    const { embedding_size: width, hidden_size: hidden } = config;
    this.embeddings_project = width === hidden ? null : new nn.Linear(width, hidden, factory);
    if (this.embeddings_project && factory.device !== 'meta')
      initBertWeights(this.embeddings_project, config);
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    const embedded = super.embed(inputs);
    return this.embeddings_project?.forward(embedded) ?? embedded;
  }
}
