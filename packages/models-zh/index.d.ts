/** Absolute folders of the models, by name; each holds config.json, model.safetensors and the tokenizer. */
export declare const MODEL_FOLDERS: Readonly<Record<'bert-tiny-zh' | 'bert-small-zh', string>>;
