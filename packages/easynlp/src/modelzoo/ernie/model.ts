import { nn, type Tensor } from '@easynlp/torch';
import { BertEmbeddings, BertModel, type BertModelOptions } from '../bert/model.js';
import type { EncoderInputs } from '../interfaces.js';
import type { ErnieConfig } from './config.js';

class ErnieEmbeddings extends BertEmbeddings {
  /** Present where the configuration says `use_task_id`. */
  readonly task_type_embeddings: nn.Embedding | null;

  constructor(config: ErnieConfig, factory: nn.FactoryOptions) {
    super(config, factory);
    this.task_type_embeddings = config.use_task_id
      ? new nn.Embedding(config.task_type_vocab_size, config.hidden_size, factory)
      : null;
  }

  protected override sum(inputs: EncoderInputs): Tensor {
    const sum = super.sum(inputs);
    const tasks = this.task_type_embeddings;
    if (tasks === null) return sum;
    return sum.add(inputs.taskTypeIds ? tasks.forward(inputs.taskTypeIds) : tasks.weight.select(0, 0));
  }
}

/**
 * The ERNIE encoder, Sun et al. 2019 (arXiv 1904.09223) and 2020 (ERNIE 2.0, arXiv 1907.12412): BERT's network, which
 * from version 2.0 on is told the task by an embedding (§3.2 there).
 */
export class ErnieModel extends BertModel<ErnieConfig> {
  constructor(config: ErnieConfig, options: BertModelOptions = {}) {
    super(config, options, { Embeddings: ErnieEmbeddings });
  }
}
