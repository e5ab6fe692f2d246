#include "neurosplat/io/torch_checkpoint.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <set>

#include "io/file_bytes.h"
#include "io/pickle.h"
#include "neurosplat/core/error.h"
#include "neurosplat/core/printable.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

using Value = PickleMachine::Value;
using caffe2::serialize::PyTorchStreamReader;

constexpr std::array<std::pair<std::string_view, c10::ScalarType>, 10> storage_types = {{
    {"DoubleStorage", c10::ScalarType::Double},
    {"FloatStorage", c10::ScalarType::Float},
    {"HalfStorage", c10::ScalarType::Half},
    {"BFloat16Storage", c10::ScalarType::BFloat16},
    {"LongStorage", c10::ScalarType::Long},
    {"IntStorage", c10::ScalarType::Int},
    {"ShortStorage", c10::ScalarType::Short},
    {"CharStorage", c10::ScalarType::Char},
    {"ByteStorage", c10::ScalarType::Byte},
    {"BoolStorage", c10::ScalarType::Bool},
}};

// Globals by number: these three, then the storage types.
enum KnownGlobal { ordered_dictionary, rebuild_tensor, rebuild_parameter, first_storage_type };

constexpr std::size_t most_dimensions = 64;

int find_global(std::string_view module, std::string_view name) {
  if (module == "collections" && name == "OrderedDict") return ordered_dictionary;
  if (module == "torch._utils" && name == "_rebuild_tensor_v2") return rebuild_tensor;
  if (module == "torch._utils" && name == "_rebuild_parameter") return rebuild_parameter;
  if (module == "torch")
    for (std::size_t i = 0; i < storage_types.size(); ++i)
      if (storage_types[i].first == name) return first_storage_type + static_cast<int>(i);
  throw Error(text("its pickle asks for ", printable(module), ".", printable(name),
                   ", which no state dict needs"));
}

const std::vector<Value>& tuple_of(const Value& value) {
  const auto* const sequence = std::get_if<PickleMachine::Sequence*>(&value);
  if (sequence == nullptr || !(*sequence)->is_tuple)
    throw Error("its pickle describes a tensor wrongly");
  return (*sequence)->items;
}

std::int64_t count_of(const Value& value) {
  const auto* const number = std::get_if<std::int64_t>(&value);
  if (number == nullptr || *number < 0) throw Error("its pickle describes a tensor wrongly");
  return *number;
}

std::vector<std::int64_t> counts_of(const Value& value) {
  const auto& items = tuple_of(value);
  if (items.size() > most_dimensions)
    throw Error(text("a tensor has more than ", most_dimensions, " dimensions"));
  std::vector<std::int64_t> counts;
  for (const auto& item : items) counts.push_back(count_of(item));
  return counts;
}

const std::string& string_of(const Value& value) {
  const auto* const string = std::get_if<const std::string*>(&value);
  if (string == nullptr) throw Error("its pickle describes a tensor wrongly");
  return **string;
}

// Bytes of a view that shows its storage more than once, 0 of any other; throws unless every
// element lies in the storage and a repeated one stays within the bound.
std::int64_t repeated_bytes(const std::vector<std::int64_t>& shape,
                            const std::vector<std::int64_t>& strides, std::int64_t offset,
                            const at::Tensor& storage) {
  if (shape.size() != strides.size()) throw Error("a tensor has not as many strides as sizes");
  const auto elements = storage.numel();
  std::int64_t count = 1, last = offset;
  bool huge = false, beyond = offset > elements, empty = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    empty = empty || shape[i] == 0;
    std::int64_t reach = 0;
    const auto size = std::max<std::int64_t>(shape[i], 1);
    huge = huge || __builtin_mul_overflow(count, size, &count);
    beyond = beyond || __builtin_mul_overflow(size - 1, strides[i], &reach) ||
             __builtin_add_overflow(last, reach, &last);
  }
  if (beyond || (!empty && last >= elements))
    throw Error(text("a tensor reaches beyond its ", elements, " stored elements"));
  const auto element_bytes = static_cast<std::int64_t>(storage.element_size());
  if (huge || (!empty && count > elements && count > kMostRepeatedBytes / element_bytes))
    throw Error(text("a tensor repeats its ", elements, " stored elements to more than ",
                     kMostRepeatedBytes, " bytes"));
  return count > elements && !empty ? count * element_bytes : 0;
}

// Networks that wrap another put this before all names: DataParallel and torch.compile.
constexpr std::array<std::string_view, 2> wrappers = {"module.", "_orig_mod."};

