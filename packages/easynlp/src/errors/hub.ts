import { defineErrors, type ErrorDetails, EXIT } from './define.js';

/*
 * Errors of finding and fetching models. The commonest complaint about toolkits of this kind is "cannot find the
 * model" with no word about what was tried, so each message names the place that was asked and each hint the way out.
 */

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

const list = (value: unknown, most = 12): string => {
  const items = Array.isArray(value) ? value.map(String) : [];
  if (items.length === 0) return '(nothing)';
  const shown = items.slice(0, most).join(', ');
  return items.length > most ? `${shown} … and ${items.length - most} more` : shown;
};

const suggestion = (d: ErrorDetails): string =>
  Array.isArray(d.suggestions) && d.suggestions.length > 0 ? `Did you mean ${list(d.suggestions, 5)}?` : '';

const sentences = (...parts: (string | false | undefined)[]): string => parts.filter(Boolean).join(' ');

const mirrorHint = (d: ErrorDetails): string =>
  d.source === 'modelscope'
    ? 'Check the connection or set MODELSCOPE_ENDPOINT to a server that you can reach; HF_HUB_OFFLINE=1 uses the cache only; a folder that you copied here by hand works as ./folder.'
    : 'Check the connection or proxy. Where huggingface.co cannot be reached, set HF_ENDPOINT to a mirror (for example HF_ENDPOINT=https://hf-mirror.com) or use source "modelscope" (EASYNLP_HUB=modelscope); HF_HUB_OFFLINE=1 uses the cache only; a folder that you copied here by hand works as ./folder.';

