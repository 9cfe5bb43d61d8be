// State of one JavaScript environment (the main thread or one worker): its tensors, operators and guards.
// Nothing here is shared between threads, so nothing here locks.
#pragma once

#define NAPI_EXPERIMENTAL  // finalizers that run inside garbage collection (node_api_basic_finalize)
#include <node_api.h>

#include <c10/core/InferenceMode.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "compat.h"

namespace easynlp {

/** A wrong argument from JavaScript: `code` becomes the `code` of the thrown TorchError. */
struct JsError : std::runtime_error {
  std::string code;
  JsError(std::string c, const std::string& message) : std::runtime_error(message), code(std::move(c)) {}
};

/** JavaScript already holds a pending exception; unwind without adding another. */
struct PendingException {};

struct Slot {
  at::Tensor tensor;
  uint32_t generation = 1;
  uint32_t nextFree = 0;
  int64_t external = 0;  // bytes reported to V8 for the garbage collector's benefit
};

enum class Kind : uint8_t {
  Tensor, Scalar, Int, Float, Bool, String, Dtype, Layout, MemoryFormat, Device, Generator, Unsupported
};

struct ArgSpec {
  std::string name;
  std::string typeText;
  Kind kind = Kind::Unsupported;
  bool list = false;
  bool optional = false;         // the whole argument may be None
  bool elementOptional = false;  // Tensor?[]
  int32_t fixed = 0;             // int[2]: a single number stands for [n, n]
  bool kwargOnly = false;
  bool hasDefault = false;
  c10::IValue defaultValue;
};

struct OpEntry {
  c10::OperatorHandle handle;
  std::string name;  // with the overload: aten::add.Tensor
  std::vector<ArgSpec> args;
  std::vector<int> returnAlias;  // index of the argument that a return value is (in-place, out), or -1
};

struct Env {
  napi_env napi = nullptr;
  napi_ref errorClass = nullptr;
  bool closed = false;

  // Tensors. A JavaScript handle is generation × 2^24 + slot, a plain number: creating one allocates nothing,
  // and a stale or invented number is recognised instead of followed.
  std::vector<Slot> slots{1};  // slot 0 stays unused so that handle 0 is never valid
  uint32_t firstFree = 0;
  int64_t live = 0;
  std::vector<double> pendingFree;  // filled by finalizers inside garbage collection, emptied by drain()

  std::vector<OpEntry> ops;
  std::vector<at::Generator> generators;
  std::vector<std::unique_ptr<c10::InferenceMode>> inferenceGuards;
#ifdef EASYNLP_WITH_CUDA
  std::vector<std::unique_ptr<at::cuda::CUDAGraph>> graphs;
  std::vector<c10::cuda::CUDAStream> streamStack;
#endif

  double add(at::Tensor tensor);
  /** The tensor of a handle; throws TENSOR_DISPOSED. `what` names the argument in the message. */
  const at::Tensor& get(double handle, const char* what);
  bool alive(double handle) const;
  void release(double handle);
  /** Frees what garbage collection found. Called once a call's arguments are safely held in C++. */
  void drain();
};

Env& envOf(napi_env env);
std::string describe(const at::Tensor& t);

// ---- reading and making JavaScript values ------------------------------------------------------------------
void check(napi_env env, napi_status status);
napi_valuetype typeOf(napi_env env, napi_value v);
const char* kindName(napi_env env, napi_value v);
double numberArg(napi_env env, napi_value v, const char* what);
int64_t intArg(napi_env env, napi_value v, const char* what);
bool boolArg(napi_env env, napi_value v, const char* what);
std::string stringArg(napi_env env, napi_value v, const char* what);
bool nullish(napi_env env, napi_value v);
napi_value num(napi_env env, double v);
napi_value int64Value(napi_env env, int64_t v);  // a number when safe, else a BigInt
napi_value str(napi_env env, const std::string& v);
napi_value boolean(napi_env env, bool v);
napi_value undefined(napi_env env);
napi_value null(napi_env env);
void set(napi_env env, napi_value object, const char* key, napi_value value);
std::vector<double> handleList(napi_env env, napi_value v, const char* what);
std::vector<int64_t> intList(napi_env env, napi_value v, const char* what);
at::ScalarType dtypeFromName(const std::string& name);
const char* dtypeName(at::ScalarType t);
c10::Device deviceFromName(const std::string& name);
napi_value throwJs(napi_env env, const std::string& code, const std::string& message);

/** Runs a native function's body; every C++ exception becomes a JavaScript one. */
template <typename Body>
napi_value guarded(napi_env env, const char* where, Body&& body) {
  try {
    return body();
  } catch (const PendingException&) {
    return nullptr;
  } catch (const JsError& e) {
    return throwJs(env, e.code, e.what());
  } catch (const c10::OutOfMemoryError& e) {
    return throwJs(env, "OUT_OF_MEMORY", std::string(where) + ": " + e.what_without_backtrace());
  } catch (const c10::Error& e) {
    return throwJs(env, "OPERATOR_FAILED", std::string(where) + ": " + e.what_without_backtrace());
  } catch (const std::exception& e) {
    return throwJs(env, "OPERATOR_FAILED", std::string(where) + ": " + e.what());
  } catch (...) {
    return throwJs(env, "OPERATOR_FAILED", std::string(where) + ": unknown C++ exception");
  }
}

/** Arguments of a call, up to N; missing ones read as undefined. */
template <size_t N>
struct Args {
  napi_value v[N];
  size_t count = N;
  Args(napi_env env, napi_callback_info info) { check(env, napi_get_cb_info(env, info, &count, v, nullptr, nullptr)); }
  napi_value operator[](size_t i) const { return v[i]; }
};

void registerOps(napi_env env, napi_value exports);
void registerResolve(napi_env env, napi_value exports);
void registerTensor(napi_env env, napi_value exports);
void registerAutograd(napi_env env, napi_value exports);
void registerDevice(napi_env env, napi_value exports);
void registerFunction(napi_env env, napi_value exports, const char* name, napi_callback fn);

}  // namespace easynlp