std::map<std::string, at::Tensor> without_wrappers(std::map<std::string, at::Tensor> tensors) {
  const auto wrapped_by = [&](std::string_view prefix) {
    return !tensors.empty() && std::all_of(tensors.begin(), tensors.end(), [&](const auto& entry) {
      return entry.first.starts_with(prefix);
    });
  };
  for (const auto prefix : wrappers) {
    if (!wrapped_by(prefix)) continue;
    std::map<std::string, at::Tensor> inner;
    for (auto& [name, tensor] : tensors) inner.emplace(name.substr(prefix.size()), tensor);
    tensors = std::move(inner);
  }
  return tensors;
}

class StateDictReader {
 public:
  explicit StateDictReader(const std::string& path, std::uint64_t file_size)
      : zip_(path),
        file_size_(file_size),
        machine_({find_global,
                  [this](PickleMachine&, int global, const std::vector<Value>& arguments) {
                    return call(global, arguments);
                  },
                  [this](const Value& id) { return storage(id); }}) {}

  std::map<std::string, at::Tensor> read();

 private:
  // A storage or a tensor over one: what the pickle holds by number.
  struct Thing {
    bool is_storage;
    at::Tensor tensor;
  };

  std::pair<at::DataPtr, std::size_t> record(const std::string& name);
  Value keep(bool is_storage, at::Tensor tensor);
  const at::Tensor& kept(const Value& value, bool is_storage) const;
  Value storage(const Value& id);
  Value call(int global, const std::vector<Value>& arguments);
  Value tensor(const std::vector<Value>& arguments);
  bool is_tensor(const Value& value) const;
  std::string fault_of(const PickleMachine::Dictionary& dictionary) const;
  const PickleMachine::Dictionary& state_dict(const PickleMachine::Dictionary& found) const;

  PyTorchStreamReader zip_;
  std::uint64_t file_size_;
  std::vector<Thing> things_;
  std::map<std::string, Value> storages_;
  std::int64_t repeated_bytes_ = 0;
  PickleMachine machine_;
};

// torch.save does not compress, so nothing in the file is larger than the file.
std::pair<at::DataPtr, std::size_t> StateDictReader::record(const std::string& name) {
  if (!zip_.hasRecord(name)) throw Error(text("it has no record ", printable(name)));
  if (zip_.getRecordSize(name) > file_size_)
    throw Error(text("its record ", printable(name), " claims more bytes than the file has"));
  auto [bytes, size] = zip_.getRecord(name);
  return {std::move(bytes), size};
}

Value StateDictReader::keep(bool is_storage, at::Tensor tensor) {
  things_.push_back({is_storage, std::move(tensor)});
  return PickleMachine::Foreign{things_.size() - 1};
}

const at::Tensor& StateDictReader::kept(const Value& value, bool is_storage) const {
  const auto* const thing = std::get_if<PickleMachine::Foreign>(&value);
  if (thing == nullptr || things_.at(thing->number).is_storage != is_storage)
    throw Error("its pickle describes a tensor wrongly");
  return things_[thing->number].tensor;
}

// ('storage', type, key, location, elements). The location, a device, does not matter here.
Value StateDictReader::storage(const Value& id) {
  const auto& parts = tuple_of(id);
  if (parts.size() != 5 || string_of(parts[0]) != "storage")
    throw Error("its pickle refers to something other than a storage");
  const auto* const global = std::get_if<PickleMachine::Global>(&parts[1]);
  if (global == nullptr || global->number < first_storage_type)
    throw Error("its pickle refers to a storage of no known type");
  const auto dtype =
      storage_types.at(static_cast<std::size_t>(global->number - first_storage_type)).second;
  const auto elements = static_cast<std::uint64_t>(count_of(parts[4]));
  const auto& key = string_of(parts[2]);
  if (const auto known = storages_.find(key); known != storages_.end()) {
    const auto& tensor = kept(known->second, true);
    if (tensor.scalar_type() != dtype || static_cast<std::uint64_t>(tensor.numel()) != elements)
      throw Error(text("its storage ", printable(key), " is described twice, differently"));
    return known->second;
  }
  auto [bytes, size] = record("data/" + key);
  if (size % c10::elementSize(dtype) != 0 || size / c10::elementSize(dtype) != elements)
    throw Error(text("its storage ", printable(key), " should have ", elements, " elements of ",
                     c10::elementSize(dtype), " bytes, it has ", size, " bytes"));
  const auto* const first = static_cast<const std::uint8_t*>(bytes.get());
  if (dtype == at::kBool && std::any_of(first, first + size, [](auto byte) { return byte > 1; }))
    throw Error(text("its storage ", printable(key), " holds truth values other than 0 and 1"));
  const c10::Storage held(c10::Storage::use_byte_size_t(), size, std::move(bytes));
  const auto whole = at::empty({0}, at::TensorOptions().dtype(dtype).device(at::kCPU))
                         .set_(held, 0, {static_cast<std::int64_t>(elements)}, {1});
  return storages_[key] = keep(true, whole);
}

