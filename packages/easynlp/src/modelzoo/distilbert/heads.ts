import { nn, type Tensor, tidy } from '@easynlp/torch';

import { initBertWeights } from '../bert/model.js';
import { TiedLinear } from '../bert/tied-linear.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { numLabels } from '../model-config.js';
import { blank, Classifier, MaskedLmModel } from '../shared/classifier.js';
import type { DistilBertConfig } from './config.js';
import { DistilBertModel } from './model.js';

const { Dropout, LayerNorm, Linear } = nn;

/** One label per text, from the first token through two layers. Logits [B, C]. */
export class DistilBertForSequenceClassification extends Classifier<DistilBertConfig> {
  readonly distilbert: DistilBertModel;
  readonly pre_classifier: nn.Linear;
  readonly classifier: nn.Linear;
  readonly dropout: nn.Dropout;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.distilbert = new DistilBertModel(config, factory);
    this.pre_classifier = new Linear(config.dim, config.dim, factory);
    this.classifier = new Linear(config.dim, numLabels(config), factory);
    this.dropout = new Dropout(config.seq_classif_dropout);
    if (factory.device === 'meta') return;
    initBertWeights(this.pre_classifier, config);
    initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.distilbert.forward(inputs, options);
  }

  protected override classify({ lastHiddenState }: EncoderOutput): Tensor {
    const pooled = nn.functional.relu(this.pre_classifier.forward(lastHiddenState.select(1, 0)));
    return this.classifier.forward(this.dropout.forward(pooled));
  }
}

/** One label per token. Logits [B, T, C]. */
export class DistilBertForTokenClassification extends Classifier<DistilBertConfig> {
  readonly distilbert: DistilBertModel;
  readonly dropout: nn.Dropout;
  readonly classifier: nn.Linear;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.distilbert = new DistilBertModel(config, factory);
    this.dropout = new Dropout(config.dropout);
    this.classifier = new Linear(config.dim, numLabels(config), factory);
    if (factory.device !== 'meta') initBertWeights(this.classifier, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.distilbert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.classifier.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** Where the answer to a question begins and ends. Logits [B, T, 2]. */
export class DistilBertForQuestionAnswering extends Classifier<DistilBertConfig> {
  readonly distilbert: DistilBertModel;
  readonly dropout: nn.Dropout;
  readonly qa_outputs: nn.Linear;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.distilbert = new DistilBertModel(config, factory);
    this.dropout = new Dropout(Number((config as { qa_dropout?: unknown }).qa_dropout ?? 0.1));
    this.qa_outputs = new Linear(config.dim, 2, factory);
    if (factory.device !== 'meta') initBertWeights(this.qa_outputs, config);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.distilbert.forward(inputs, options);
  }

  protected override classify(output: EncoderOutput): Tensor {
    return this.qa_outputs.forward(this.dropout.forward(output.lastHiddenState));
  }
}

/** The masked language model of pre-training. Logits [B, T, V]; [N, V] with `positions`. */
export class DistilBertForMaskedLM extends MaskedLmModel<DistilBertConfig> {
  readonly distilbert: DistilBertModel;
  readonly vocab_transform: nn.Linear;
  readonly vocab_layer_norm: nn.LayerNorm;
  readonly vocab_projector: TiedLinear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    const { dim, vocab_size: vocabulary } = config;
    this.distilbert = new DistilBertModel(config, factory);
    this.vocab_transform = new Linear(dim, dim, factory);
    this.vocab_layer_norm = new LayerNorm(dim, { ...factory, eps: 1e-12 });
    const words = this.distilbert.embeddings.word_embeddings.weight;
    const weight = config.tie_word_embeddings ? words : blank([vocabulary, dim], factory);
    this.vocab_projector = new TiedLinear(weight, blank([vocabulary], factory));
    this.activation = nn.functional.activation(config.activation);
    if (factory.device === 'meta') return;
    initBertWeights(this.vocab_transform, config);
    initBertWeights(this.vocab_projector, config, (parameter) => parameter !== words);
  }

  protected override encode(inputs: EncoderInputs, options: EncoderOptions): EncoderOutput {
    return this.distilbert.forward(inputs, options);
  }

  protected override decode(hidden: Tensor): Tensor {
    return tidy(() => {
      const transformed = this.activation(this.vocab_transform.forward(hidden));
      return this.vocab_projector.forward(this.vocab_layer_norm.forward(transformed));
    });
  }
}
