// Entry point: one Env per JavaScript environment, so the addon loads in any number of worker threads.
#include "env.h"

namespace easynlp {
namespace {

void ReleaseEnv(napi_env, void* data, void*) {
  // The small struct itself outlives the environment on purpose: finalizers of JavaScript objects may still run
  // after this one and look at `closed`.
  Env* state = static_cast<Env*>(data);
  state->closed = true;
  state->inferenceGuards.clear();
#ifdef EASYNLP_WITH_CUDA
  state->graphs.clear();  // before the CUDA driver shuts down
#endif
  state->ops.clear();
  state->slots.clear();
}

napi_value SetErrorClass(napi_env env, napi_callback_info info) {
  return guarded(env, "setErrorClass", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    if (state.errorClass) napi_delete_reference(env, state.errorClass);
    state.errorClass = nullptr;
    check(env, napi_create_reference(env, args[0], 1, &state.errorClass));
    return nullptr;
  });
}

}  // namespace
}  // namespace easynlp

NAPI_MODULE_INIT() {
  using namespace easynlp;
  auto* state = new Env();
  state->napi = env;
  if (napi_set_instance_data(env, state, ReleaseEnv, nullptr) != napi_ok) return nullptr;
  try {
    registerFunction(env, exports, "setErrorClass", SetErrorClass);
    registerResolve(env, exports);
    registerOps(env, exports);
    registerTensor(env, exports);
    registerAutograd(env, exports);
    registerDevice(env, exports);
  } catch (...) {
    napi_throw_error(env, "LIBTORCH_MISMATCH", "the native addon could not register its functions");
  }
  return exports;
}