Value StateDictReader::call(int global, const std::vector<Value>& arguments) {
  if (global == ordered_dictionary && arguments.empty()) return machine_.new_dictionary();
  if (global == rebuild_tensor) return tensor(arguments);
  if (global == rebuild_parameter && arguments.size() == 3) {
    kept(arguments[0], false);
    return arguments[0];
  }
  throw Error("its pickle makes something other than tensors and dictionaries");
}

// (storage, offset, shape, strides, requires_grad, hooks, ...)
Value StateDictReader::tensor(const std::vector<Value>& arguments) {
  if (arguments.size() < 6) throw Error("its pickle describes a tensor wrongly");
  const auto& whole = kept(arguments[0], true);
  const auto offset = count_of(arguments[1]);
  const auto shape = counts_of(arguments[2]), strides = counts_of(arguments[3]);
  repeated_bytes_ += repeated_bytes(shape, strides, offset, whole);
  if (repeated_bytes_ > kMostRepeatedBytesInAll)
    throw Error(text("its tensors repeat stored elements to more than ", kMostRepeatedBytesInAll,
                     " bytes in all"));
  return keep(false, whole.as_strided(shape, strides, offset));
}

bool StateDictReader::is_tensor(const Value& value) const {
  const auto* const thing = std::get_if<PickleMachine::Foreign>(&value);
  return thing != nullptr && !things_[thing->number].is_storage;
}

// Why a dictionary is no state dict, nothing when it is one.
std::string StateDictReader::fault_of(const PickleMachine::Dictionary& dictionary) const {
  for (const auto& [key, value] : dictionary.entries) {
    const auto* const name = std::get_if<const std::string*>(&key);
    if (name == nullptr) return "it names an entry by something other than text";
    if (!is_tensor(value))
      return text("its entry ", printable(**name), " is no tensor and no dictionary of tensors");
  }
  return {};
}

// The dictionary itself, else the one dictionary of tensors among the epochs and optimisers of a
// checkpoint.
const PickleMachine::Dictionary& StateDictReader::state_dict(
    const PickleMachine::Dictionary& found) const {
  const auto fault = fault_of(found);
  if (fault.empty()) return found;
  std::set<const PickleMachine::Dictionary*> seen;  // one may stand there many times
  const PickleMachine::Dictionary* inner = nullptr;
  std::string names;
  for (const auto& [key, value] : found.entries) {
    const auto* const dictionary = std::get_if<PickleMachine::Dictionary*>(&value);
    const auto* const name = std::get_if<const std::string*>(&key);
    if (dictionary == nullptr || name == nullptr || !seen.insert(*dictionary).second) continue;
    if ((*dictionary)->entries.empty() || !fault_of(**dictionary).empty()) continue;
    names += (inner == nullptr ? "" : " and ") + printable(**name);
    if (inner != nullptr) throw Error(text("it holds several, ", names));
    inner = *dictionary;
  }
  if (inner == nullptr) throw Error(fault);
  return *inner;
}

std::map<std::string, at::Tensor> StateDictReader::read() {
  if (zip_.hasRecord("byteorder")) {
    const auto [order, size] = record("byteorder");
    if (std::string_view(static_cast<const char*>(order.get()), size) != "little")
      throw Error("it was saved on a big-endian machine");
  }
  const auto [pickle, size] = record("data.pkl");
  const auto result = machine_.run({static_cast<const char*>(pickle.get()), size});
  if (is_tensor(result)) return {{std::string(), kept(result, false)}};
  const auto* const dictionary = std::get_if<PickleMachine::Dictionary*>(&result);
  if (dictionary == nullptr) throw Error("it holds no dictionary of tensors");
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [key, value] : state_dict(**dictionary).entries)
    tensors.insert_or_assign(*std::get<const std::string*>(key), kept(value, false));
  return without_wrappers(std::move(tensors));
}

}  // namespace

std::map<std::string, at::Tensor> read_torch_state_dict(const std::filesystem::path& path) {
  const auto size = open_file(path, "a PyTorch state dict").size;
  const auto refuse = [&](std::string_view got) {
    return Error(text("expected a PyTorch state dict at ", path.string(), ", ", got,
                      ": write the state dict alone, torch.save(module.state_dict(), path)"));
  };
  try {
    return StateDictReader(path.string(), size).read();
  } catch (const Error& error) {
    throw refuse(error.what());
  } catch (const std::exception&) {
    // The zip reader's messages carry stack traces.
    throw refuse("it is no whole file of PyTorch 1.6 or later");
  }
}

}  // namespace neurosplat
