#include "env.h"

#include <cmath>
#include <cstring>

namespace easynlp {

namespace {
constexpr double kSlots = 16777216.0;  // 2^24
constexpr double kMaxSafe = 9007199254740991.0;

struct DtypeName {
  const char* name;
  at::ScalarType type;
};
// The names are PyTorch's; the enum values behind them are part of c10's ABI and equal in 1.13 and 2.x.
constexpr DtypeName kDtypes[] = {
    {"float32", at::kFloat}, {"float64", at::kDouble},         {"float16", at::kHalf},
    {"bfloat16", at::kBFloat16}, {"int64", at::kLong},         {"int32", at::kInt},
    {"int16", at::kShort},   {"int8", at::kChar},              {"uint8", at::kByte},
    {"bool", at::kBool},     {"complex64", at::kComplexFloat}, {"complex128", at::kComplexDouble},
    {"quint8", at::kQUInt8}, {"qint8", at::kQInt8},            {"qint32", at::kQInt32},
};
}  // namespace

double Env::add(at::Tensor tensor) {
  uint32_t index;
  if (firstFree != 0) {
    index = firstFree;
    firstFree = slots[index].nextFree;
  } else {
    if (slots.size() >= static_cast<size_t>(kSlots)) throw JsError("OUT_OF_MEMORY", "more than 16 million live tensors");
    index = static_cast<uint32_t>(slots.size());
    slots.emplace_back();
  }
  Slot& slot = slots[index];
  slot.tensor = std::move(tensor);
  ++live;
  return static_cast<double>(slot.generation) * kSlots + index;
}

static inline bool splitHandle(const Env& env, double handle, uint32_t& index) {
  if (!(handle >= kSlots) || handle > kMaxSafe) return false;
  const uint64_t bits = static_cast<uint64_t>(handle);
  if (static_cast<double>(bits) != handle) return false;
  index = static_cast<uint32_t>(bits & 0xFFFFFF);
  const uint64_t generation = bits >> 24;
  return index != 0 && index < env.slots.size() && env.slots[index].generation == generation &&
         env.slots[index].tensor.defined();
}

const at::Tensor& Env::get(double handle, const char* what) {
  uint32_t index;
  if (!splitHandle(*this, handle, index)) {
    throw JsError("TENSOR_DISPOSED",
                  std::string("use of a disposed tensor") + (what && *what ? std::string(": ") + what : "") +
                      ". It was released by dispose() or by the end of the tidy() scope that created it; return it "
                      "from the scope or keep() it to use it later");
  }
  return slots[index].tensor;
}

bool Env::alive(double handle) const {
  uint32_t index;
  return splitHandle(*this, handle, index);
}

void Env::release(double handle) {
  uint32_t index;
  if (!splitHandle(*this, handle, index)) return;
  Slot& slot = slots[index];
  if (slot.external != 0) {
    int64_t ignored;
    napi_adjust_external_memory(napi, -slot.external, &ignored);
    slot.external = 0;
  }
  slot.tensor.reset();
  if (++slot.generation >= (1u << 29)) slot.generation = 1;
  slot.nextFree = firstFree;
  firstFree = index;
  --live;
}

void Env::drain() {
  if (pendingFree.empty()) return;
  std::vector<double> found;
  found.swap(pendingFree);
  for (double handle : found) release(handle);
}

Env& envOf(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Env*>(data);
}

std::string describe(const at::Tensor& t) {
  if (!t.defined()) return "undefined tensor";
  std::string out = dtypeName(t.scalar_type());
  out += "[";
  for (int64_t i = 0; i < t.dim(); ++i) out += (i ? ", " : "") + std::to_string(t.size(i));
  out += "]";
  if (!t.device().is_cpu()) out += " on " + t.device().str();
  return out;
}

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw PendingException();
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw JsError("ARGUMENT_INVALID", info && info->error_message ? info->error_message : "invalid argument");
}

napi_valuetype typeOf(napi_env env, napi_value v) {
  napi_valuetype t = napi_undefined;
  check(env, napi_typeof(env, v, &t));
  return t;
}

const char* kindName(napi_env env, napi_value v) {
  bool yes = false;
  switch (typeOf(env, v)) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return "a boolean";
    case napi_number: return "a number";
    case napi_string: return "a string";
    case napi_symbol: return "a symbol";
    case napi_function: return "a function";
    case napi_bigint: return "a bigint";
    case napi_external: return "an external value";
    case napi_object: break;
  }
  napi_is_array(env, v, &yes);
  if (yes) return "an array";
  napi_is_typedarray(env, v, &yes);
  return yes ? "a typed array" : "an object";
}

static JsError wrong(napi_env env, napi_value v, const char* what, const char* expected) {
  return JsError("ARGUMENT_INVALID", std::string(what) + ": expected " + expected + ", got " + kindName(env, v));
}

double numberArg(napi_env env, napi_value v, const char* what) {
  double d;
  if (napi_get_value_double(env, v, &d) != napi_ok) throw wrong(env, v, what, "a number");
  return d;
}

int64_t intArg(napi_env env, napi_value v, const char* what) {
  double d;
  if (napi_get_value_double(env, v, &d) == napi_ok) {
    if (std::trunc(d) != d || std::fabs(d) > kMaxSafe) {
      throw JsError("ARGUMENT_INVALID", std::string(what) + ": expected an integer within ±(2^53 - 1) or a bigint, got " +
                                            std::to_string(d));
    }
    return static_cast<int64_t>(d);
  }
  if (typeOf(env, v) == napi_bigint) {
    int64_t i;
    bool lossless = false;
    check(env, napi_get_value_bigint_int64(env, v, &i, &lossless));
    if (!lossless) throw JsError("ARGUMENT_INVALID", std::string(what) + ": bigint does not fit into 64 bits");
    return i;
  }
  throw wrong(env, v, what, "an integer");
}

