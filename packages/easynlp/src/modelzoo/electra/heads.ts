import { nn, type Tensor, tidy } from '@easynlp/torch';

import { initBertWeights } from '../bert/model.js';
import { TiedLinear } from '../bert/tied-linear.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { blank, Classifier, FirstTokenHead, MaskedLmModel } from '../shared/classifier.js';
import type { ElectraConfig } from './config.js';
import { ElectraModel } from './model.js';

const { Dropout, LayerNorm, Linear, Module } = nn;

/** One label per text, from the first token through two layers. Logits [B, C]. */
export class ElectraForSequenceClassification extends Classifier<ElectraConfig> {
  readonly electra: ElectraModel;
  readonly classifier: FirstTokenHead;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.electra = new ElectraModel(config, factory);
    const dropout = config.classifier_dropout ?? config.hidden_dropout_prob;
    const sizes = { hidden: config.hidden_size, labels: numLabels(config), dropout };
    this.classifier = new FirstTokenHead(sizes, 'gelu', factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.electra.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(output.lastHiddenState);
  }
}

/** One label per token. Logits [B, T, C]. */
export class ElectraForTokenClassification extends Classifier<ElectraConfig> {
  readonly electra: ElectraModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.electra = new ElectraModel(config, factory);
    this.dropout = new Dropout(config.classifier_dropout ?? config.hidden_dropout_prob);
    this.classifier = new Linear(config.hidden_size, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.electra.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class ElectraForQuestionAnswering extends Classifier<ElectraConfig> {
  readonly electra: ElectraModel;
  readonly qa_outputs: nn.Linear;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.electra = new ElectraModel(config, factory);
    this.qa_outputs = new Linear(config.hidden_size, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.electra.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(output.lastHiddenState);
  }
}

class ElectraGeneratorPredictions extends Module {
  readonly LayerNorm: nn.LayerNorm;
  readonly dense: nn.Linear;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden, embedding_size: width } = config;
    this.LayerNorm = new LayerNorm(width, { ...factory, eps: config.layer_norm_eps });
    this.dense = new Linear(hidden, width, factory);
  }

  /** […, H] → […, E]; GELU whatever `hidden_act` says, as the published weights were trained. */
  forward(x: Tensor): Tensor {
    return tidy(() => this.LayerNorm.forward(nn.functional.gelu(this.dense.forward(x))));
  }
}

/** ELECTRA's generator, a small masked language model. Logits [B, T, V]; [N, V] with `positions`. */
export class ElectraForMaskedLM extends MaskedLmModel<ElectraConfig> {
  readonly electra: ElectraModel;
  readonly generator_predictions: ElectraGeneratorPredictions;
  readonly generator_lm_head: TiedLinear;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.electra = new ElectraModel(config, factory);
    this.generator_predictions = new ElectraGeneratorPredictions(config, factory);
    const words = this.electra.embeddings.word_embeddings.weight;
    const { vocab_size: vocabulary, embedding_size: width } = config;
    const weight = config.tie_word_embeddings ? words : blank([vocabulary, width], factory);
    this.generator_lm_head = new TiedLinear(weight, blank([vocabulary], factory));
    if (factory.device === 'meta') return;
    initBertWeights(this.generator_predictions, config);
    initBertWeights(this.generator_lm_head, config, (parameter) => parameter !== words);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.electra.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return this.generator_lm_head.forward(this.generator_predictions.forward(hidden));
  }
}

class ElectraDiscriminatorPredictions extends Module {
  readonly dense: nn.Linear;
  readonly dense_prediction: nn.Linear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size, factory);
    this.dense_prediction = new Linear(config.hidden_size, 1, factory);
    this.activation = nn.functional.activation(config.hidden_act);
  }

  forward(hidden: Tensor): Tensor {
    return tidy(() => this.dense_prediction.forward(this.activation(this.dense.forward(hidden))).squeeze(-1));
  }
}

/** ELECTRA's discriminator: was this token replaced? Logits [B, T], the higher the likelier (Clark et al. 2020 §2). */
export class ElectraForPreTraining extends Classifier<ElectraConfig> {
  readonly electra: ElectraModel;
  readonly discriminator_predictions: ElectraDiscriminatorPredictions;

  constructor(config: ElectraConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.electra = new ElectraModel(config, factory);
    this.discriminator_predictions = new ElectraDiscriminatorPredictions(config, factory);
    if (factory.device !== 'meta') initBertWeights(this.discriminator_predictions, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.electra.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.discriminator_predictions.forward(output.lastHiddenState);
  }
}
