import { nn, type Tensor } from '@easynlp/torch';
import { BertOnlyMlmHead } from '../bert/heads.js';
import { initBertWeights } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { Classifier, MaskedLmModel } from '../shared/classifier.js';
import type { NezhaConfig } from './config.js';
import { NezhaModel } from './model.js';

const { Dropout, Linear } = nn;

/** One label per text: pooler → dropout → linear. Logits [B, C]. */
export class NezhaForSequenceClassification extends Classifier<NezhaConfig> {
  readonly nezha: NezhaModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: NezhaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.nezha = new NezhaModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.nezha.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.poolerOutput!));
  }
}

/** One label per token. Logits [B, T, C]. */
export class NezhaForTokenClassification extends Classifier<NezhaConfig> {
  readonly nezha: NezhaModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: NezhaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.nezha = new NezhaModel(config, { ...factory, addPoolingLayer: false });
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.nezha.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class NezhaForQuestionAnswering extends Classifier<NezhaConfig> {
  readonly nezha: NezhaModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: NezhaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.nezha = new NezhaModel(config, { ...factory, addPoolingLayer: false });
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.nezha.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class NezhaForMaskedLM extends MaskedLmModel<NezhaConfig> {
  readonly nezha: NezhaModel;
  readonly cls: BertOnlyMlmHead;

  constructor(config: NezhaConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.nezha = new NezhaModel(config, { ...factory, addPoolingLayer: false });
    this.cls = new BertOnlyMlmHead(config, this.nezha.embeddings.word_embeddings.weight, factory);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.nezha.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.cls.predictions.forward(hidden);
  }
}