export const HUB_ERRORS = defineErrors({
  HUB_FOLDER_NOT_FOUND: {
    exitCode: EXIT.model,
    httpStatus: 404,
    message: (d) => `No model folder at "${text(d.path)}" (looked in ${text(d.resolved)}).`,
    hint: (d) =>
      sentences(
        'Names that start with ./, ../, / or ~ are always folders of this machine; hub names are written like "bert-base-chinese" or "hfl/chinese-macbert-base".',
        suggestion(d),
      ),
  },
  HUB_NOT_A_FOLDER: {
    exitCode: EXIT.model,
    httpStatus: 400,
    message: (d) =>
      `"${text(d.path)}" is a file; expected the folder that holds config.json and the weights.`,
    hint: (d) => `Give the folder instead: ${text(d.parent)}`,
  },
  HUB_FOLDER_INCOMPLETE: {
    exitCode: EXIT.model,
    httpStatus: 400,
    message: (d) => `The folder ${text(d.path)} has no config.json; it holds: ${list(d.found)}.`,
    hint: (d) =>
      sentences(
        'A model folder holds config.json, the tokenizer files (vocab.txt or tokenizer.json) and model.safetensors or pytorch_model.bin.',
        Boolean(d.subfolders) && `These folders inside it do have one: ${list(d.subfolders)}.`,
        Boolean(d.bareName) &&
          `A local folder comes before a hub model of the same name: rename it or start elsewhere to use the hub's "${text(d.bareName)}".`,
      ),
  },
  HUB_NAME_INVALID: {
    exitCode: EXIT.usage,
    httpStatus: 400,
    message: (d) => `"${text(d.name)}" is neither a folder here nor a possible hub name: ${text(d.reason)}.`,
    hint: (d) =>
      text(d.advice) ||
      'Use a folder (./my-model), a hub name such as "bert-base-chinese", or one with an owner such as "hfl/chinese-macbert-base".',
  },
  HUB_NAME_UNPUBLISHED: {
    exitCode: EXIT.network,
    httpStatus: 404,
    message: (d) =>
      `"${text(d.name)}" is a name of EasyNLP's model zoo without a copy on a public hub: ${text(d.reason)}.`,
    hint: (d) =>
      sentences(
        Boolean(d.instead) && `The closest published model is "${text(d.instead)}".`,
        'If you have the archive of the original model, unpack it and give the folder: ./folder.',
      ),
  },
  HUB_BUNDLED_MISSING: {
    exitCode: EXIT.model,
    httpStatus: 500,
    message: (d) =>
      `The model "${text(d.name)}" comes in the package ${text(d.package)}, which is not installed here.`,
    hint: (d) => `Install it: npm install ${text(d.package)}. A folder with a copy of it works as ./folder.`,
  },
  HUB_MODEL_NOT_FOUND: {
    exitCode: EXIT.network,
    httpStatus: 404,
    message: (d) =>
      sentences(
        `No model "${text(d.name)}" at ${text(d.endpoint)}`,
        d.hubName !== undefined && d.hubName !== d.name ? `(asked for "${text(d.hubName)}")` : '',
        `and no folder of that name in ${text(d.cwd)}.`,
      ),
    hint: (d) =>
      sentences(
        suggestion(d),
        Boolean(d.maybePrivate) && 'If the model is private, set HF_TOKEN to a token that may read it.',
        'For a folder of this machine write ./name.',
      ),
  },
  HUB_REVISION_NOT_FOUND: {
    exitCode: EXIT.network,
    httpStatus: 404,
    message: (d) =>
      `The model "${text(d.name)}" at ${text(d.endpoint)} has no revision "${text(d.revision)}".`,
    hint: () => 'Leave the revision out for the newest one, or give a branch, a tag or a full commit id.',
  },
  HUB_NOT_A_MODEL: {
    exitCode: EXIT.network,
    httpStatus: 422,
    message: (d) =>
      `The repository "${text(d.name)}" at ${text(d.endpoint)} lacks ${list(d.missing)}; it holds: ${list(d.found)}.`,
    hint: (d) =>
      d.otherWeights
        ? `It has weights in another format only (${list(d.otherWeights)}): convert them to safetensors with Python's transformers, or choose another model.`
        : 'A usable model has config.json and model.safetensors or pytorch_model.bin.',
  },
  HUB_UNAUTHORIZED: {
    exitCode: EXIT.network,
    httpStatus: 403,
    message: (d) => {
      const where = `${text(d.endpoint)} refuses access to "${text(d.name)}" (HTTP ${text(d.status)})`;
      if (d.gated) return `${where}: the model is gated, its owner must grant access.`;
      return d.tokenGiven
        ? `${where}: the token is invalid or may not read it.`
        : `${where}: it needs a token.`;
    },
    hint: (d) =>
      sentences(
        Boolean(d.gated) && `Ask for access on ${text(d.endpoint)}/${text(d.name)} while logged in, then`,
        d.source === 'modelscope'
          ? 'set MODELSCOPE_API_TOKEN to your access token.'
          : 'set HF_TOKEN to your access token (Settings → Access Tokens).',
        suggestion(d),
      ),
  },
  HUB_OFFLINE: {
    exitCode: EXIT.network,
    httpStatus: 503,
    message: (d) =>
      `Offline mode: "${text(d.name)}" is not complete in the cache ${text(d.cacheDir)}: ${text(d.missing)}.`,
    hint: (d) =>
      sentences(
        Array.isArray(d.cached) && d.cached.length > 0 && `The cache holds: ${list(d.cached)}.`,
        'Run once with a network (without HF_HUB_OFFLINE), copy the cache folder from a machine that has it (HF_HOME), or give a folder: ./folder.',
      ),
  },
  HUB_NETWORK: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) => `Cannot reach ${text(d.endpoint)} for "${text(d.name)}": ${text(d.reason)}.`,
    hint: (d) =>
      sentences(
        d.proxyIgnored === true &&
          'A proxy is set in the environment, but Node.js ignores it; Node 24 and later use it with NODE_USE_ENV_PROXY=1.',
        mirrorHint(d),
      ),
  },
  HUB_SERVER_ERROR: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) =>
      `${text(d.endpoint)} answered HTTP ${text(d.status)} for "${text(d.name)}" ${text(d.attempts)} times${d.reason ? `: ${text(d.reason)}` : ''}.`,
    hint: (d) =>
      sentences(
        d.status === 429 && 'The server limits requests: wait a little or set a token.',
        mirrorHint(d),
      ),
  },
  HUB_BAD_RESPONSE: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) => `${text(d.endpoint)} gave an unusable answer for "${text(d.name)}": ${text(d.reason)}.`,
    hint: () =>
      'Check that the endpoint is a Hugging Face (or ModelScope) server and that no login page or proxy stands in between.',
  },
  HUB_ENDPOINT_INVALID: {
    exitCode: EXIT.usage,
    httpStatus: 400,
    message: (d) =>
      `The hub endpoint "${text(d.endpoint)}" (from ${text(d.from)}) is not usable: ${text(d.reason)}.`,
    hint: () => 'Give an address such as https://hf-mirror.com, without user name, query or fragment.',
  },
  HUB_UNSAFE_FILE_NAME: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) =>
      `${text(d.endpoint)} offers "${text(d.name)}" with the file name ${JSON.stringify(d.file)}, which is refused: ${text(d.reason)}.`,
    hint: () =>
      'Such a name could write outside the cache. Do not use this repository; tell its owner or the hub.',
  },
  HUB_UNSAFE_REDIRECT: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) => `${text(d.from)} redirects to ${text(d.to)}, which is refused: ${text(d.reason)}.`,
    hint: () =>
      'If this is your own mirror, correct its redirects or give its final address as the endpoint.',
  },
  HUB_DOWNLOAD_TRUNCATED: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) =>
      `The download of ${text(d.file)} of "${text(d.name)}" from ${text(d.endpoint)} broke off ${text(d.attempts)} times; ${text(d.received)} of ${text(d.expected)} bytes arrived.`,
    hint: (d) => `Run the same command again: it goes on where it stopped. ${mirrorHint(d)}`,
  },
  HUB_CHECKSUM_MISMATCH: {
    exitCode: EXIT.network,
    httpStatus: 502,
    message: (d) =>
      `${text(d.file)} of "${text(d.name)}" from ${text(d.endpoint)} is damaged: ${text(d.algorithm)} is ${text(d.actual)}, expected ${text(d.expected)}.`,
    hint: () =>
      'The damaged file was thrown away. Try again; if it happens again, a proxy or mirror alters files: use another endpoint.',
  },
  HUB_DISK_FULL: {
    exitCode: EXIT.io,
    httpStatus: 507,
    message: (d) =>
      `No room for ${text(d.file)} of "${text(d.name)}" in ${text(d.path)}${
        d.needed === undefined ? '' : `: ${text(d.needed)} bytes needed, ${text(d.free)} free`
      }.`,
    hint: () => 'Free some space, or point HF_HOME (or the option cacheDir) to a larger disk.',
  },
  HUB_CACHE_NOT_WRITABLE: {
    exitCode: EXIT.io,
    httpStatus: 500,
    message: (d) => `Cannot write to the model cache ${text(d.path)}: ${text(d.reason)}.`,
    hint: () =>
      'Correct the permissions, or point HF_HOME (or the option cacheDir) to a folder that you may write to.',
  },
});
