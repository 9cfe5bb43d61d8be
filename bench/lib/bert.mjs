// A BERT classifier on @easynlp/torch alone, for measuring the tensor library without the toolkit above it.
// The toolkit's own model is used by default (see loadClassifier).
import { nn, tidy } from '@easynlp/torch';

const { Dropout, Embedding, LayerNorm, Linear, Module } = nn;

class Attention extends Module {
  constructor(c, o) {
    super();
    this.heads = c.heads;
    this.size = c.hidden / c.heads;
    this.query = new Linear(c.hidden, c.hidden, o);
    this.key = new Linear(c.hidden, c.hidden, o);
    this.value = new Linear(c.hidden, c.hidden, o);
    this.output = new Linear(c.hidden, c.hidden, o);
    this.norm = new LayerNorm(c.hidden, { ...o, eps: 1e-12 });
    this.dropout = new Dropout(c.dropout);
    this.p = c.dropout;
  }
  forward(x) {
    const [batch, length, hidden] = x.shape;
    return tidy(() => {
      const context = tidy(() => {
        const split = (t) => t.view([batch, length, this.heads, this.size]).transpose(1, 2);
        const q = split(this.query.forward(x));
        const k = split(this.key.forward(x));
        const v = split(this.value.forward(x));
        const heads = nn.functional.scaledDotProductAttention(q, k, v, {
          dropoutP: this.training ? this.p : 0,
        });
        return heads.transpose(1, 2).reshape([batch, length, hidden]);
      });
      return this.norm.forward(this.dropout.forward(this.output.forward(context)).add(x));
    });
  }
}

class Layer extends Module {
  constructor(c, o) {
    super();
    this.attention = new Attention(c, o);
    this.up = new Linear(c.hidden, c.intermediate, o);
    this.down = new Linear(c.intermediate, c.hidden, o);
    this.norm = new LayerNorm(c.hidden, { ...o, eps: 1e-12 });
    this.dropout = new Dropout(c.dropout);
  }
  forward(x) {
    return tidy(() => {
      const a = this.attention.forward(x);
      const inner = tidy(() => this.down.forward(nn.functional.gelu(this.up.forward(a))));
      return this.norm.forward(this.dropout.forward(inner).add(a));
    });
  }
}

class Classifier extends Module {
  constructor(c, o) {
    super();
    this.words = new Embedding(c.vocab, c.hidden, { ...o, paddingIdx: 0 });
    this.positions = new Embedding(512, c.hidden, o);
    this.types = new Embedding(2, c.hidden, o);
    this.norm = new LayerNorm(c.hidden, { ...o, eps: 1e-12 });
    this.dropout = new Dropout(c.dropout);
    this.layers = Array.from({ length: c.layers }, () => new Layer(c, o));
    this.pooler = new Linear(c.hidden, c.hidden, o);
    this.classifier = new Linear(c.hidden, c.labels, o);
  }
  logits(ids) {
    return tidy(() => {
      const sum = this.words
        .forward(ids)
        .add(this.positions.weight.narrow(0, 0, ids.size(1)).add(this.types.weight.select(0, 0)));
      let x = this.dropout.forward(this.norm.forward(sum));
      for (const layer of this.layers) {
        const next = layer.forward(x);
        x.dispose();
        x = next;
      }
      const pooled = this.pooler.forward(x.select(1, 0)).tanh();
      return this.classifier.forward(this.dropout.forward(pooled));
    });
  }
}

/** The sizes of a model: of the benches here and of EasyNLP's presets. */
export const SIZES = {
  micro: { layers: 1, hidden: 32, heads: 2, intermediate: 64 },
  tiny: { layers: 2, hidden: 128, heads: 2, intermediate: 512 },
  small312: { layers: 4, hidden: 312, heads: 12, intermediate: 1200 },
  small: { layers: 4, hidden: 512, heads: 8, intermediate: 2048 },
  base: { layers: 12, hidden: 768, heads: 12, intermediate: 3072 },
  large: { layers: 24, hidden: 1024, heads: 16, intermediate: 4096 },
};

/**
 * A model and its function from ids (and a mask, or null) to logits: easynlp's BERT, or with `raw`, or where that
 * package is not compiled, the one above.
 */
export async function loadClassifier(
  size,
  { device = 'cpu', raw = false, labels = 2, vocab = 21128, dropout = 0.1, prepare = () => {} } = {},
) {
  const c = { ...SIZES[size], labels, vocab, dropout };
  prepare();
  if (!raw) {
    try {
      const { bertConfig, BertForSequenceClassification } = await import(
        new URL('../../packages/easynlp/dist/modelzoo/bert/index.js', import.meta.url).href
      );
      const config = bertConfig({
        vocab_size: vocab,
        num_hidden_layers: c.layers,
        hidden_size: c.hidden,
        num_attention_heads: c.heads,
        intermediate_size: c.intermediate,
        num_labels: labels,
        hidden_dropout_prob: dropout,
        attention_probs_dropout_prob: dropout,
      });
      const model = new BertForSequenceClassification(config, { device });
      return {
        name: 'easynlp BertForSequenceClassification',
        model,
        logits: (inputIds, attentionMask = null) => model.forward({ inputIds, attentionMask }).logits,
      };
    } catch (error) {
      if (error?.code !== 'ERR_MODULE_NOT_FOUND')
        console.error(`easynlp's BERT is not used: ${error?.message}`);
    }
  }
  const model = new Classifier(c, { device });
  return { name: '@easynlp/torch layers', model, logits: (ids) => model.logits(ids) };
}
