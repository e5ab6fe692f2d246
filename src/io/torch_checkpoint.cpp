#include "neurosplat/io/torch_checkpoint.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <array>
#include <exception>
#include <limits>
#include <optional>

#include "io/file_bytes.h"
#include "io/pickle.h"
#include "neurosplat/core/error.h"
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

// Every element lies in the storage, and no more elements than it has: a tensor that repeats one
// element a million million times would not survive its first copy.
void check_view(const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides,
                std::int64_t offset, std::int64_t elements) {
  if (shape.size() != strides.size()) throw Error("a tensor has not as many strides as sizes");
  std::int64_t count = 1, last = offset;
  bool overflow = false, empty = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    empty = empty || shape[i] == 0;
    std::int64_t reach = 0;
    const auto size = std::max<std::int64_t>(shape[i], 1);
    overflow = overflow || __builtin_mul_overflow(count, size, &count) ||
               __builtin_mul_overflow(size - 1, strides[i], &reach) ||
               __builtin_add_overflow(last, reach, &last);
  }
  if (overflow || offset > elements || (!empty && (count > elements || last >= elements)))
    throw Error(text("a tensor reaches beyond its ", elements, " stored elements"));
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

  PyTorchStreamReader zip_;
  std::uint64_t file_size_;
  std::vector<Thing> things_;
  std::map<std::string, Value> storages_;
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
  check_view(shape, strides, offset, whole.numel());
  return keep(false, whole.as_strided(shape, strides, offset));
}

std::map<std::string, at::Tensor> StateDictReader::read() {
  if (zip_.hasRecord("byteorder")) {
    const auto [order, size] = record("byteorder");
    if (std::string_view(static_cast<const char*>(order.get()), size) != "little")
      throw Error("it was saved on a big-endian machine");
  }
  const auto [pickle, size] = record("data.pkl");
  const auto result = machine_.run({static_cast<const char*>(pickle.get()), size});
  const auto* const dictionary = std::get_if<PickleMachine::Dictionary*>(&result);
  if (dictionary == nullptr) throw Error("it holds no dictionary of tensors");
  std::map<std::string, at::Tensor> tensors;
  for (const auto& [key, value] : (*dictionary)->entries) {
    const auto* const name = std::get_if<const std::string*>(&key);
    if (name == nullptr) throw Error("it names an entry by something other than text");
    const auto* const thing = std::get_if<PickleMachine::Foreign>(&value);
    if (thing == nullptr || things_[thing->number].is_storage)
      throw Error(text("its entry ", printable(**name), " is ",
                       std::holds_alternative<PickleMachine::Dictionary*>(value)
                           ? "a dictionary of its own"
                           : "no tensor"));
    tensors.insert_or_assign(**name, things_[thing->number].tensor);
  }
  return tensors;
}

}  // namespace

std::map<std::string, at::Tensor> read_torch_state_dict(const std::filesystem::path& path) {
  const auto size = open_file(path, "a PyTorch state dict").size;
  const auto refuse = [&](std::string_view came) {
    return Error(text("expected a PyTorch state dict at ", path.string(), ", ", came,
                      ": write it with torch.save(module.state_dict(), path)"));
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