bool boolArg(napi_env env, napi_value v, const char* what) {
  bool b;
  if (napi_get_value_bool(env, v, &b) != napi_ok) throw wrong(env, v, what, "a boolean");
  return b;
}

std::string stringArg(napi_env env, napi_value v, const char* what) {
  if (typeOf(env, v) != napi_string) throw wrong(env, v, what, "a string");
  size_t length = 0;
  check(env, napi_get_value_string_utf8(env, v, nullptr, 0, &length));
  std::string out(length, '\0');
  check(env, napi_get_value_string_utf8(env, v, out.data(), length + 1, &length));
  return out;
}

bool nullish(napi_env env, napi_value v) {
  const napi_valuetype t = typeOf(env, v);
  return t == napi_undefined || t == napi_null;
}

napi_value num(napi_env env, double v) {
  napi_value out;
  check(env, napi_create_double(env, v, &out));
  return out;
}

napi_value int64Value(napi_env env, int64_t v) {
  napi_value out;
  if (v > static_cast<int64_t>(kMaxSafe) || v < -static_cast<int64_t>(kMaxSafe)) {
    check(env, napi_create_bigint_int64(env, v, &out));
  } else {
    check(env, napi_create_double(env, static_cast<double>(v), &out));
  }
  return out;
}

napi_value str(napi_env env, const std::string& v) {
  napi_value out;
  check(env, napi_create_string_utf8(env, v.data(), v.size(), &out));
  return out;
}

napi_value boolean(napi_env env, bool v) {
  napi_value out;
  check(env, napi_get_boolean(env, v, &out));
  return out;
}

napi_value undefined(napi_env env) {
  napi_value out;
  check(env, napi_get_undefined(env, &out));
  return out;
}

napi_value null(napi_env env) {
  napi_value out;
  check(env, napi_get_null(env, &out));
  return out;
}

void set(napi_env env, napi_value object, const char* key, napi_value value) {
  check(env, napi_set_named_property(env, object, key, value));
}

std::vector<double> handleList(napi_env env, napi_value v, const char* what) {
  std::vector<double> out;
  bool typed = false, array = false;
  check(env, napi_is_typedarray(env, v, &typed));
  if (typed) {
    napi_typedarray_type type;
    size_t length;
    void* data;
    check(env, napi_get_typedarray_info(env, v, &type, &length, &data, nullptr, nullptr));
    if (type != napi_float64_array) throw wrong(env, v, what, "a list of tensors");
    const double* p = static_cast<const double*>(data);
    out.assign(p, p + length);
    return out;
  }
  check(env, napi_is_array(env, v, &array));
  if (!array) throw wrong(env, v, what, "a list of tensors");
  uint32_t length;
  check(env, napi_get_array_length(env, v, &length));
  out.reserve(length);
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env, napi_get_element(env, v, i, &item));
    out.push_back(numberArg(env, item, what));
  }
  return out;
}

std::vector<int64_t> intList(napi_env env, napi_value v, const char* what) {
  bool array = false;
  check(env, napi_is_array(env, v, &array));
  if (!array) throw wrong(env, v, what, "an array of integers");
  uint32_t length;
  check(env, napi_get_array_length(env, v, &length));
  std::vector<int64_t> out;
  out.reserve(length);
  for (uint32_t i = 0; i < length; ++i) {
    napi_value item;
    check(env, napi_get_element(env, v, i, &item));
    out.push_back(intArg(env, item, what));
  }
  return out;
}

at::ScalarType dtypeFromName(const std::string& name) {
  for (const auto& d : kDtypes) {
    if (name == d.name) return d.type;
  }
  std::string known;
  for (const auto& d : kDtypes) known += std::string(known.empty() ? "" : ", ") + d.name;
  throw JsError("ARGUMENT_INVALID", "unknown dtype '" + name + "'; known: " + known);
}

const char* dtypeName(at::ScalarType t) {
  for (const auto& d : kDtypes) {
    if (t == d.type) return d.name;
  }
  return c10::toString(t);
}

c10::Device deviceFromName(const std::string& name) {
  try {
    return c10::Device(name);
  } catch (const c10::Error&) {
    throw JsError("ARGUMENT_INVALID", "unknown device '" + name + "'; expected cpu, cuda or cuda:N");
  }
}

napi_value throwJs(napi_env env, const std::string& code, const std::string& message) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) return nullptr;
  Env& e = envOf(env);
  napi_value codeValue, messageValue, error;
  napi_create_string_utf8(env, code.data(), code.size(), &codeValue);
  napi_create_string_utf8(env, message.data(), message.size(), &messageValue);
  if (e.errorClass) {
    napi_value ctor;
    napi_value args[2] = {codeValue, messageValue};
    if (napi_get_reference_value(env, e.errorClass, &ctor) == napi_ok &&
        napi_new_instance(env, ctor, 2, args, &error) == napi_ok) {
      napi_throw(env, error);
      return nullptr;
    }
  }
  napi_create_error(env, codeValue, messageValue, &error);
  napi_throw(env, error);
  return nullptr;
}

void registerFunction(napi_env env, napi_value exports, const char* name, napi_callback fn) {
  napi_value function;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, fn, nullptr, &function));
  set(env, exports, name, function);
}

}  // namespace easynlp
