import { nn, type Tensor } from '@easynlp/torch';
import { BertOnlyMlmHead } from '../bert/heads.js';
import { initBertWeights } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { Classifier, FirstTokenHead, MaskedLmModel } from '../shared/classifier.js';
import type { RoFormerConfig } from './config.js';
import { RoFormerModel } from './model.js';

const { Dropout, Linear } = nn;

/** One label per text, from the first token through two layers. Logits [B, C]. */
export class RoFormerForSequenceClassification extends Classifier<RoFormerConfig> {
  readonly roformer: RoFormerModel;
  readonly classifier: FirstTokenHead;

  constructor(config: RoFormerConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roformer = new RoFormerModel(config, factory);
    const dropout = config.hidden_dropout_prob;
    const sizes = { hidden: config.hidden_size, labels: numLabels(config), dropout };
    this.classifier = new FirstTokenHead(sizes, config.hidden_act, factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roformer.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(output.lastHiddenState);
  }
}

/** One label per token. Logits [B, T, C]. */
export class RoFormerForTokenClassification extends Classifier<RoFormerConfig> {
  readonly roformer: RoFormerModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: RoFormerConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roformer = new RoFormerModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roformer.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class RoFormerForQuestionAnswering extends Classifier<RoFormerConfig> {
  readonly roformer: RoFormerModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: RoFormerConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roformer = new RoFormerModel(config, factory);
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roformer.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class RoFormerForMaskedLM extends MaskedLmModel<RoFormerConfig> {
  readonly roformer: RoFormerModel;
  readonly cls: BertOnlyMlmHead;

  constructor(config: RoFormerConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.roformer = new RoFormerModel(config, factory);
    this.cls = new BertOnlyMlmHead(config, this.roformer.embeddings.word_embeddings.weight, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.roformer.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.cls.predictions.forward(hidden);
  }
}
