#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace neurosplat {

/// Runs pickles of the kind that torch.save writes for a state dict, alone or in a checkpoint
/// (protocol 2), and no others: the opcodes that build numbers, strings, tuples, lists and
/// dictionaries, and calls of the globals that `Host` knows. Nothing of Python's is ever called.
class PickleMachine {
 public:
  struct None {};
  struct Sequence;
  struct Dictionary;
  /// A global by its number at the host.
  struct Global {
    int number;
  };
  /// Something of the host's, by its number there.
  struct Foreign {
    std::size_t number;
  };
  /// Containers and strings belong to the machine: no value owns another, so that no pickle can
  /// make a chain whose end overflows the stack.
  using Value = std::variant<None, bool, std::int64_t, double, const std::string*, Sequence*,
                             Dictionary*, Global, Foreign>;
  struct Sequence {
    bool is_tuple;
    std::vector<Value> items;
  };
  struct Dictionary {
    std::vector<std::pair<Value, Value>> entries;
  };

  /// What the pickle may reach. Each throws Error to refuse.
  struct Host {
    std::function<int(std::string_view module, std::string_view name)> global;
    std::function<Value(PickleMachine&, int global, const std::vector<Value>& arguments)> call;
    std::function<Value(const Value& id)> persistent;
  };

  explicit PickleMachine(Host host) : host_(std::move(host)) {}

  /// Runs the pickle and returns what it leaves; valid as long as the machine. Throws Error that
  /// says what is wrong, without a path.
  Value run(std::string_view pickle);

  Value new_dictionary();

 private:
  std::string_view take(std::size_t count);
  std::string_view take_line();
  std::uint64_t take_unsigned(std::size_t bytes);
  std::int64_t take_signed(std::size_t bytes);
  double take_double();

  void push(Value value);
  Value pop();
  std::vector<Value> pop_to_mark();
  std::vector<Value> pop_many(std::size_t count);
  Value& top();

  void step(std::uint8_t opcode);
  void push_sequence(bool is_tuple, std::vector<Value> items);
  void remember(std::uint64_t place);
  void recall(std::uint64_t place);
  void call();
  void set_items(const std::vector<Value>& items);
  void append(const std::vector<Value>& items);

  Host host_;
  std::string_view rest_;
  std::vector<Value> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Value> memo_;
  std::deque<std::string> strings_;
  std::deque<Sequence> sequences_;
  std::deque<Dictionary> dictionaries_;
};

}  // namespace neurosplat
