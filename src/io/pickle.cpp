#include "io/pickle.h"

#include <bit>
#include <iterator>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"

namespace neurosplat {
namespace {

enum Opcode : std::uint8_t {
  mark = '(',
  empty_tuple = ')',
  stop = '.',
  bin_float = 'G',
  bin_int = 'J',
  bin_int1 = 'K',
  bin_int2 = 'M',
  none = 'N',
  bin_persistent_id = 'Q',
  reduce = 'R',
  bin_unicode = 'X',
  empty_list = ']',
  append_one = 'a',
  build = 'b',
  global = 'c',
  append_all = 'e',
  bin_get = 'h',
  long_bin_get = 'j',
  bin_put = 'q',
  long_bin_put = 'r',
  set_item = 's',
  tuple = 't',
  set_all = 'u',
  empty_dictionary = '}',
  protocol = 0x80,
  tuple1 = 0x85,
  tuple2 = 0x86,
  tuple3 = 0x87,
  new_true = 0x88,
  new_false = 0x89,
  long1 = 0x8a,
};

constexpr std::uint8_t known_protocol = 2;

}  // namespace

std::string_view PickleMachine::take(std::size_t count) {
  if (count > rest_.size()) throw Error("its pickle is cut short");
  const auto taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::string_view PickleMachine::take_line() {
  const auto end = rest_.find('\n');
  if (end == std::string_view::npos) throw Error("its pickle is cut short");
  const auto line = take(end);
  take(1);
  return line;
}

std::uint64_t PickleMachine::take_unsigned(std::size_t bytes) {
  const auto digits = take(bytes);
  std::uint64_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8U | static_cast<std::uint8_t>(digits[i]);
  return value;
}

std::int64_t PickleMachine::take_signed(std::size_t bytes) {
  if (bytes > sizeof(std::int64_t)) throw Error("its pickle holds a number of more than 64 bits");
  if (bytes == 0) return 0;
  const auto spare = 8 * (sizeof(std::int64_t) - bytes);
  return static_cast<std::int64_t>(take_unsigned(bytes) << spare) >> spare;
}

/// The one number that a pickle writes with its first byte foremost.
double PickleMachine::take_double() {
  std::uint64_t bits = 0;
  for (const char digit : take(sizeof bits)) bits = bits << 8U | static_cast<std::uint8_t>(digit);
  return std::bit_cast<double>(bits);
}

void PickleMachine::push(Value value) {
  stack_.push_back(value);
}

PickleMachine::Value& PickleMachine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
    throw Error("its pickle takes more than it made");
  return stack_.back();
}

PickleMachine::Value PickleMachine::pop() {
  const auto value = top();
  stack_.pop_back();
  return value;
}

std::vector<PickleMachine::Value> PickleMachine::pop_many(std::size_t count) {
  std::vector<Value> items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

std::vector<PickleMachine::Value> PickleMachine::pop_to_mark() {
  if (marks_.empty()) throw Error("its pickle closes what it did not open");
  auto items = pop_many(stack_.size() - marks_.back());
  marks_.pop_back();
  return items;
}

void PickleMachine::push_sequence(bool is_tuple, std::vector<Value> items) {
  push(&sequences_.emplace_back(Sequence{is_tuple, std::move(items)}));
}

PickleMachine::Value PickleMachine::new_dictionary() {
  return &dictionaries_.emplace_back();
}

void PickleMachine::remember(std::uint64_t place) {
  memo_.insert_or_assign(place, top());
}

void PickleMachine::recall(std::uint64_t place) {
  const auto found = memo_.find(place);
  if (found == memo_.end()) throw Error("its pickle recalls what it did not keep");
  push(found->second);
}

void PickleMachine::call() {
  const auto arguments = pop();
  const auto callee = pop();
  const auto* const sequence = std::get_if<Sequence*>(&arguments);
  const auto* const number = std::get_if<Global>(&callee);
  if (sequence == nullptr || !(*sequence)->is_tuple || number == nullptr)
    throw Error("its pickle calls what cannot be called");
  push(host_.call(*this, number->number, (*sequence)->items));
}

void PickleMachine::set_items(const std::vector<Value>& items) {
  const auto* const dictionary = std::get_if<Dictionary*>(&top());
  if (dictionary == nullptr || items.size() % 2 != 0)
    throw Error("its pickle fills something other than a dictionary");
  for (std::size_t i = 0; i < items.size(); i += 2)
    (*dictionary)->entries.emplace_back(items[i], items[i + 1]);
}

void PickleMachine::append(const std::vector<Value>& items) {
  const auto* const sequence = std::get_if<Sequence*>(&top());
  if (sequence == nullptr || (*sequence)->is_tuple)
    throw Error("its pickle lengthens something other than a list");
  (*sequence)->items.insert((*sequence)->items.end(), items.begin(), items.end());
}

void PickleMachine::step(std::uint8_t opcode) {
  switch (opcode) {
    case protocol:
      if (take_unsigned(1) != known_protocol) throw Error("its pickle is not of protocol 2");
      return;
    case mark:
      return marks_.push_back(stack_.size());
    case none:
      return push(None{});
    case new_true:
      return push(true);
    case new_false:
      return push(false);
    case bin_int:
      return push(take_signed(4));
    case bin_int1:
      return push(static_cast<std::int64_t>(take_unsigned(1)));
    case bin_int2:
      return push(static_cast<std::int64_t>(take_unsigned(2)));
    case long1:
      return push(take_signed(take_unsigned(1)));
    case bin_float:
      return push(take_double());
    case bin_unicode:
      return push(&strings_.emplace_back(take(take_unsigned(4))));
    case empty_tuple:
      return push_sequence(true, {});
    case tuple1:
      return push_sequence(true, pop_many(1));
    case tuple2:
      return push_sequence(true, pop_many(2));
    case tuple3:
      return push_sequence(true, pop_many(3));
    case tuple:
      return push_sequence(true, pop_to_mark());
    case empty_list:
      return push_sequence(false, {});
    case append_one:
      return append(pop_many(1));
    case append_all:
      return append(pop_to_mark());
    case empty_dictionary:
      return push(new_dictionary());
    case set_item:
      return set_items(pop_many(2));
    case set_all:
      return set_items(pop_to_mark());
    case bin_put:
      return remember(take_unsigned(1));
    case long_bin_put:
      return remember(take_unsigned(4));
    case bin_get:
      return recall(take_unsigned(1));
    case long_bin_get:
      return recall(take_unsigned(4));
    case global: {
      const auto module = take_line();
      return push(Global{host_.global(module, take_line())});
    }
    case bin_persistent_id:
      return push(host_.persistent(pop()));
    case reduce:
      return call();
    case build: {
      // The attributes of a state dict (its _metadata) are not needed.
      pop();
      if (!std::holds_alternative<Dictionary*>(top()))
        throw Error("its pickle gives attributes to something other than a dictionary");
      return;
    }
    default:
      throw Error(text("its pickle uses the operation ", static_cast<int>(opcode),
                       ", which no state dict needs"));
  }
}

PickleMachine::Value PickleMachine::run(std::string_view pickle) {
  rest_ = pickle;
  while (true) {
    const auto opcode = static_cast<std::uint8_t>(take(1).front());
    if (opcode == stop) return pop();
    step(opcode);
  }
}

}  // namespace neurosplat
