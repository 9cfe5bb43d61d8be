import { nn, type Tensor } from '@easynlp/torch';
import { BertOnlyMlmHead } from '../bert/heads.js';
import { initBertWeights } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { Classifier, MaskedLmModel } from '../shared/classifier.js';
import type { ErnieConfig } from './config.js';
import { ErnieModel } from './model.js';

const { Dropout, Linear } = nn;

/** One label per text: pooler → dropout → linear. Logits [B, C]. */
export class ErnieForSequenceClassification extends Classifier<ErnieConfig> {
  readonly ernie: ErnieModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: ErnieConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.ernie = new ErnieModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.ernie.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.poolerOutput!));
  }
}

/** One label per token. Logits [B, T, C]. */
export class ErnieForTokenClassification extends Classifier<ErnieConfig> {
  readonly ernie: ErnieModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: ErnieConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.ernie = new ErnieModel(config, { ...factory, addPoolingLayer: false });
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.ernie.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class ErnieForQuestionAnswering extends Classifier<ErnieConfig> {
  readonly ernie: ErnieModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: ErnieConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.ernie = new ErnieModel(config, { ...factory, addPoolingLayer: false });
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.ernie.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class ErnieForMaskedLM extends MaskedLmModel<ErnieConfig> {
  readonly ernie: ErnieModel;
  readonly cls: BertOnlyMlmHead;

  constructor(config: ErnieConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.ernie = new ErnieModel(config, { ...factory, addPoolingLayer: false });
    this.cls = new BertOnlyMlmHead(config, this.ernie.embeddings.word_embeddings.weight, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.ernie.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.cls.predictions.forward(hidden);
  }
}
