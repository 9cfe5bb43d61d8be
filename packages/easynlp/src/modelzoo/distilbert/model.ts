import { nn, type Tensor, tidy } from '@easynlp/torch';
import type { BertShape } from '../bert/config.js';
import { BertEmbeddings, initBertWeights } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions } from '../interfaces.js';
import { type Attended, attend, type Visible } from '../shared/attention.js';
import { type EncodedLayers, EncoderModel, runLayers } from '../shared/encoder-model.js';
import type { DistilBertConfig } from './config.js';

/*
 * DistilBERT, Sanh et al. 2019 (arXiv 1910.01108) §3: BERT with half of its layers, without segments and pooler, and
 * with names of its own in the weights file.
 */

const { Dropout, LayerNorm, Linear, Module } = nn;

/** The numbers by BERT's names, for its embeddings. */
const asBert = (config: DistilBertConfig): BertShape => ({
  ...config,
  hidden_size: config.dim,
  num_hidden_layers: config.n_layers,
  num_attention_heads: config.n_heads,
  intermediate_size: config.hidden_dim,
  hidden_act: config.activation,
  hidden_dropout_prob: config.dropout,
  attention_probs_dropout_prob: config.attention_dropout,
  type_vocab_size: 1,
  layer_norm_eps: 1e-12,
});

class DistilBertAttention extends Module {
  readonly q_lin: nn.Linear;
  readonly k_lin: nn.Linear;
  readonly v_lin: nn.Linear;
  readonly out_lin: nn.Linear;
  private readonly heads: number;
  private readonly dropoutP: number;

  constructor({ dim, n_heads, attention_dropout }: DistilBertConfig, factory: nn.FactoryOptions) {
    super();
    this.heads = n_heads;
    this.dropoutP = attention_dropout;
    this.q_lin = new Linear(dim, dim, factory);
    this.k_lin = new Linear(dim, dim, factory);
    this.v_lin = new Linear(dim, dim, factory);
    this.out_lin = new Linear(dim, dim, factory);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): Attended {
    return tidy(() => {
      const projected = [this.q_lin, this.k_lin, this.v_lin].map((layer) =>
        layer.forward(x).view([x.size(0), x.size(1), this.heads, -1]),
      );
      const { dropoutP, training } = this;
      const { context, weights } = attend(projected, visible, { dropoutP, training, keepWeights });
      return { context: this.out_lin.forward(context), weights };
    });
  }
}

class DistilBertFeedForward extends Module {
  readonly lin1: nn.Linear;
  readonly lin2: nn.Linear;
  readonly dropout: nn.Dropout;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions) {
    super();
    this.lin1 = new Linear(config.dim, config.hidden_dim, factory);
    this.lin2 = new Linear(config.hidden_dim, config.dim, factory);
    this.dropout = new Dropout(config.dropout);
    this.activation = nn.functional.activation(config.activation);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.dropout.forward(this.lin2.forward(this.activation(this.lin1.forward(x)))));
  }
}

class DistilBertLayer extends Module {
  readonly attention: DistilBertAttention;
  readonly sa_layer_norm: nn.LayerNorm;
  readonly ffn: DistilBertFeedForward;
  readonly output_layer_norm: nn.LayerNorm;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions) {
    super();
    const norm = { ...factory, eps: 1e-12 };
    this.attention = new DistilBertAttention(config, factory);
    this.sa_layer_norm = new LayerNorm(config.dim, norm);
    this.ffn = new DistilBertFeedForward(config, factory);
    this.output_layer_norm = new LayerNorm(config.dim, norm);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { context, weights } = this.attention.forward(x, visible, keepWeights);
      const attended = this.sa_layer_norm.forward(context.add(x));
      return { hidden: this.output_layer_norm.forward(this.ffn.forward(attended).add(attended)), weights };
    });
  }
}

class DistilBertTransformer extends Module {
  readonly layer: DistilBertLayer[];

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions) {
    super();
    this.layer = Array.from({ length: config.n_layers }, () => new DistilBertLayer(config, factory));
  }
}

/** The DistilBERT encoder. */
export class DistilBertModel extends EncoderModel<DistilBertConfig> {
  readonly embeddings: BertEmbeddings;
  readonly transformer: DistilBertTransformer;

  constructor(config: DistilBertConfig, factory: nn.FactoryOptions = {}) {
    super(config);
    this.embeddings = new BertEmbeddings(asBert(config), factory, { types: false });
    this.transformer = new DistilBertTransformer(config, factory);
    if (factory.device !== 'meta') initBertWeights(this, config);
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    return this.embeddings.forward(inputs);
  }

  protected override run(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    return runLayers(this.transformer.layer, embedded, visible, options);
  }

  protected override get positions(): number {
    return this.config.max_position_embeddings;
  }
}
